# SPDX-License-Identifier: Apache-2.0
"""Programs that people use are content, in every mode: dnspython, c-ares, kdig, delv, dnsperf; and so is who asks
another port, from an odd port, or with a tag."""

import re
import socket
import struct

import dns.edns
import dns.message
import dns.query
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

import frames
import lab

WEB = "web.default.svc.cluster.local"
MANY = "many.shop.svc.cluster.local"
CARES = lab.TOP / "tests" / "clients" / "lookup_cares.c"


@pytest.mark.parametrize("family", [4, 6])
def test_dnspython_falls_back_to_tcp(mode, family):
    with lab.netns("cli"):
        reply, used_tcp = dns.query.udp_with_fallback(dns.message.make_query(MANY, "A", use_edns=0, payload=512),
                                                      lab.SERVICE[family], timeout=30)
        assert used_tcp and len(reply.answer[0]) == 100
        query = dns.message.make_query(WEB, "A", use_edns=0, options=[dns.edns.GenericOption(11, b"")])
        reply = dns.query.tcp(query, lab.SERVICE[family], timeout=30)
    assert [int(o.otype) for o in reply.options] == [11], "edns-tcp-keepalive"


def test_kdig_asks_on_over_one_connection(mode):
    names = [WEB, MANY, "db.default.svc.cluster.local"]
    for family in (4, 6):
        out = lab.inside("cli", "kdig", f"@{lab.SERVICE[family]}", "+tcp", "+keepopen", "+retry=0", *names).stdout
        assert out.count("status: NOERROR") == 3 and out.count("(TCP)") == 3, out


def test_delv_takes_unsigned_answers(mode):
    for words in ([], ["+tcp"]):
        out = lab.inside("cli", "delv", f"@{lab.SERVICE[4]}", "-i", "+noroot", *words, WEB, "A").stdout
        assert "10.96.0.80" in out and "; fully validated" not in out, out


def test_cares_resolves_through_a_search_list(mode, tmp_path):
    program, conf = tmp_path / "cares", tmp_path / "resolv.conf"
    lab.run("gcc", "-o", program, CARES, "-lcares", check=True)
    conf.write_text(f"nameserver {lab.SERVICE[4]}\nsearch default.svc.cluster.local svc.cluster.local cluster.local\n"
                    "options ndots:5\n", encoding="utf-8")
    script = f"mount --bind {conf} /etc/resolv.conf && {program} web web.default nowhere"
    out = lab.inside("cli", "unshare", "-m", "sh", "-c", script, timeout=60).stdout.splitlines()
    assert out == ["web 10.96.0.80 fd00:96::80", "web.default 10.96.0.80 fd00:96::80", "nowhere none"]


@pytest.mark.parametrize("family", [4, 6])
def test_dnsperf_loses_nothing_over_tcp(mode, tmp_path, family):
    questions = tmp_path / "questions"
    questions.write_text(f"{WEB} A\n{WEB} AAAA\n{MANY} A\nmissing.default.svc.cluster.local A\n", encoding="utf-8")
    out = lab.inside("cli", "dnsperf", "-m", "tcp", "-s", lab.SERVICE[family], "-d", questions, "-c", 20, "-Q", 2000,
                     "-l", 2).stdout
    sent, done = (int(re.search(rf"Queries {word}: +(\d+)", out).group(1)) for word in ("sent", "completed"))
    assert sent == done > 100, out


@pytest.mark.parametrize("family", [4, 6])
def test_ports_of_other_services_are_answered_or_not_as_they_should(mode, family):
    """proto:H19, H20: never to small services; no error to a DNS port; good answers to all others."""
    good, bad = frames.question(), frames.question(flags=0x2900)  # the second gets NOTIMP
    silent = (0, 7, 13, 17, 19, 37)
    for sport in (1, 22, 53, 123, 464, 853, 5353, 8080, 65535):
        assert len(frames.replies([frames.datagram(good, family, sport=sport)], sport, 0.1)) == 1, sport
        assert len(frames.replies([frames.datagram(bad, family, sport=sport)], sport, 0.1)) == (sport != 53), sport
    sent = [frames.datagram(q, family, sport=sport) for sport in silent for q in (good, bad)]
    assert [f for f in frames.exchange(sent) if UDP in f and f[UDP].sport == 53] == []


@pytest.mark.parametrize("kind", ["own", "shared", "kernel"])
def test_every_port_of_the_corefile_is_served(kind, tmp_path):
    conf = tmp_path / "Corefile"
    conf.write_text(".:53 cluster.local:5353 cluster.local:8053 {\n kubernetes cluster.local\n}\n", encoding="utf-8")
    lab.up(kind, "--corefile", conf)
    for family in (4, 6):
        for port in (53, 5353, 8053):
            for words in ((), ("+tcp",)):
                assert lab.dig(WEB, "A", "-p", str(port), *words, family=family)[2] == ["A 10.96.0.80"], (family, port, words)
    assert lab.dig("example.com", "A", "-p", "5353")[0] == "REFUSED", "no block has that zone there"
    lab.down()


@pytest.mark.parametrize("family", [4, 6])
def test_a_tagged_query_is_answered_with_its_tag(own, family):
    """proto:I2. Two tags are dropped."""
    plain = frames.datagram(frames.question(), family)
    layer = plain[IP] if family == 4 else plain[IPv6]
    head = Ether(src=plain.src, dst=plain.dst)
    got = frames.exchange([head / Dot1Q(vlan=7, prio=3) / layer])
    tagged = [f for f in got if Dot1Q in f and UDP in f]
    assert [(f[Dot1Q].vlan, f[UDP].dport) for f in tagged] == [(7, 40000)]
    assert not [f for f in frames.exchange([head / Dot1Q(vlan=7) / Dot1Q(vlan=8) / layer]) if UDP in f]
    request = Ether(src=plain.src, dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=7) / ARP(
        op=1, hwsrc=plain.src, psrc=frames.CLIENT[4], pdst=lab.SERVICE[4])
    assert [f[Dot1Q].vlan for f in frames.exchange([request]) if ARP in f and f[ARP].op == 2 and Dot1Q in f] == [7]


def test_pipelined_questions_come_back_whatever_the_order(mode):
    """rel:T4: a thousand in one write."""
    count = 1000
    query = frames.question()
    with lab.netns("cli"), socket.create_connection((lab.SERVICE[4], 53), timeout=60) as sock:
        sock.sendall(b"".join(struct.pack(">HH", len(query), n) + query[2:] for n in range(count)))
        seen, data = set(), b""
        while len(seen) < count:
            data += sock.recv(65536)
            while len(data) >= 2 and len(data) >= 2 + struct.unpack(">H", data[:2])[0]:
                size = 2 + struct.unpack(">H", data[:2])[0]
                seen.add(struct.unpack(">H", data[2:4])[0])
                data = data[size:]
    assert seen == set(range(count))
