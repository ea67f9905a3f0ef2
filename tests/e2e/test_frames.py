# SPDX-License-Identifier: Apache-2.0
"""Frames that must not be answered, and neighbours' questions that must be."""

import socket

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, ICMPv6DestUnreach
from scapy.layers.inet import ICMP
from scapy.layers.l2 import ARP, Ether

import frames
import lab


@pytest.mark.parametrize("family", [4, 6])
def test_a_good_frame_is_answered_once(mode, family):
    assert len(frames.replies([frames.datagram(frames.question(), family)])) == 1


@pytest.mark.parametrize("family", [4, 6])
def test_a_cut_frame_is_never_answered(mode, family):
    """Cut anywhere: the lengths inside no longer fit."""
    whole = bytes(frames.datagram(frames.question(), family))
    cut = [whole[:size] for size in range(14, len(whole))]
    assert frames.replies(cut) == []


@pytest.mark.parametrize("family", [4, 6])
def test_a_response_is_never_answered(mode, family):
    """proto:H2, with every opcode and rcode."""
    flags = [0x8000 | op << 11 | rc for op in range(16) for rc in (0, 1, 3, 5)]
    assert frames.replies([frames.datagram(frames.question(flags=f), family) for f in flags]) == []


@pytest.mark.parametrize("family", [4, 6])
def test_a_short_header_is_never_answered(mode, family):
    """proto:H1."""
    query = frames.question()
    assert frames.replies([frames.datagram(query[:n], family) for n in range(12)]) == []


@pytest.mark.parametrize("family", [4, 6])
def test_a_wrong_checksum_is_never_answered(mode, family):
    """proto:I6; a zero one is an error over IPv6 only."""
    bad = frames.datagram(frames.question(), family)
    bad[UDP].chksum = 0x1234
    sent = [bad]
    if family == 6:
        zero = frames.datagram(frames.question(), family)
        zero[UDP].chksum = 0
        sent.append(zero)
    assert frames.replies(sent) == []


@pytest.mark.parametrize("change", [
    lambda f: setattr(f[UDP], "len", 12), lambda f: setattr(f[UDP], "len", 200),
    lambda f: setattr(f[IP], "len", 30), lambda f: setattr(f[IP], "len", 400),
    lambda f: setattr(f[IP], "ihl", 4), lambda f: setattr(f[IP], "version", 5),
    lambda f: setattr(f[IP], "chksum", 0x4242), lambda f: setattr(f[IP], "src", "255.255.255.255"),
    lambda f: setattr(f[IP], "src", "224.0.0.9"), lambda f: setattr(f[IP], "src", "127.0.0.1"),
    lambda f: setattr(f[IP], "src", "0.0.0.0"), lambda f: setattr(f[IP], "src", "198.18.0.53"),
    lambda f: setattr(f[Ether], "dst", "02:00:00:00:00:99"), lambda f: setattr(f[Ether], "src", "33:33:00:00:00:01"),
], ids=["udp-short", "udp-long", "ip-short", "ip-long", "ihl", "version", "ip-checksum", "from-broadcast",
        "from-multicast", "from-loopback", "from-any", "from-itself", "other-mac", "from-group-mac"])
def test_a_broken_header_is_never_answered(own, change):
    frame = frames.datagram(frames.question())
    change(frame)
    assert frames.exchange([frame]) == [] or not [f for f in frames.exchange([frame]) if UDP in f]


@pytest.mark.parametrize("forward", ["0", "1"])
@pytest.mark.parametrize("family", [4, 6])
def test_nothing_is_answered_twice_or_forwarded(mode, forward, family):
    """The kernel sees the frames too: one reply, no ICMP error, no copy on the wire."""
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        lab.inside("srv", "sysctl", "-qw", f"{key}={forward}", check=True)
    sent = [frames.datagram(frames.question(ident=i), family, sport=40000 + i) for i in range(20)]
    sent.append(frames.datagram(b"", family, sport=40101))
    got = frames.exchange(sent, 0.5)
    lab.inside("srv", "sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0", check=True)
    answered = sorted(f[UDP].dport for f in got if UDP in f and f[UDP].sport == 53)
    assert answered == list(range(40000, 40020))
    assert not [f for f in got if UDP in f and f[UDP].dport == 53], "forwarded"
    assert not [f for f in got if ICMP in f or ICMPv6DestUnreach in f]


@pytest.mark.parametrize("family", [4, 6])
def test_a_port_that_is_not_served_is_told_once(mode, family):
    """By the kernel that has the address, not by the node's as well."""
    got = frames.exchange([frames.datagram(b"x" * 30, family, dport=9)], 0.5)
    errors = [f for f in got if ICMP in f or ICMPv6DestUnreach in f]
    assert len(errors) <= 1
    assert all((f[IP].src if family == 4 else f[IPv6].src) == lab.SERVICE[family] for f in errors)


def test_neighbours_find_the_address(mode):
    request = Ether(src=frames.mac_of("cli"), dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=frames.mac_of("cli"), psrc="198.18.0.10", pdst="198.18.0.53")
    got = [f for f in frames.exchange([request]) if ARP in f and f[ARP].op == 2]
    assert [f[ARP].hwsrc for f in got] == [frames.served_mac()]
    for address in lab.SERVICE.values():
        lab.inside("cli", "ip", "neigh", "flush", "dev", "eth0", check=True)
        done = lab.inside("cli", "ping", "-c", "2", "-i", "0.2", "-W", "1", address)
        assert " 0% packet loss" in done.stdout, done.stdout
        assert "DUP" not in done.stdout


@pytest.mark.parametrize("family", [4, 6])
def test_beside_the_served_port_a_shared_address_lives_on(family):
    """The rule that keeps queries from the kernel covers the served addresses' served ports: other ports of theirs and
    port 53 of the interface's own address get what they are sent, from near and far, over UDP and TCP."""
    if lab.current != "shared":
        lab.up("shared")
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    own = {4: "198.18.0.1", 6: "fd00:53::1"}[family]
    for place in ((lab.SERVICE[family], 54), (lab.SERVICE[family], 5353), (own, 53)):
        for role in ("cli", "far"):
            with lab.netns("srv"):
                server, listening = socket.socket(kind, socket.SOCK_DGRAM), socket.create_server((place[0], 2222), family=kind)
            with lab.netns(role):
                client = socket.socket(kind, socket.SOCK_DGRAM)
                stream = socket.create_connection((place[0], 2222), timeout=60)
            with server, listening, client, stream:
                for sock in (server, client):
                    sock.settimeout(60)
                server.bind(place)
                client.connect(place)
                client.send(b"are you there?")
                text, whose = server.recvfrom(100)
                server.sendto(text, whose)
                assert client.recv(100) == b"are you there?"
    assert lab.dig("web.default.svc.cluster.local", family=family)[0] == "NOERROR"
