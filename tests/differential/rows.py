# SPDX-License-Identifier: Apache-2.0
"""Which row of the master table of answers (k8s:2.12) a question and CoreDNS' reply to it belong to."""

from compare import result_of
from dnswire import AA, IN, RA, TYPES, labels_of

ROWS = {
    1: "apex SOA", 2: "apex NS", 3: "apex, other type", 4: "apex or intermediate TXT", 5: "ns.dns address",
    6: "dns-version TXT", 7: "ClusterIP address", 8: "existing name, type absent", 9: "missing name",
    10: "missing name, SOA", 11: "SRV", 12: "SRV of a wrong port or protocol", 13: "headless address",
    14: "headless without ready endpoint", 15: "ExternalName, resolvable", 16: "ExternalName, target unresolvable",
    17: "ExternalName to a missing name or loop in the zone", 18: "pod, insecure", 19: "pod, disabled", 20: "PTR",
    21: "PTR miss", 22: "PTR miss, fallthrough", 23: "not synced", 24: "AXFR, IXFR", 25: "class CH without forward",
    26: "outside all zones, no forward", 27: "outside all server blocks", 28: "forwarded", 29: "forwarded, cached",
    30: "forward: no upstream", 31: "forward: too many at once", 32: "EDNS version 1", 33: "other opcode",
}
ADDRESS = (TYPES["A"], TYPES["AAAA"])
BETWEEN = ("svc", "pod", "ns.svc", "ns.pod")


def packet_row(question, result, features):
    """Rows about the packet, or 0 to go on, or None for no row."""
    if question.version:
        return 32 if result == "BADVERS" else None
    if question.opcode:
        return 33 if result == "NOTIMP" else None
    if question.qclass != IN:
        return 25 if result == "REFUSED" and "forward" not in features else None
    if question.qtype in (TYPES["AXFR"], TYPES["IXFR"]):
        return 24 if result == "REFUSED" else None
    return 0


def outside_row(question, reply, result, features):
    """Rows about names outside the cluster's zones."""
    labels = labels_of(question.name)
    if labels[-2:] == ["dead", "test"] and "dead" in features:
        return 30 if result == "SERVFAIL" else None
    if result == "REFUSED" and "rootless" in features and labels[-2:] != ["up", "test"]:
        return 27
    if "forward" in features:
        return 29 if reply.flags & AA and "cache" in features else 28
    return {"SERVFAIL": 26, "REFUSED": 27}.get(result)


def top_row(question, shape, result):
    """Rows about apexes, intermediate names and the two special ones; 0 to go on."""
    qtype = question.qtype
    if shape in ("apex", "rapex"):
        if qtype == TYPES["TXT"]:
            return 4 if result == "NXDOMAIN" else None
        if result == "ANSWER":
            return {TYPES["SOA"]: 1, TYPES["NS"]: 2}.get(qtype)
        return 3 if result == "NODATA" else None
    if shape in ("svc", "pod") and qtype == TYPES["TXT"]:
        return 4
    if shape == "ns.dns" and qtype in ADDRESS and result == "ANSWER":
        return 5
    if shape == "dns-version" and qtype == TYPES["TXT"] and result == "ANSWER":
        return 6
    return 0


def external_row(question, reply, result):
    """Rows about an ExternalName's own name."""
    if question.qtype not in ADDRESS:
        return 8 if result == "NODATA" else 9 if result == "NXDOMAIN" else None
    if result == "ANSWER":
        return 15 if len(reply.answer) > 1 else 16
    return 17 if result == "NODATA" else 9


def service_row(question, reply, shape, service):
    """Rows about names of a service that exists."""
    result = result_of(reply)
    spec = service["spec"]
    if spec.get("type") == "ExternalName" and shape == "service":
        return external_row(question, reply, result)
    if question.qtype == TYPES["SRV"]:
        if result == "ANSWER":
            return 11
        if shape == "port" and result == "NXDOMAIN":
            return 12
    headless = spec.get("clusterIP") == "None"
    if question.qtype in ADDRESS and result == "ANSWER":
        return 13 if headless else 7
    if headless and shape == "service" and result == "NXDOMAIN":
        return 14
    return 0


def last_row(question, shape, result, is_missing):
    """What is left: data of another type, or nothing."""
    if question.qtype == TYPES["SOA"] and result == "NODATA":
        return 10 if is_missing else 8
    if question.qtype == TYPES["TXT"] and shape in BETWEEN and not is_missing:
        return 4
    return {"NODATA": 8, "NXDOMAIN": 9}.get(result)


class Table:
    """Counts how often each row was hit."""

    def __init__(self, world, features):
        self.world, self.features = world, features
        self.hits = dict.fromkeys(ROWS, 0)

    def _service(self, labels):
        """The service a name is about; labels are in front of cluster.local."""
        if len(labels) < 3 or labels[-1] != "svc":
            return None
        return self.world.objects.get(("Service", labels[-2], labels[-3]))

    def row(self, question, reply, shape):
        """The row's number, or None for a shape that the table does not list."""
        if reply is None:
            return None
        result = result_of(reply)
        row = packet_row(question, result, self.features)
        if row != 0:
            return row
        if "unsynced" in self.features:
            return 23 if result == "SERVFAIL" and reply.flags & AA else None
        if shape == "outside":
            return outside_row(question, reply, result, self.features)
        row = top_row(question, shape, result)
        return row if row != 0 else self._inner_row(question, reply, shape, result)

    def _inner_row(self, question, reply, shape, result):
        qtype, labels = question.qtype, labels_of(question.name)[:-2]
        if shape == "reverse" and qtype == TYPES["PTR"]:
            if result == "ANSWER":
                return 20
            return 22 if not reply.flags & AA or reply.flags & RA else 21
        if shape.startswith("pod") and shape != "pod":
            if qtype in ADDRESS and result == "ANSWER":
                return 18
            if result == "NXDOMAIN" and not {"insecure", "verified"} & self.features:
                return 19
        service = self._service(labels)
        row = service_row(question, reply, shape, service) if service else 0
        if row != 0:
            return row
        space_is_there = shape in ("ns.svc", "ns.pod") and labels[0] in self.world.spaces
        return last_row(question, shape, result, not (service or space_is_there))

    def count(self, question, reply, shape):
        """Adds a question."""
        row = self.row(question, reply, shape)
        if row:
            self.hits[row] += 1
