# SPDX-License-Identifier: Apache-2.0
"""What kind of name a question is about, from the name and the Corefile's zones alone (k8s:2.2)."""

import ipaddress
import re

from dnswire import labels_of


def reverse_zone(cidr):
    """The reverse zones of a network, as a Corefile's CIDR zone means it (k8s:3.6)."""
    net = ipaddress.ip_network(cidr, strict=False)
    step, total = (8, 32) if net.version == 4 else (4, 128)
    length = min(total, -(-net.prefixlen // step) * step)
    for part in net.subnets(new_prefix=length):
        text = part.network_address.reverse_pointer.split(".")
        yield ".".join(text[(total - length) // step:])


class Zones:
    """The zones of the `kubernetes` directive, and of its cluster set."""

    def __init__(self, names):
        self.names = [tuple(name.split(".")) for name in names]

    @staticmethod
    def of_corefile(text):
        """Zones of the first `kubernetes` line."""
        match = re.search(r"^\s*kubernetes\s+([^{\n]*)", text, re.M)
        words = match.group(1).split() if match else []
        names = []
        for word in words:
            names += list(reverse_zone(word)) if "/" in word else [word.rstrip(".").lower()]
        return Zones(names)

    def split(self, labels):
        """(labels in front of the zone, zone) by the longest zone, or (labels, None)."""
        best = None
        for zone in self.names:
            if tuple(labels[-len(zone):]) == zone and (best is None or len(zone) > len(best)):
                best = zone
        return (labels[:len(labels) - len(best)], best) if best else (labels, None)


def is_reverse(zone):
    """Whether a zone is one of addresses."""
    return zone[-2:] in (("in-addr", "arpa"), ("ip6", "arpa"))


def shape_of(name, zones):
    """The shape of a wire name; the words are those of quirks.txt."""
    front, zone = zones.split(labels_of(name))
    if zone is None:
        return "outside"
    if is_reverse(zone):
        return "reverse" if front else "rapex"
    if not front:
        return "apex"
    if front in (["ns", "dns"], ["dns-version"]):
        return ".".join(front)
    if front[-1] not in ("svc", "pod"):
        return "other"
    kind, rest = front[-1], front[:-1]
    if kind == "pod":
        return ["pod", "ns.pod", "podname", "podextra", "podextra"][len(rest)] if len(rest) < 5 else "poddeep"
    return ["svc", "ns.svc", "service", "endpoint", "port"][len(rest)] if len(rest) < 5 else "deep"
