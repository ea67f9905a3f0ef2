# SPDX-License-Identifier: Apache-2.0
"""Fills a cluster of the bench by writing objects into etcd as the API server would have: a request for each of 100,000
objects takes it a quarter of an hour, this takes half a minute. What it serves afterwards is the same: the first services
go in by requests, and what the server adds to those is added to all."""

import base64
import ipaddress
import itertools
import json
import urllib.request

import fixtures

TOGETHER = 100  # objects in one write: etcd takes 128
EXAMPLES = 5  # services: every fifth is headless
STORED = "2025-01-01T00:00:00Z"
FIRST_ADDRESS = int(ipaddress.ip_address("10.96.1.0"))
PLACES = {
    "EndpointSlice": "endpointslices",
    "IPAddress": "ipaddresses",
    "Namespace": "namespaces",
    "Pod": "pods",
    "Service": "services/specs",
}


def key_of(obj):
    meta = obj["metadata"]
    space = f"{meta['namespace']}/" if "namespace" in meta else ""
    return f"/registry/{PLACES[obj['kind']]}/{space}{meta['name']}"


def address_taken(service, address):
    """What the API server keeps for each address it gave to a service."""
    meta = service["metadata"]
    owner = {"group": "", "resource": "services", "namespace": meta["namespace"], "name": meta["name"]}
    labels = {"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": labels},
        "spec": {"parentRef": owner},
    }


def shape_of(obj):
    """Objects of one shape have the same record of who wrote which field."""
    return obj["kind"], obj.get("spec", {}).get("clusterIP") == "None"


def examples(kube, plan):
    """The first services of a plan through the API: ({keys}, {shape: what the server notes of the writer})."""
    objects = []
    for i in range(EXAMPLES):
        objects += [fixtures.plan_service(plan, i), *fixtures.plan_slices(plan, i)]
        objects += fixtures.plan_pods(plan, i) if plan.pods else []
    kube.bulk(kube.create, fixtures.plan_namespaces(plan))
    kube.bulk(lambda obj: fixtures.create_pod(kube, obj) if obj["kind"] == "Pod" else kube.create(obj), objects)
    written = {}
    for obj in objects:
        if shape_of(obj) not in written:
            meta = kube.get(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])["metadata"]
            written[shape_of(obj)] = meta["managedFields"]
    return {key_of(obj) for obj in [*fixtures.plan_namespaces(plan), *objects]}, written


def with_address(service, address):
    """The service with what the API server gives it."""
    family = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None"}
    spec = {"type": "ClusterIP", **family, **service["spec"], "clusterIP": address, "clusterIPs": [address]}
    return {**service, "spec": spec}


def identified(obj, number, **more):
    """The object with identity and age."""
    uid = f"00000000-0000-4000-8000-{number:012x}"
    return {**obj, "metadata": {**obj["metadata"], "uid": uid, "creationTimestamp": STORED, **more}}


def stored(objects, written):
    """The objects with what the API server adds when it takes them."""
    addresses = (str(ipaddress.ip_address(FIRST_ADDRESS + n)) for n in itertools.count())
    numbers = itertools.count()
    for obj in objects:
        fields = written[shape_of(obj)]
        if obj["kind"] == "Service":
            address = obj["spec"].get("clusterIP") or next(addresses)
            if address != "None":
                yield identified(address_taken(obj, address), next(numbers))
            obj = with_address(obj, address)
        yield identified(obj, next(numbers), managedFields=fields)


def batches(objects, size=TOGETHER):
    """Lists of at most so many."""
    batch = []
    for obj in objects:
        batch.append(obj)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def put(obj):
    """One write of etcd's JSON gateway."""
    key, value = key_of(obj).encode(), json.dumps(obj, separators=(",", ":")).encode()
    return {"requestPut": {"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()}}


def write(etcd_port, objects):
    """Writes them all; returns how many."""
    count = 0
    for batch in batches(objects):
        body = json.dumps({"success": [put(obj) for obj in batch]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{etcd_port}/v3/kv/txn", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            if not json.load(reply).get("succeeded"):
                raise RuntimeError("etcd did not take the objects")
        count += len(batch)
    return count


def fill(cluster, plan):
    """Fills a cluster and leaves its API server stopped: one that runs would take addresses back whose services it has not
    seen yet. Returns how many objects were written."""
    there, written = examples(cluster.kube, plan)
    cluster.script("stop-api")
    missing = (obj for obj in fixtures.everything(plan) if key_of(obj) not in there)
    return write(cluster.state()["ports"]["etcd"], stored(missing, written))
