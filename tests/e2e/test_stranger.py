# SPDX-License-Identifier: Apache-2.0
"""Who looks at an own address from outside finds a host that answers ping, ARP, ND and DNS, and nothing else."""

import socket

import pytest
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_LSRR, IPOption_NOP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6MLQuery, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect,
                                ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, ICMPv6NIQueryName,
                                ICMPv6ParamProblem, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, RouterAlert)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

import frames
import lab

PROTOCOLS = [n for n in range(256) if n not in (1, 6, 17)]
HEADERS = [n for n in range(256) if n not in (6, 17, 58)]


def to_us(family, **more):
    """The headers of a packet from the client to the served address."""
    if family == 4:
        ip = IP(**{"src": frames.CLIENT[4], "dst": lab.SERVICE[4], **more})
    else:
        ip = IPv6(**{"src": frames.CLIENT[6], "dst": lab.SERVICE[6], **more})
    return Ether(src=frames.mac_of("cli"), dst=frames.served_mac()) / ip


def said(sent, family, seconds=0.5):
    """What the address says to them: neighbour discovery and announcements left out."""
    return [f for f in frames.exchange(sent, seconds) if is_ours(f, family)]


def is_ours(frame, family):
    """An IP packet of the served address that is no neighbour discovery."""
    layer = IP if family == 4 else IPv6
    if layer not in frame or frame[layer].src != lab.SERVICE[family]:
        return False
    return family == 4 or frame[IPv6].nh != 58 or raw(frame[IPv6].payload)[0] not in (135, 136)


def texts(found):
    """For a message: what was said."""
    return [f.summary() for f in found]


@pytest.mark.parametrize("family,numbers", [(4, PROTOCOLS), (6, HEADERS)])
def test_no_other_protocol_is_answered(own, family, numbers):
    key = "proto" if family == 4 else "nh"
    sent = [to_us(family, **{key: n}) / Raw(bytes(40)) for n in numbers]
    assert texts(said(sent, family)) == []


def test_no_other_port_is_open_over_ipv6(own):
    """With a look at each; whoever listens answers."""
    with lab.netns("cli"):
        for port in range(1, 65536):
            with socket.socket(socket.AF_INET6) as sock:
                sock.settimeout(20)
                assert (sock.connect_ex((lab.SERVICE[6], port)) == 0) == (port == 53), port


@pytest.mark.parametrize("family", [4, 6])
def test_other_icmp_is_not_answered(own, family):
    """proto:I14: only echo is; nobody learns the time, the mask or a name."""
    if family == 4:
        sent = [to_us(4) / ICMP(type=n, code=code) / Raw(bytes(20)) for n in range(256) if n != 8 for code in (0, 1)]
        sent += [to_us(4) / ICMP(type=8, code=1) / b"ping", to_us(4, src="198.18.0.255") / ICMP() / b"ping"]
    else:
        sent = [to_us(6, hlim=255) / Raw(bytes([n, 0, 0, 0]) + bytes(20)) for n in range(256) if n not in (128, 135)]
        for frame in sent:
            frame[IPv6].nh = 58
        sent += [to_us(6) / ICMPv6NIQueryName(data=lab.SERVICE[6]), to_us(6, hlim=255) / ICMPv6ND_RS(),
                 to_us(6, src="ff02::1") / ICMPv6EchoRequest(data=b"ping")]
    assert texts(said(sent, family)) == []


@pytest.mark.parametrize("family", [4, 6])
def test_what_goes_to_all_is_not_answered(own, family):
    """proto:H21: echo, DNS and TCP to broadcast and multicast, at either layer."""
    groups = ({"255.255.255.255": "ff:ff:ff:ff:ff:ff", "198.18.0.255": "ff:ff:ff:ff:ff:ff", "224.0.0.1": "01:00:5e:00:00:01",
               "198.18.0.53": "ff:ff:ff:ff:ff:ff"} if family == 4 else
              {"ff02::1": "33:33:00:00:00:01", "ff02::1:ff00:53": "33:33:ff:00:00:53", "ff02::fb": "33:33:00:00:00:fb",
               "fd00:53::53": "33:33:00:00:00:01"})
    sent = []
    for group, mac in groups.items():
        echo = ICMP() if family == 4 else ICMPv6EchoRequest()
        for layer in (echo / b"ping", UDP(sport=40000, dport=53) / frames.question(), TCP(sport=40000, dport=53)):
            frame = to_us(family, dst=group) / layer
            frame[Ether].dst = mac
            sent.append(frame)
    if family == 6:  # RFC 8200 4.2: whoever reads these would complain, even by multicast
        for kind in (0x85, 0xc5):
            option = Raw(bytes([58, 0, kind, 4, 0, 0, 0, 0]))
            frame = to_us(6, dst="ff02::1", nh=0) / option / ICMPv6EchoRequest()
            frame[Ether].dst = "33:33:00:00:00:01"
            sent.append(frame)
    assert texts(said(sent, family)) == []


def test_headers_that_lead_elsewhere_are_not_answered(own):
    """proto:I3, I8: source routes and extension headers, before DNS and TCP."""
    route = [IPOption_LSRR(routers=["198.18.0.10"]), IPOption_NOP()]
    sent = [to_us(4, options=route) / layer for layer in
            (UDP(sport=40000, dport=53) / frames.question(), TCP(sport=40000, dport=53))]
    assert texts(said(sent, 4)) == []
    sent = []
    for header in (IPv6ExtHdrHopByHop(options=[RouterAlert()]), IPv6ExtHdrDestOpt(), IPv6ExtHdrFragment(id=7),
                   IPv6ExtHdrRouting(type=0, segleft=1, addresses=["fd00:53::10"])):
        sent += [to_us(6) / header / layer for layer in
                 (UDP(sport=40000, dport=53) / frames.question(), TCP(sport=40000, dport=53), ICMPv6EchoRequest())]
    assert texts(said(sent, 6)) == []


def test_lies_about_ourselves_are_not_answered(own):
    """proto:I7: TCP, DNS and echo in the name of the address itself, of loopback, of nobody; and neighbours' questions."""
    for family, names in ((4, ["198.18.0.53", "127.0.0.1", "0.0.0.0", "198.18.0.255", "224.0.0.1"]),
                          (6, ["fd00:53::53", "::1", "::", "ff02::1", "::ffff:198.18.0.10"])):
        echo = ICMP() / b"ping" if family == 4 else ICMPv6EchoRequest(data=b"ping")
        sent = [to_us(family, src=name) / layer for name in names
                for layer in (UDP(sport=40000, dport=53) / frames.question(), TCP(sport=40000, dport=53), echo)]
        assert texts(said(sent, family)) == []
    mac = frames.mac_of("cli")
    asked = [Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=mac, psrc=name, pdst=lab.SERVICE[4])
             for name in ("127.0.0.1", "255.255.255.255", "198.18.0.255", "224.0.0.1")]
    asked += [Ether(src=mac, dst="33:33:ff:00:00:53") / IPv6(src=name, dst="ff02::1:ff00:53", hlim=255) /
              ICMPv6ND_NS(tgt=lab.SERVICE[6]) for name in ("::1", "ff02::1", "::ffff:198.18.0.10")]
    told = [f for f in frames.exchange(asked) if ARP in f and f[ARP].op == 2 and f[ARP].psrc == lab.SERVICE[4] and
            f[ARP].pdst != frames.CLIENT[4] or ICMPv6ND_NA in f and f[ICMPv6ND_NA].tgt == lab.SERVICE[6] and
            f[IPv6].dst not in (frames.CLIENT[6], "ff02::1")]
    assert texts(told) == []


def inside_own(*words):
    """A command where the addresses are."""
    pid = lab.pids()["supervisor"]
    listing = lab.run("sh", "-c", f"for f in /proc/{pid}/fd/*; do nsenter --net=$f ip -o addr 2>/dev/null | "
                      "grep -q ' burst53 ' && echo $f && break; done").stdout.split()
    assert listing, "no descriptor of the namespace"
    return lab.run("nsenter", f"--net={listing[0]}", *words, check=True).stdout


def test_a_stranger_changes_neither_addresses_nor_ways(own):
    """Redirects and router advertisements of whoever is on the link; the gateways were given."""
    def state():
        return [inside_own("ip", *words) for words in (["-o", "addr"], ["route"], ["-6", "route"], ["route", "show", "cache"])]

    before = state()
    mac = frames.mac_of("cli")
    quoted = IP(src=lab.SERVICE[4], dst="198.19.0.10") / TCP(sport=53, dport=40000)
    quoted6 = IPv6(src=lab.SERVICE[6], dst="fd00:54::10") / TCP(sport=53, dport=40000)
    news = [to_us(4, src="198.18.0.254") / ICMP(type=5, code=1, gw="198.18.0.10") / quoted,
            to_us(6, src="fe80::fe", hlim=255) / ICMPv6ND_Redirect(tgt="fe80::66", dst="fd00:54::10") / quoted6,
            to_us(6, src="fe80::66", dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=1800, prf=1) /
            ICMPv6NDOptPrefixInfo(prefix="fd66::", prefixlen=64) / ICMPv6NDOptSrcLLAddr(lladdr=mac)]
    for frame in (news[2], *news):
        said([frame], 6)
    assert state() == before
    for family in (4, 6):
        assert lab.dig("web.default.svc.cluster.local", "A", "+tcp", family=family, role="far")[0] == "NOERROR"


def test_a_group_listener_is_told_that_we_listen(own):
    """Else a switch that snoops would keep neighbours' questions from us."""
    query = (Ether(src=frames.mac_of("cli"), dst="33:33:00:00:00:01") / IPv6(src="fe80::10", dst="ff02::1", hlim=1) /
             IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery(mrd=1))
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:53")
    for _ in range(20):
        for frame in frames.exchange([query], 1):
            if frame[Ether].src == frames.served_mac() and IPv6 in frame and group in raw(frame[IPv6].payload):
                return
    raise AssertionError("no report")


@pytest.mark.parametrize("family", [4, 6])
def test_nothing_comes_back_larger_than_it_may(own, family):
    """proto:H16, E6: errors are no larger than the question; what is answered ends at 1232 bytes, or at 512 without EDNS."""
    good = frames.question("many.shop.svc.cluster.local")
    opt = bytes([0, 0, 41, 0xff, 0xff, 0, 0, 0, 0, 0, 0])
    with_edns = good[:11] + b"\1" + good[12:] + opt
    for message, most in ((good, 512), (with_edns, 1232), (frames.question(flags=0x2800), len(good)),
                          (good + b"x", len(good) + 1), (frames.question("example.com"), len(good)), (b"", 0)):
        sent = to_us(family) / UDP(sport=40000, dport=53) / message
        for frame in said([sent], family):
            assert UDP in frame and len(frame[UDP].payload) <= most, frame.summary()
    syn = to_us(family) / TCP(sport=40001, dport=53, flags="S")
    assert all(len(raw(f[TCP])) <= 40 for f in said([syn], family) if TCP in f)


def test_an_arp_lie_does_not_move_us(own):
    """proto:I12: somebody claims the address; questions are answered as before."""
    lie = Ether(src="02:66:00:00:00:66", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=2, hwsrc="02:66:00:00:00:66", psrc=lab.SERVICE[4], hwdst="ff:ff:ff:ff:ff:ff", pdst=lab.SERVICE[4])
    assert texts(said([lie], 4)) == []
    assert texts(said([to_us(6, hlim=255) / ICMPv6ParamProblem()], 6)) == []
