# SPDX-License-Identifier: Apache-2.0
"""What a plain comparison of records does not show, beside the real CoreDNS: order, sizes, and class CH."""

import contextlib
import ipaddress
import socket

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

import slow
from test_plugins_coredns import CoreDns, pytestmark, server, stub_upstream  # noqa: F401  # pylint: disable=unused-import

MANY = "many.example.net."  # 100 addresses
ROUNDS = 400


@pytest.fixture(name="many", scope="module")
def _many():
    upstream = stub_upstream.StubUpstream()
    yield f"forward . {upstream.address}:{upstream.port}"
    upstream.stop()


@contextlib.contextmanager
def both(server, text, folder):  # noqa: F811  # pylint: disable=redefined-outer-name
    """Ports of CoreDNS and of burst53 with the same directives."""
    corefile = f".:53 {{\n{text}\n}}\n"
    coredns = CoreDns(folder, corefile)
    try:
        server.generation += 1
        server.serve_corefile(corefile, generation=server.generation)
        yield coredns.port, server.port
    finally:
        coredns.stop()


def addresses(port, name):
    reply = dns.query.tcp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=60, one_rr_per_rrset=True)
    return [r.address for rrset in reply.answer for r in rrset if r.rdtype == dns.rdatatype.A]


def test_preferred_networks_come_first(server, many, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    nets = [ipaddress.ip_network("198.51.100.96/27"), ipaddress.ip_network("198.51.100.0/28")]
    with both(server, f"loadbalance {{\n prefer {nets[0]} {nets[1]}\n}}\n{many}", tmp_path) as ports:
        for port in ports:
            found = [ipaddress.ip_address(a) for a in addresses(port, MANY)]
            assert len(found) == 100
            ranks = [next((i for i, net in enumerate(nets) if a in net), len(nets)) for a in found]
            assert ranks == sorted(ranks), port


def test_weights_decide_how_often_an_address_is_first(server, many, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    template = "template IN A w.test {\n" + "\n".join(
        f'answer "{{{{ .Name }}}} 60 IN A 192.0.2.{n}"' for n in range(1, 4)) + "\n}"
    (tmp_path / "weights").write_text("w.test\n192.0.2.1 1\n192.0.2.2 2\n192.0.2.3 5\n")
    with both(server, f"loadbalance weighted {tmp_path}/weights\n{template}\n{many}", tmp_path) as ports:
        for port in ports:
            firsts = [addresses(port, "w.test.")[0] for _ in range(ROUNDS)]
            shares = [firsts.count(f"192.0.2.{n}") / ROUNDS for n in range(1, 4)]
            # 5 standard deviations around 1/8, 2/8 and 5/8.
            assert all(abs(s - w / 8) < 0.125 for s, w in zip(shares, (1, 2, 5))), (port, shares)


@pytest.mark.parametrize("text", ["chaos", "chaos v1.2 first second", "chaos \"a b\""])
def test_class_ch_tells_the_same(server, many, text, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    with both(server, f"{text}\n{many}", tmp_path) as ports:
        for name in ("version.bind.", "version.server.", "VERSION.bind.", "authors.bind.", "hostname.bind.", "id.server."):
            replies = [dns.query.udp(dns.message.make_query(name, "TXT", "CH"), "127.0.0.1", port=p, timeout=60) for p in ports]
            texts = [sorted(r.to_text() for rrset in reply.answer for r in rrset) for reply in replies]
            if (text == "chaos" and name[0] in "vV") or ("first" not in text and name[0] == "a"):
                continue  # each names itself and its own authors, of whom burst53 names none
            assert texts[0] == texts[1] and texts[0], (name, texts)
            assert {r.answer[0].ttl for r in replies} == {0}
            assert {r.answer[0].rdclass for r in replies} == {dns.rdataclass.CH}
            assert replies[0].flags == replies[1].flags and {r.rcode() for r in replies} == {dns.rcode.NOERROR}


@pytest.mark.parametrize("size", [512, 700, 1232])
def test_replies_have_at_most_the_bufsize(server, many, size, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    with both(server, f"bufsize {size}\n{many}", tmp_path) as ports:
        for port in ports:
            for payload in (512, 600, 1232, 4096):
                query = dns.message.make_query(MANY, "A", use_edns=0, payload=payload)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(60)
                    sock.sendto(query.to_wire(), ("127.0.0.1", port))
                    data = sock.recv(65535)
                assert len(data) <= min(size, payload), (port, payload, len(data))
                assert dns.message.from_wire(data).flags & dns.flags.TC
            whole = addresses(port, MANY)
            assert len(whole) == 100  # TCP has no such limit


def test_names_are_what_they_were_asked(server, many, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    """whoami and any: the reply's question and owner are in the client's letters."""
    with both(server, f"any\n{many}", tmp_path) as ports:
        wire = slow.question("WwW.eXample.net.", "ANY")
        for port in ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(60)
                sock.sendto(wire, ("127.0.0.1", port))
                assert b"\x03WwW\x07eXample\x03net\x00" in sock.recv(65535)
