# SPDX-License-Identifier: Apache-2.0
"""Writes a world into a real API server, takes it away again, and knows when a DNS server has seen everything."""

import itertools
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

from dnswire import TYPES, Question, to_wire  # noqa: E402
from fixtures import create_pod, endpoint, endpoint_slice, namespace, pod, port, service  # noqa: E402
from kube import KubeError, wait  # noqa: E402
from world import EXPOSED, PROD  # noqa: E402

KEPT_SPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}
ZONE = "cluster.local"


def forget_namespace(kube, name):
    """Deletes a Namespace object but nothing in it: what a broken namespace controller leaves behind."""
    doc = kube.delete("Namespace", None, name, missing_ok=True)
    if doc:
        doc["spec"] = {"finalizers": []}
        try:
            kube.request("PUT", f"/api/v1/namespaces/{name}/finalize", doc)
        except KubeError as err:
            if err.status not in (404, 409):
                raise


class Loader:
    """One API server and the objects of one world after another in it."""

    def __init__(self, kube, has_imports):
        self.kube = kube
        self.has_imports = has_imports
        self.refused = []  # objects that the API server did not take: not valid after all
        self.marks = 0

    def clean(self):
        """Removes what an earlier run left: contents first, then namespaces."""
        kinds = ["Service", "EndpointSlice", "Pod"] + (["ServiceImport"] if self.has_imports else [])
        jobs = []
        for kind in kinds:
            for obj in self.kube.list(kind):
                meta = obj["metadata"]
                if (meta["namespace"], meta["name"]) != ("default", "kubernetes"):
                    jobs.append((kind, meta["namespace"], meta["name"]))
        self.kube.bulk(lambda job: self.kube.delete(*job, missing_ok=True), jobs)
        spaces = [obj["metadata"]["name"] for obj in self.kube.list("Namespace")]
        self.kube.bulk(lambda name: forget_namespace(self.kube, name),
                       [name for name in spaces if name not in KEPT_SPACES])

    def put(self, world, obj):
        """Creates one object; an invalid one is dropped from the world."""
        meta = obj["metadata"]
        try:
            self.kube.create(obj)
            if "status" in obj:
                self.kube.patch(obj["kind"], meta["namespace"], meta["name"], {"status": obj["status"]}, "status")
        except KubeError as err:
            if err.status not in (400, 409, 422):
                raise
            self.refused.append(f"{obj['kind']} {meta['name']}: {err}")
            world.objects.pop((obj["kind"], meta.get("namespace"), meta["name"]), None)

    def load(self, world):
        """Creates the whole world."""
        for batch in ([obj for obj in world.objects.values() if obj["kind"] == "Namespace"],
                      [obj for obj in world.objects.values() if obj["kind"] != "Namespace"]):
            self.kube.bulk(lambda obj: self.put(world, obj), batch)

    def change(self, world, steps):
        """Applies what churn() returned, in order."""
        for verb, obj in steps:
            meta = obj["metadata"]
            if verb == "create":
                self.put(world, obj)
            elif verb == "forget":
                forget_namespace(self.kube, meta["name"])
            elif verb == "delete":
                self.kube.delete(obj["kind"], meta["namespace"], meta["name"], missing_ok=True)
            else:
                try:
                    self.kube.replace(obj)
                except KubeError as err:
                    if err.status != 404:
                        raise

    def mark(self, features):
        """Writes one object of each kind, after everything else; returns the names that exist when each has arrived."""
        self.marks += 1
        n = self.marks
        ip, space = f"198.19.{random.randrange(1, 255)}.{n & 255}", f"mark-{n % 8}"
        forget_namespace(self.kube, space)
        wait("a namespace to go", lambda: space not in
             [obj["metadata"]["name"] for obj in self.kube.list("Namespace")])
        name = f"mark-{n}-{int(time.time() * 1000)}"
        objs = [namespace(space, PROD), service(space, name, [port("x", 1)], clusterIP="None")]
        objs.append(endpoint_slice(space, name, name, [endpoint(ip, hostname="host")], [("x", 1, "TCP")]))
        objs.append(service(space, f"{name}-ip", [port("x", 1)]))
        names = [f"{space}.svc.{ZONE}", f"{name}-ip.{space}.svc.{ZONE}"]
        if "noendpoints" not in features:
            names.append(f"host.{name}.{space}.svc.{ZONE}")
        if "ignore" in features:
            objs.append(endpoint_slice(space, f"{name}-ip", f"{name}-ip", [endpoint(ip)], [("x", 1, "TCP")]))
        if "verified" in features:
            objs.append(pod(space, name, ip))
            names.append(f"{ip.replace('.', '-')}.{space}.pod.{ZONE}")
        for obj in objs:
            obj["metadata"]["labels"] = {**obj["metadata"].get("labels", {}), **EXPOSED}
            if obj["kind"] == "Pod":
                create_pod(self.kube, obj)
            else:
                self.kube.apply(obj)
        if self.has_imports and "multicluster" in features:
            self.kube.apply({"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
                             "metadata": {"name": name, "namespace": space, "labels": EXPOSED},
                             "spec": {"type": "ClusterSetIP", "ips": [ip], "ports": [{"port": 1}]}})
            names.append(f"{name}.{space}.svc.clusterset.local")
        return names


def wait_until_seen(asker, names, patience_s=30):
    """Waits until a server knows all names of a mark; each time another type is asked, so that no cache answers."""
    end = time.monotonic() + patience_s
    types = itertools.cycle(range(2000, 60000))
    while names:
        replies = asker.ask_all([Question(to_wire(name), next(types)) for name in names])
        names = [name for name, reply in zip(names, replies) if reply is None or reply.rcode != 0]
        if names and time.monotonic() > end:
            raise SystemExit(f"differential: {asker.name} does not know {names[0]} after {patience_s} s")
        time.sleep(0.02)


def wait_until_up(asker, patience_s=30):
    """Waits until a server answers anything at all: without the API CoreDNS takes 5 s to begin."""
    end = time.monotonic() + patience_s
    while asker.ask_all([Question(to_wire(ZONE), TYPES["SOA"])], tries=1) == [None]:
        if time.monotonic() > end:
            raise SystemExit(f"differential: {asker.name} does not answer")
        time.sleep(0.1)
