# SPDX-License-Identifier: Apache-2.0
"""Random but API-valid clusters: everything follows from the seed, addresses included, so any seed can be played again."""

import copy
import ipaddress
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

from fixtures import endpoint, endpoint_slice, namespace, pod, port, service  # noqa: E402

# Namespaces that the Corefiles of this test name; the others are random.
FIXED_SPACES = ["default", "alpha", "beta"]
ODD_SPACES = ["svc", "pod", "dns", "ns", "cluster", "local", "in-addr", "0", "x-" + "n" * 61]
SERVER4, SERVER6 = "198.18.0.53", "fd00:53::53"  # the servers' own addresses: who NS and ns.dns are about
EXPOSED = {"tier": "exposed"}  # what the Corefile with `labels` selects
PROD = {"env": "prod"}  # what the one with `namespace_labels` selects
PROTOCOLS = ["TCP", "UDP", "SCTP"]
OUTSIDE_NAMES = ["www.up.test", "alias.up.test", "chain.up.test", "nx.up.test", "nodata.up.test", "sf.up.test",
                 "refused.up.test", "ttl0.up.test", "ttl7.up.test", "many.up.test", "example.invalid"]
WORD = "abcdefghijklmnopqrstuvwxyz0123456789"


class World:
    """The objects of one cluster, and the dice."""

    def __init__(self, seed, family="dual"):
        self.dice = random.Random(seed)
        self.family = family
        self.objects = {}  # (kind, namespace, name) -> object
        self.used4, self.used6, self.pool = set(), set(), []
        self.spaces = []
        self.gone_spaces = set()  # Namespace object deleted, contents still there
        self.numbers = 0

    # -- names and addresses

    def label(self, longest=63):
        """A DNS label; now and then as long as may be."""
        dice = self.dice
        if dice.random() < 0.06:
            size = longest
        else:
            size = min(longest, dice.choice([1, 2, 3, 5, 8, 12, 20]))
        middle = "".join(dice.choice(WORD + "-") for _ in range(max(0, size - 2)))
        first = dice.choice(WORD[:26] if dice.random() < 0.8 else WORD)
        return first + middle + dice.choice(WORD) if size > 1 else first

    def fresh(self, prefix):
        """A short name nobody has."""
        self.numbers += 1
        return f"{prefix}{self.numbers}"

    def name(self, kind, space):
        """A random name that is free in the namespace; services begin with a letter."""
        while True:
            name = self.label()
            if kind == "Service" and not name[0].isalpha() and self.dice.random() < 0.7:
                continue
            if (kind, space, name) not in self.objects:
                return name

    def cluster_ip(self, family):
        """A free cluster address; the first of the ranges are the control plane's own."""
        net, used = (int(ipaddress.ip_address("10.96.0.0")), self.used4) if family == 4 else \
            (int(ipaddress.ip_address("fd00:96::")), self.used6)
        while True:
            number = self.dice.randrange(0x1000, 0xf000)
            if number not in used:
                used.add(number)
                return str(ipaddress.ip_address(net + number))

    def endpoint_ip(self, family):
        """An endpoint's address, one that is taken in one case out of six; IPv6 in odd but valid shapes too."""
        dice = self.dice
        known = [ip for ip in self.pool if (":" in ip) == (family == 6)]
        if known and dice.random() < 0.16:
            return dice.choice(known)
        if family == 4:
            ip = f"10.{dice.choice([244, 244, 245])}.{dice.randrange(256)}.{dice.randrange(1, 255)}"
        else:
            ip = dice.choice(["fd00:244::%x", "fd00:244:0:1::%x", "fd00:244::%x:0:0", "2001:db8:1:2:3:4:5:%x"]) \
                % dice.randrange(1, 0xffff)
            ip = str(ipaddress.ip_address(dice.choice(["fd00:244::", "fd00:244:1::", ip, ip, ip, ip])))
        self.pool.append(ip)
        return ip

    def lonely_ip(self, family):
        """An address that no other slice has: CoreDNS is silent about those of slices without a service."""
        self.numbers += 1
        return f"10.246.{self.numbers >> 8}.{self.numbers & 255}" if family == 4 else f"fd00:246::{self.numbers:x}"

    def families(self):
        """The families of a new service."""
        if self.family != "dual":
            return [int(self.family)]
        return self.dice.choice([[4], [4], [4], [6], [4, 6], [4, 6], [6, 4]])

    # -- building blocks

    def add(self, obj):
        """Takes an object in."""
        meta = obj["metadata"]
        self.objects[obj["kind"], meta.get("namespace"), meta["name"]] = obj
        if self.dice.random() < 0.6:
            meta["labels"] = {**meta.get("labels", {}), **(PROD if obj["kind"] == "Namespace" else EXPOSED)}
        return obj

    def ports(self, least=1):
        """Ports of a service: (name, number, protocol), names unique, number and protocol unique."""
        dice = self.dice
        count = max(least, dice.choice([0, 1, 1, 1, 2, 2, 3, 5]))
        numbers, names, out = set(), set(), []
        while len(out) < count:
            proto, number = dice.choice(PROTOCOLS), dice.choice([53, 80, 443, dice.randrange(1, 65536)])
            name = dice.choice(["http", "dns", "dns-tcp", "https", "web", self.label(15), self.label(63)])
            if (number, proto) in numbers or name in names or "--" in name:
                continue
            numbers.add((number, proto))
            names.add(name)
            out.append((name, number, proto))
        if count == 1 and dice.random() < 0.3:
            out = [("", *out[0][1:])]
        return out

    def endpoints(self, space, family, count, address=None):
        """Endpoints of one slice: ready or not or unsaid, named or not, some names and addresses shared."""
        dice = self.dice
        names = [self.label() for _ in range(3)] + ["db-0", "db-1"]
        out = []
        for _ in range(count):
            ready = dice.choice([True, True, True, None, False])
            more = {"nodeName": f"node-{dice.randrange(3)}", "zone": dice.choice(["zone-a", "zone-b", "eu.west.1"])}
            addresses = [(address or self.endpoint_ip)(family) for _ in range(dice.choice([1, 1, 1, 1, 1, 2, 3]))]
            out.append(endpoint(list(dict.fromkeys(addresses)), ready, dice.choice([None, None] + names), **more))
            if dice.random() < 0.2:
                out[-1]["conditions"].update(ready=False, serving=True, terminating=True)
            if dice.random() < 0.6:
                out[-1]["targetRef"] = {"kind": "Pod", "namespace": space, "name": self.pod_name()}
        return out

    def pod_name(self):
        """The name of a pod: a label, at times with dots or too long for a label."""
        dice = self.dice
        return dice.choice([self.label(), self.label(), f"{self.label(20)}.{self.label(20)}", "p" * 64,
                            f"web-{dice.randrange(100)}"])

    def slices(self, space, owner, ports, families):
        """0 to 3 slices of a service; port numbers of one name may differ between them."""
        dice = self.dice
        for _ in range(dice.choice([0, 1, 1, 1, 2, 2, 3])):
            family = dice.choice(families)
            count = dice.choice([0, 1, 2, 3, 3, 6, 12, 40 if dice.random() < 0.3 else 4])
            numbered = [(name, dice.choice([number, dice.randrange(1, 65536)]), proto)
                        for name, number, proto in ports]
            if dice.random() < 0.1:
                numbered = []
            obj = endpoint_slice(space, self.fresh("slice-"), owner, self.endpoints(space, family, count), numbered,
                                 family)
            self.add(obj)

    def service(self, space, **spec):
        """Adds a service of that spec with its ports filled in."""
        families = [4 if ip.count(".") == 3 else 6 for ip in spec.get("clusterIPs", [])] or self.families()
        least = 0 if spec.get("clusterIP") == "None" else 1
        ports = self.ports(least)
        name = self.name("Service", space)
        self.add(service(space, name, [port(*each) for each in ports], **spec))
        return name, ports, families

    # -- the shapes of services

    def add_cluster_ip(self, space):
        """ClusterIP, NodePort or LoadBalancer, one or two families, with or without endpoints."""
        families = self.families()
        ips = [self.cluster_ip(family) for family in families]
        spec = {"type": self.dice.choice(["ClusterIP", "ClusterIP", "ClusterIP", "NodePort", "LoadBalancer"]),
                "clusterIP": ips[0], "clusterIPs": ips, "ipFamilies": [f"IPv{family}" for family in families],
                "ipFamilyPolicy": "RequireDualStack" if len(ips) > 1 else "SingleStack"}
        if self.dice.random() < 0.2:
            spec["externalIPs"] = [f"203.0.113.{self.dice.randrange(1, 255)}"]
        name, ports, _ = self.service(space, **spec)
        if spec["type"] == "LoadBalancer":
            self.objects["Service", space, name]["status"] = {"loadBalancer": {"ingress": self.ingress()}}
        self.slices(space, name, ports, families)

    def ingress(self):
        """What a load balancer hands out: addresses, or a name."""
        dice = self.dice
        return dice.choice([[], [{"ip": f"198.51.100.{dice.randrange(1, 255)}"}], [{"ip": "198.51.100.1"}, {"ip": "2001:db8:99::1"}],
                            [{"hostname": "www.up.test"}]])

    def add_headless(self, space):
        """Headless, with or without selector, tolerant of unready endpoints or not."""
        families = self.families()
        spec = {"clusterIP": "None", "ipFamilies": [f"IPv{family}" for family in families],
                "ipFamilyPolicy": "RequireDualStack" if len(families) > 1 else "SingleStack"}
        if self.dice.random() < 0.15:
            spec["publishNotReadyAddresses"] = True
        name, ports, _ = self.service(space, **spec)
        self.slices(space, name, ports, families)

    def external_targets(self):
        """Names an ExternalName may point to: outside, inside, missing, odd."""
        dice = self.dice
        spaces = self.spaces
        services = [key for key in self.objects if key[0] == "Service"]
        zone = "cluster.local"
        known = [f"{name}.{space}.svc.{zone}" for _, space, name in dice.sample(services, min(6, len(services)))]
        return known + OUTSIDE_NAMES + [
            f"missing.{dice.choice(spaces)}.svc.{zone}", f"{dice.choice(spaces)}.svc.{zone}", zone, f"svc.{zone}",
            f"dns-version.{zone}", f"10-1-2-3.{dice.choice(spaces)}.pod.{zone}", f"ns.dns.{zone}",
            "1.0.96.10.in-addr.arpa", "192.0.2.7", "localhost", "web.up.test.",
            ".".join(["l" * 63, "m" * 63, "n" * 63, "o" * 55])]

    def add_external(self, space):
        """ExternalName to anything."""
        target = self.dice.choice(self.external_targets())
        name = self.name("Service", space)
        ports = [port(*each) for each in self.ports(0)] if self.dice.random() < 0.3 else []
        self.add(service(space, name, ports, type="ExternalName", externalName=target))

    def add_chain(self, space):
        """A chain of ExternalNames of a random length to an address, a loop, or a dead end."""
        dice = self.dice
        length = dice.choice([1, 2, 3, 5, 10, 11, 12, 13])
        names = [self.fresh("link-") for _ in range(length)]
        services = [key for key in self.objects if key[0] == "Service"]
        _, other, last = dice.choice(services) if services else (None, space, "missing")
        targets = names[1:] + [None]
        end = dice.choice([f"{last}.{other}", f"{names[0]}.{space}", f"gone.{space}"])
        for name, target in zip(names, targets):
            where = f"{target}.{space}" if target else end
            self.add(service(space, name, type="ExternalName", externalName=f"{where}.svc.cluster.local"))

    def add_dns_service(self):
        """The service in front of the servers themselves: decides what NS and ns.dns answer."""
        shape = self.dice.choice(["none", "cluster", "cluster", "headless"])
        if shape == "none":
            return
        families = {"4": [4], "6": [6]}.get(self.family, [4, 6])
        ips = [self.cluster_ip(family) for family in families]
        spec = {"clusterIP": "None"} if shape == "headless" else {"clusterIP": ips[0], "clusterIPs": ips}
        self.add(service("kube-system", "kube-dns", [port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP")], **spec,
                         ipFamilies=[f"IPv{family}" for family in families],
                         ipFamilyPolicy="RequireDualStack" if len(families) > 1 else "SingleStack"))
        for family in families:
            ends = [endpoint(SERVER4 if family == 4 else SERVER6), endpoint(self.endpoint_ip(family))]
            self.add(endpoint_slice("kube-system", self.fresh("dns-"), "kube-dns", ends,
                                    [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")], family))

    def add_stray_slice(self, space):
        """A slice that belongs to no service, or to one of another kind."""
        dice = self.dice
        owners = [name for kind, where, name in self.objects if kind == "Service" and where == space]
        family = self.families()[0]
        owner = dice.choice(owners + ["nobody"])
        unowned = dice.random() < 0.3
        ends = self.endpoints(space, family, 2, self.lonely_ip if unowned else None)
        obj = endpoint_slice(space, self.fresh("stray-"), owner, ends, self.ports(), family)
        if unowned:
            obj["metadata"]["labels"] = {}
        self.add(obj)

    def add_pod(self, space):
        """A pod with an address, in any phase."""
        dice = self.dice
        family = self.families()[0]
        phase = dice.choice(["Running", "Running", "Running", "Pending", "Succeeded", "Failed", "Unknown"])
        self.add(pod(space, self.fresh("pod-"), self.endpoint_ip(family), phase))

    def add_client(self, space):
        """The pod that asks: who asks a server in its own namespace does so from the server's address."""
        self.add(pod(space, self.fresh("client-"), SERVER4))

    def add_import(self, space):
        """A service of a cluster set, with slices of two clusters."""
        dice = self.dice
        name = self.name("ServiceImport", space)
        headless = dice.random() < 0.5
        ports = [each for each in self.ports() if each[0]]
        family = 4 if self.family != "6" else 6
        ips = [] if headless else [self.cluster_ip(family)] if dice.random() < 0.8 else []
        self.add({"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
                  "metadata": {"name": name, "namespace": space},
                  "spec": {"type": "Headless" if headless else "ClusterSetIP", "ips": ips,
                           "ports": [{"name": p[0], "port": p[1], "protocol": p[2]} for p in ports]}})
        for cluster in ("east", "west"):
            obj = endpoint_slice(space, self.fresh("import-"), name,
                                 self.endpoints(space, family, dice.choice([0, 1, 3]), self.lonely_ip), ports,
                                 family)
            obj["metadata"]["labels"] = {"multicluster.kubernetes.io/service-name": name,
                                         "multicluster.kubernetes.io/source-cluster": cluster}
            self.add(obj)

    # -- the whole

    def add_space(self, name):
        """A Namespace; those of the control plane exist already."""
        if name not in ("default", "kube-system"):
            self.add(namespace(name))
        self.spaces.append(name)

    def populate(self, services=60, pods=20, imports=0):
        """Fills the world."""
        dice = self.dice
        for name in [*FIXED_SPACES, "kube-system", *dice.sample(ODD_SPACES, 3), self.label(20), self.label()]:
            if name not in self.spaces:
                self.add_space(name)
        self.add_dns_service()
        makers = [self.add_cluster_ip] * 9 + [self.add_headless] * 9 + [self.add_external] * 4 + \
            [self.add_chain, self.add_stray_slice]
        for _ in range(services):
            dice.choice(makers)(dice.choice(self.spaces))
        for _ in range(pods):
            self.add_pod(dice.choice(self.spaces))
        for _ in range(imports):
            self.add_import(dice.choice(self.spaces))

    def churn(self, rounds=40):
        """Changes the world; returns [(verb, object)] in order: create, replace, delete, forget (namespace only)."""
        dice, out = self.dice, []
        for _ in range(rounds):
            movable = [key for key in self.objects if key[0] in ("Service", "EndpointSlice", "Pod")
                       and key[1] not in self.gone_spaces]
            action = dice.choice(["delete", "delete", "new", "new", "new", "slice", "slice", "service", "service",
                                  "space", "forget"])
            if action == "delete" and movable:
                out.append(("delete", self.objects.pop(dice.choice(movable))))
            elif action == "slice":
                out += self._change_slice(movable)
            elif action == "service":
                out += self._change_service(movable)
            elif action == "new":
                before = set(self.objects)
                live = [name for name in self.spaces if name not in self.gone_spaces]
                dice.choice([self.add_cluster_ip, self.add_headless, self.add_external])(dice.choice(live))
                out += [("create", copy.deepcopy(self.objects[key])) for key in self.objects if key not in before]
            elif action == "space":
                self.add_space(self.fresh("come-"))
                out.append(("create", self.objects["Namespace", None, self.spaces[-1]]))
            elif action == "forget":
                out += self._forget_space()
        return out

    def _change_slice(self, movable):
        """Other endpoints in an existing slice."""
        keys = [key for key in movable if key[0] == "EndpointSlice"]
        if not keys:
            return []
        obj = self.objects[self.dice.choice(keys)]
        family = 6 if obj["addressType"] == "IPv6" else 4
        obj["endpoints"] = self.endpoints(obj["metadata"]["namespace"], family, self.dice.randrange(5))
        services = [key[2] for key in self.objects if key[0] == "Service" and key[1] == obj["metadata"]["namespace"]]
        if services and self.dice.random() < 0.3:
            obj["metadata"]["labels"] = {**obj["metadata"].get("labels", {}),
                                         "kubernetes.io/service-name": self.dice.choice(services)}
        return [("replace", copy.deepcopy(obj))]

    def _change_service(self, movable):
        """Other ports, another target or another selection by label of an existing service."""
        keys = [key for key in movable if key[0] == "Service" and key[2] != "kube-dns"]
        if not keys:
            return []
        obj = self.objects[self.dice.choice(keys)]
        spec, labels = obj["spec"], obj["metadata"].setdefault("labels", {})
        if spec.get("type") == "ExternalName":
            spec["externalName"] = self.dice.choice(self.external_targets())
        else:
            spec["ports"] = [port(*each) for each in self.ports()]
            if spec.get("type") in ("NodePort", "LoadBalancer"):
                spec["type"] = "ClusterIP"  # the API server may hand out one node port twice
        if labels.items() >= EXPOSED.items() and self.dice.random() < 0.3:
            obj["metadata"]["labels"] = {key: value for key, value in labels.items() if key not in EXPOSED}
        else:
            labels.update(EXPOSED)
        return [("replace", copy.deepcopy(obj))]

    def _forget_space(self):
        """A Namespace goes and what is in it stays, or comes back: seldom, and never one that a Corefile names."""
        if self.gone_spaces and self.dice.random() < 0.4:
            name = min(self.gone_spaces)
            self.gone_spaces.remove(name)
            return [("create", self.add(namespace(name)))]
        names = [name for name in self.spaces if name not in self.gone_spaces
                 and name not in FIXED_SPACES and name != "kube-system"]
        if len(self.gone_spaces) > 1 or not names:
            return []
        name = self.dice.choice(names)
        self.gone_spaces.add(name)
        return [("forget", self.objects.pop(("Namespace", None, name)))]

    def unowned_addresses(self):
        """The endpoints' addresses of slices without a service's label."""
        return {ip for obj in self.of("EndpointSlice") for end in obj["endpoints"] for ip in end["addresses"]
                if "kubernetes.io/service-name" not in obj["metadata"].get("labels", {})}

    def split_addresses(self):
        """Addresses that several topology zones have, as bytes."""
        zones = {}
        for obj in self.of("EndpointSlice"):
            for end in obj["endpoints"]:
                for ip in end["addresses"]:
                    zones.setdefault(ip, set()).add(end.get("zone"))
        return {ipaddress.ip_address(ip).packed for ip, have in zones.items() if len(have) > 1}

    def of(self, kind):
        """The objects of a kind, in the order they were made."""
        return [obj for key, obj in self.objects.items() if key[0] == kind]
