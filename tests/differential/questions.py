# SPDX-License-Identifier: Apache-2.0
"""Questions about a world: every name it should make, its near misses, and names it should not make."""

import ipaddress
import random

from dnswire import AD, ANY_CLASS, CD, CH, HS, RD, TYPES, Question, is_askable, to_wire
from world import OUTSIDE_NAMES, SERVER4

ZONE = "cluster.local"
SET_ZONE = "clusterset.local"
EXTERNAL_ZONE = "ext.test"
CLIENT_SPACE = "default"  # of the pod that asks
# How often each type is asked.
TYPE_WEIGHTS = {"A": 30, "AAAA": 17, "SRV": 16, "TXT": 6, "SOA": 5, "NS": 5, "PTR": 5, "CNAME": 4, "MX": 3, "ANY": 3,
                "HTTPS": 3, "DS": 1, "CAA": 1, "HINFO": 2, "NAPTR": 1, "DNSKEY": 1}
SIZES = [-1] * 8 + [100, 512, 513, 600, 1220, 1232, 1232, 1232, 1400, 1452, 4096, 4096, 65535]
OPTIONS = [bytes.fromhex(text) for text in (
    "000a00080102030405060708", "00030000", "000800070001180 0c00002".replace(" ", ""), "000c000400000000",
    "fde9000401020304")]
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-_*"


def dashed(address):
    """An address as an endpoint's or pod's name."""
    text = address.replace(".", "-").replace(":", "-")
    return text + "0" if text.endswith("-") else text


def reverse_name(address):
    """The name under in-addr.arpa or ip6.arpa."""
    return ipaddress.ip_address(address).reverse_pointer


def burst(salt, count=40):
    """Names of a slow upstream that takes one question at a time, all different."""
    return [Question(to_wire(f"slow-{salt}-{i}.busy.test"), TYPES["A"]) for i in range(count)]


class Asked:
    """The pools of names to choose from, by kind."""

    def __init__(self, world, seed, features, zones):
        self.world, self.features, self.zones = world, features, zones
        self.dice = random.Random(f"questions {seed}")
        self.pools = {}
        self.unowned = world.unowned_addresses()
        self._zone_names()
        for obj in world.of("Service"):
            self._service_names(obj)
        for obj in world.of("EndpointSlice"):
            self._slice_names(obj)
        for obj in world.of("Pod"):
            self._pod_names(obj["status"]["podIP"])
        for obj in world.of("ServiceImport"):
            self._import_names(obj)
        self._far_names()
        if "rewrite" in features:
            self._plugin_names()
        if "cache" in features:
            self._kept_names()
        if "k8s_external" in features:
            self._external_names()
        if "autopath" in features:
            self._searched_names()

    def _add(self, kind, *names):
        self.pools.setdefault(kind, []).extend(names)

    def _zone_names(self):
        apexes = [".".join(zone) for zone in self.zones.names]
        self._add("apex", *apexes)
        for zone in {ZONE, *(apex for apex in apexes if not apex.endswith("arpa"))}:
            self._add("apex", f"ns.dns.{zone}", f"ns.dns.{zone}", f"dns-version.{zone}")
            self._add("inner", f"svc.{zone}", f"pod.{zone}", f"dns.{zone}", f"foo.{zone}", f"foo.bar.{zone}",
                      f"x.dns-version.{zone}", f"x.ns.dns.{zone}", f"_zone.{zone}", f"*.{zone}")
            for space in [*self.world.spaces, "kube-system", "missing", "*", "any"]:
                self._add("inner", f"{space}.svc.{zone}", f"{space}.pod.{zone}", f"*.{space}.svc.{zone}",
                          f"any.{space}.svc.{zone}")
        self._add("service", f"kubernetes.default.svc.{ZONE}", f"missing.default.svc.{ZONE}")

    def _service_names(self, obj):
        meta, spec = obj["metadata"], obj["spec"]
        name = f"{meta['name']}.{meta['namespace']}.svc.{ZONE}"
        kind = {"ExternalName": "external"}.get(spec.get("type"), "headless" if spec.get("clusterIP") == "None"
                                                else "service")
        self._add(kind, name)
        for each in spec.get("ports", []):
            self._port_names(name, each.get("name", ""), each["protocol"].lower())
        self._add("port", f"_http._tcp.{name}", f"_http.{name}", f"_tcp.{name}", f"_x._tcp.{name}")
        self._add("deep", f"a.b.c.{name}", f"zone-a.pin._zone.{name}", f"zone-a.prefer._zone.{name}",
                  f"eu.west.1.pin._zone.{name}", f"ZONE-B.prefer._zone.{name}", f"zone-x.pin._zone.{name}",
                  f"zone-x.other._zone.{name}", f"pin._zone.{name}", f"_zone.{name}")
        for ip in spec.get("clusterIPs", []):
            if ip != "None":
                self._address_names(ip)
                self._add("endpoint", f"{dashed(ip)}.{name}")

    def _port_names(self, name, port, proto):
        dice = self.dice
        other = dice.choice(["tcp", "udp", "sctp"])
        self._add("port", f"_{port}._{proto}.{name}", f"_{port}._{proto}.{name}", f"{port or '_'}.{proto}.{name}",
                  f"_{port}.{proto}.{name}")
        self._add("port", dice.choice([f"_{port}._{other}.{name}", f"_._{proto}.{name}", f"_{port}._.{name}",
                                       f"_80._{proto}.{name}", f"_{port}._{proto}.x.{name}", f"_{port}x._{proto}.{name}",
                                       f"__{port}.__{proto}.{name}"]))

    def _slice_names(self, obj):
        meta = obj["metadata"]
        labels = meta.get("labels", {})
        owner = labels.get("kubernetes.io/service-name", labels.get("multicluster.kubernetes.io/service-name", "x"))
        cluster = labels.get("multicluster.kubernetes.io/source-cluster")
        zone = SET_ZONE if cluster else ZONE
        name = f"{owner}.{meta['namespace']}.svc.{zone}"
        for each in obj.get("ports") or []:
            self._port_names(name, each.get("name") or "", (each.get("protocol") or "tcp").lower())
        for end in obj.get("endpoints") or []:
            names = [dashed(ip) for ip in end["addresses"]]
            names += [text for text in (end.get("hostname"), end.get("targetRef", {}).get("name")) if text]
            for each in names:
                self._add("endpoint", f"{each}.{cluster}.{name}" if cluster else f"{each}.{name}")
            self._add("endpoint", f"{names[0]}.{name}", f"_http._tcp.{names[0]}.{name}")
            for ip in end["addresses"]:
                self._address_names(ip)

    def _address_names(self, ip):
        dice = self.dice
        name = reverse_name(ip)
        labels = name.split(".")
        if ip in self.unowned:
            self._add("notreverse", name)  # seldom: CoreDNS is silent, which takes time
            return
        self._add("reverse", name, name, name)
        self._add("notreverse", dice.choice([
            ".".join(labels[1:]), f"x.{name}", f"0{name}", f"999.{name.partition('.')[2]}", f"*.{name}",
            ".".join(labels[2:]), reverse_name(f"10.99.{dice.randrange(256)}.{dice.randrange(256)}")]))

    def _pod_names(self, ip):
        dice = self.dice
        for space in dice.sample(self.world.spaces, min(3, len(self.world.spaces))) + ["missing"]:
            self._add("pod", f"{dashed(ip)}.{space}.pod.{ZONE}")
        self._address_names(ip)
        space = dice.choice(self.world.spaces)
        full = ipaddress.ip_address(ip).exploded.replace(":", "-").replace(".", "-")
        self._add("pod", f"{full}.{space}.pod.{ZONE}", f"x.{dashed(ip)}.{space}.pod.{ZONE}",
                  f"y.x.{dashed(ip)}.{space}.pod.{ZONE}", f"z.y.x.{dashed(ip)}.{space}.pod.{ZONE}")
        odd = ["p1", "300-1-1-1", "01-2-3-4", "1-2-3", "1-2-3-4-5", "--1", "1--2", "--", "-", "10.1.2.3", "fd00--1-",
               "1-2-3-4-5-6-7-8", "::1", "--ffff-1-2-3-4", "--ffff-102-304", "0-0-0-0-0-0-0-1", "255-255-255-255",
               "1-2-3-04", "1-2-3-", "-1-2-3", "fd00-244--G", "FD00--1"]
        self._add("pod", f"{dice.choice(odd)}.{space}.pod.{ZONE}",
                  f"10-{dice.randrange(256)}-{dice.randrange(256)}-{dice.randrange(256)}.{space}.pod.{ZONE}",
                  f"fd00--{dice.randrange(65536):x}.{space}.pod.{ZONE}")

    def _import_names(self, obj):
        meta = obj["metadata"]
        name = f"{meta['name']}.{meta['namespace']}.svc.{SET_ZONE}"
        self._add("import", name, name, f"{meta['name']}.{meta['namespace']}.svc.{ZONE}")
        for each in obj["spec"]["ports"]:
            self._port_names(name, each.get("name", ""), each["protocol"].lower())
        for ip in obj["spec"]["ips"]:
            self._add("reverse", reverse_name(ip))
        self._add("endpoint", f"east.{name}", f"http.tcp.{name}")

    def _far_names(self):
        self._add("far", *OUTSIDE_NAMES, *OUTSIDE_NAMES, "", "local", f"x{ZONE}", "cluster.locals", "svc", "arpa",
                  "example.org", "www.example.net", "ip6.int", "clusterset.local", "a.clusterset.local",
                  "www.dead.test", "x.example.test", f"{ZONE}.{ZONE}.up.test")
        if "dead" in self.features:
            self._add("far", *[f"{word}.dead.test" for word in "abcdefghijklmnop"])
        self._add("reverse", reverse_name(SERVER4), "1.0.0.127.in-addr.arpa", reverse_name("192.0.2.1"))
        for zone in (ZONE, f"default.svc.{ZONE}", "up.test"):
            room = 253 - len(zone) - 1
            long = ".".join(["w" * 63] * (room // 64))
            rest = room - len(long) - 1
            self._add("far", f"{long}.{zone}", f"{'v' * rest}.{long}.{zone}" if rest > 0 else f"{long}.{zone}")

    def _kept_names(self):
        """Names outside that nothing but a question makes a server fetch: their TTLs are compared."""
        for word in ("www", "alias", "chain", "nx", "nodata", "many", "ttl0", "ttl7", "ttl20", "ttl600", "sf"):
            self._add("kept", f"{word}.own.up.test", f"{word}.x.own.up.test")

    def _plugin_names(self):
        """Names that the directives of plugins.Corefile are about."""
        for obj in self.world.of("Service"):
            name = f"{obj['metadata']['name']}.{obj['metadata']['namespace']}"
            self._add("plugin", f"{name}.old.test", f"{name}.mesh.test", f"_http._tcp.{name}.old.test", f"a.{name}.mesh.test")
        for word in ("www", "alias", "chain", "nodata", "ttl5", "ttl600", "ttl100", "sf", "many", "none"):
            self._add("plugin", f"{word}.once.test", f"{word}.twice.test", f"{word}.up.test")
        self._add("plugin", "short.test", "x.short.test", "legacy-www.up.test", "a-dup-b.up.test", "ip-10-1-2-3.template.test",
                  "ip-1-2-3-999.template.test", "ip-1-2-3.template.test", "template.test", "corp.template.test", "x.y.template.test",
                  "internal.test", "a.internal.test", "a.b.internal.test", "gone.test", "x.gone.test", "host.test",
                  "alias.host.test", "x.host.test", reverse_name("192.0.2.7"), reverse_name("192.0.2.8"),
                  reverse_name("2001:db8:7::7"), f"kubernetes.default.svc.{ZONE}", "kubernetes.default.old.test")

    def _external_names(self):
        """Names of `k8s_external`: services, their ports and endpoints, and its own."""
        zone = EXTERNAL_ZONE
        for obj in self.world.of("Service"):
            meta, spec = obj["metadata"], obj["spec"]
            name = f"{meta['name']}.{meta['namespace']}.{zone}"
            weight = 4 if spec.get("externalIPs") or obj.get("status") else 1
            self._add("beyond", *[name] * weight, f"x.{name}", f"{meta['namespace']}.{zone}")
            for each in spec.get("ports", []):
                self._add("beyond", *[f"_{each.get('name', '')}._{each['protocol'].lower()}.{name}"] * weight)
            if spec.get("clusterIP") == "None":
                self._add("beyond", *[f"{dashed(ip)}.{name}" for ip in self.world.pool[:2]])
        self._add("beyond", *[zone, f"dns.{zone}", f"ns1.dns.{zone}", f"ns2.dns.{zone}", f"a.b.c.d.{zone}", f"svc.{zone}"] * 3)

    def _searched_names(self):
        """What a resolver with the client's search list asks first, and names that go further down the list."""
        first = f"{CLIENT_SPACE}.svc.{ZONE}"
        names = [f"{word}.up.test" for word in ("www", "alias", "chain", "nx", "nodata", "sf", "ttl7", "many")]
        names += ["short.test", "www.once.test", "host.test", "ip-10-1-2-3.template.test", "gone.test", "a.internal.test", f"ns1.dns.{EXTERNAL_ZONE}"]
        for obj in self.world.of("Service"):
            name = f"{obj['metadata']['name']}.{obj['metadata']['namespace']}"
            names += [name, f"{name}.svc", f"{name}.svc.{ZONE}", obj["metadata"]["name"], f"{name}.{EXTERNAL_ZONE}"]
        self._add("searched", *[f"{name}.{first}" for name in names], f"x.missing.svc.{ZONE}", f"www.up.test.svc.{ZONE}",
                  f"www.up.test.{ZONE}", f"www.up.test.kube-system.svc.{ZONE}")

    # -- choosing

    def _near(self, name):
        """A name that differs a little."""
        dice = self.dice
        labels = name.split(".")
        at = dice.randrange(len(labels))
        action = dice.choice(["drop", "double", "change", "insert", "swap", "longer", "shorter"])
        if action == "drop" and len(labels) > 1:
            del labels[at]
        elif action == "double":
            labels.insert(at, labels[at])
        elif action == "insert":
            labels.insert(at, dice.choice(["x", "_tcp", "svc", "pod", "*", "default", "a-b", "ns"]))
        elif action == "swap" and len(labels) > 1:
            labels[at - 1], labels[at] = labels[at], labels[at - 1]
        elif action == "longer":
            labels[at] += dice.choice(ALPHABET)
        elif action == "shorter" and len(labels[at]) > 1:
            labels[at] = labels[at][:-1]
        elif labels[at]:
            spot = dice.randrange(len(labels[at]))
            labels[at] = labels[at][:spot] + dice.choice(ALPHABET) + labels[at][spot + 1:]
        return ".".join(label for label in labels if label)

    def _name(self):
        dice = self.dice
        kinds = {"service": 12, "headless": 12, "external": 8, "port": 14, "endpoint": 12, "pod": 10, "reverse": 10,
                 "notreverse": 3, "inner": 7, "apex": 5, "far": 12 if "cache" in self.features else 6, "deep": 4, "import": 8, "plugin": 60,
                 "beyond": 30, "searched": 40, "kept": 25}
        kinds = {kind: weight for kind, weight in kinds.items() if self.pools.get(kind)}
        while True:
            kind = dice.choices(list(kinds), list(kinds.values()))[0]
            name = dice.choice(self.pools[kind])
            if dice.random() < 0.12:
                name = self._near(name)
            if is_askable(name):
                return kind, name

    def _case(self, wire):
        dice = self.dice
        way = dice.random()
        if way < 0.5:
            return wire
        upper = wire.upper() if way < 0.6 else bytes(
            c ^ 32 if 97 <= c <= 122 and dice.random() < 0.5 else c for c in wire)
        out, at = bytearray(wire), 0  # length octets stay as they are
        while wire[at]:
            out[at + 1:at + 1 + wire[at]] = upper[at + 1:at + 1 + wire[at]]
            at += 1 + wire[at]
        return bytes(out)

    def _type(self, kind):
        dice = self.dice
        if kind in ("reverse", "notreverse") and dice.random() < 0.75:
            return TYPES["PTR"]
        if kind == "apex" and dice.random() < 0.5:
            return TYPES[dice.choice(["SOA", "NS", "TXT", "A", "AAAA"])]
        if kind == "port" and dice.random() < 0.5:
            return TYPES["SRV"]
        if dice.random() < 0.01:
            return dice.choice([65280, 1000, 61, 99, 44])
        return TYPES[dice.choices(list(TYPE_WEIGHTS), list(TYPE_WEIGHTS.values()))[0]]

    def question(self):
        """One question; at most one unusual thing about the packet."""
        dice = self.dice
        kind, name = self._name()
        question = Question(self._case(to_wire(name)), self._type(kind), edns=dice.choice(SIZES))
        odd = dice.random()
        if odd < 0.010:
            return question._replace(qclass=dice.choice([CH, HS, ANY_CLASS]))
        if odd < 0.020:
            return question._replace(opcode=dice.choice([1, 2, 4, 5]), edns=-1)
        if odd < 0.030:
            return question._replace(edns=1232, version=dice.choice([1, 2, 255]))
        if odd < 0.040:
            return question._replace(qtype=dice.choice([TYPES["AXFR"], TYPES["IXFR"]]), tcp=dice.random() < 0.3)
        if odd < 0.080:
            return question._replace(edns=max(question.edns, 512), options=dice.choice(OPTIONS))
        if odd < 0.110:
            return question._replace(tcp=True)
        # What was asked without RD is kept by itself here, and in CoreDNS it is not.
        flags = RD if "cache" in self.features or dice.random() < 0.9 else 0
        flags |= (AD if dice.random() < 0.1 else 0) | (CD if dice.random() < 0.05 else 0)
        return question._replace(flags=flags, do=question.edns >= 0 and dice.random() < 0.15)

    def some(self, count):
        """That many questions."""
        return [self.question() for _ in range(count)]
