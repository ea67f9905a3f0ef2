# SPDX-License-Identifier: Apache-2.0
"""Builders of Kubernetes objects, and clusters of a given size: into an API server or into a dump file."""

import argparse
import ipaddress
import json
import sys
from dataclasses import dataclass

from kube import Kube, KubeError

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


def namespace(name, labels=None):
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}


def port(name, number, protocol="TCP", target=None):
    """A port of a Service."""
    out = {"port": number, "protocol": protocol}
    if name:
        out["name"] = name
    if target:
        out["targetPort"] = target
    return out


def service(space, name, ports=(), **spec):
    """A Service; spec takes clusterIP="None", type=..., externalName=..., selector=... as the API calls them."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space},
            "spec": {**({"ports": list(ports)} if ports else {}), **spec}}


def endpoint(addresses, ready=True, hostname=None, pod=None, **more):
    """An endpoint of a slice; ready=None leaves the condition out."""
    out = {"addresses": [addresses] if isinstance(addresses, str) else list(addresses),
           "conditions": {} if ready is None else {"ready": ready}, **more}
    if hostname:
        out["hostname"] = hostname
    if pod:
        out["targetRef"] = {"kind": "Pod", "name": pod[1], "namespace": pod[0]}
    return out


def endpoint_slice(space, name, owner, endpoints, ports=(), family=4):
    """An EndpointSlice; ports are (name, number, protocol)."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": space, "labels": {SERVICE_NAME_LABEL: owner}},
            "addressType": f"IPv{family}", "endpoints": list(endpoints),
            "ports": [{"name": p[0], "port": p[1], "protocol": p[2]} for p in ports]}


def pod(space, name, addresses, phase="Running", labels=None, node="node-0"):
    """A Pod with its status (which the API takes only by a second request, see create_pod)."""
    addresses = [addresses] if isinstance(addresses, str) else list(addresses)
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": space, "labels": labels or {}},
            "spec": {"nodeName": node, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0,
                     "containers": [{"name": "main", "image": "none"}]},
            "status": {"phase": phase, "podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]}}


def create_pod(kube, obj):
    """Creates a pod and writes its status; for clusters without kwok, which would write its own."""
    kube.create(obj)
    meta = obj["metadata"]
    return kube.patch("Pod", meta["namespace"], meta["name"], {"status": obj["status"]}, "status")


@dataclass
class Plan:
    """How large a cluster is; every fifth service is headless, the endpoints are spread evenly."""

    services: int = 1000
    endpoints: int = 10000
    namespaces: int = 20
    pods: bool = False
    slice_size: int = 100
    pod_net: str = "10.128.0.0/9"
    prefix: str = "load"

    def space(self, i):
        """The namespace of the i-th service."""
        return f"{self.prefix}-{i % self.namespaces}"

    def endpoints_of(self, i):
        """The first endpoint's number and the count of the i-th service."""
        first = self.endpoints * i // self.services
        return first, self.endpoints * (i + 1) // self.services - first


def plan_namespaces(plan):
    """The namespaces of a plan."""
    return [namespace(f"{plan.prefix}-{i}") for i in range(min(plan.namespaces, plan.services))]


def plan_service(plan, i):
    """The i-th service of a plan."""
    spec = {"clusterIP": "None"} if i % 5 == 4 else {}
    return service(plan.space(i), f"svc-{i}", [port("http", 80, target=8080)], **spec)


def plan_slices(plan, i):
    """The slices of the i-th service."""
    base = int(ipaddress.ip_network(plan.pod_net).network_address) + 1
    first, count = plan.endpoints_of(i)
    space, owner, out = plan.space(i), f"svc-{i}", []
    for start in range(0, count, plan.slice_size):
        numbers = range(first + start, first + min(start + plan.slice_size, count))
        ends = [endpoint(str(ipaddress.ip_address(base + n)), pod=(space, f"{owner}-pod-{n}"), nodeName="node-0")
                for n in numbers]
        out.append(endpoint_slice(space, f"{owner}-{start // plan.slice_size}", owner, ends, [("http", 8080, "TCP")]))
    return out


def plan_pods(plan, i):
    """The pods behind the i-th service."""
    return [pod(plan.space(i), end["targetRef"]["name"], end["addresses"])
            for each in plan_slices(plan, i) for end in each["endpoints"]]


def everything(plan):
    """Yields all objects of a plan, namespaces first."""
    yield from plan_namespaces(plan)
    for i in range(plan.services):
        yield plan_service(plan, i)
    for i in range(plan.services):
        yield from plan_slices(plan, i)
        if plan.pods:
            yield from plan_pods(plan, i)


def load(kube, plan, connections=16):
    """Writes a plan into an API server; returns how many objects of each kind."""

    def put(obj):
        try:
            return create_pod(kube, obj) if obj["kind"] == "Pod" else kube.create(obj)
        except KubeError as err:
            if err.status != 409:  # there already: loading twice is fine
                raise
            return None

    counts = {}
    spaces = plan_namespaces(plan)
    kube.bulk(put, spaces, connections)
    for obj in (rest := [obj for obj in everything(plan) if obj["kind"] != "Namespace"]) + spaces:
        counts[obj["kind"]] = counts.get(obj["kind"], 0) + 1
    kube.bulk(put, rest, connections)
    return counts


def dump_object(obj, number):
    """An object as an API server would show it: cluster addresses given, versions set."""
    meta = {**obj["metadata"], "resourceVersion": str(number), "uid": f"00000000-0000-4000-8000-{number:012x}"}
    out = {**obj, "metadata": meta}
    if obj["kind"] == "Service":
        spec = {"type": "ClusterIP", **obj["spec"]}
        spec.setdefault("clusterIP", str(ipaddress.ip_address("10.96.0.0") + number))
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv4"])
        out["spec"] = spec
    return out


def write_dump(plan, file):
    """Writes a plan as `kubectl get ... -o json` would print it, without an API server."""
    file.write('{"apiVersion":"v1","items":[\n')
    for number, obj in enumerate(everything(plan), 1):
        file.write("," if number > 1 else "")
        json.dump(dump_object(obj, number), file, separators=(",", ":"))
        file.write("\n")
    file.write('],"kind":"List","metadata":{"resourceVersion":""}}\n')


def main():
    """fixtures.py --dump FILE or --kubeconfig K."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--services", type=int, default=1000)
    parse.add_argument("--endpoints", type=int, default=10000)
    parse.add_argument("--namespaces", type=int, default=20)
    parse.add_argument("--pods", action="store_true")
    goal = parse.add_mutually_exclusive_group(required=True)
    goal.add_argument("--dump", metavar="FILE")
    goal.add_argument("--kubeconfig")
    args = parse.parse_args()
    plan = Plan(args.services, args.endpoints, args.namespaces, args.pods)
    if args.dump:
        with open(args.dump, "w", encoding="utf-8") as file:
            write_dump(plan, file)
    else:
        print(json.dumps(load(Kube(args.kubeconfig), plan)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
