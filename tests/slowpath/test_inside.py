# SPDX-License-Identifier: Apache-2.0
"""What burst53.conf may switch on in front of forward: names that do not leave (proto:L1-L3), and names in random case (proto:F6)."""

import time

import dns.message
import dns.rcode
import pytest

import slow
from test_forward import ask, forward, stub, stub_upstream, texts  # noqa: F401
from test_hostile import good, reply_to

KEPT = ("printer.local.", "x.onion.", "5.3.2.10.in-addr.arpa.", "a.invalid.")


@pytest.fixture
def start(tmp_path):
    """Starts a slow path with options."""
    running = []

    def start_with(*words):
        running.append(slow.Slowpath(tmp_path, words=words))
        return running[-1]

    yield start_with
    for server in running:
        assert server.process.poll() is None, server.log_text()
        assert server.stop() == 0, server.log_text()


@pytest.mark.parametrize("before", ["", "cache 30"])
def test_without_the_option_every_name_is_forwarded(start, stub, before):  # noqa: F811
    server = start()
    server.serve_corefile(forward(stub, before=before))
    for name in KEPT:
        assert ask(server, name).rcode() == dns.rcode.NXDOMAIN
    assert stub.names() == list(KEPT)


@pytest.mark.parametrize("before", ["", "cache 30", "rewrite ttl exact none.test 5"], ids=["plain", "cache", "task"])
@pytest.mark.parametrize("tcp", [False, True])
def test_with_it_those_names_do_not_leave(start, stub, before, tcp):  # noqa: F811
    server = start("--keep-inside", "special,local,reverse")
    server.serve_corefile(forward(stub, before=before))
    for _ in range(3):
        for name in KEPT:
            reply = ask(server, name, tcp=tcp)
            assert reply.rcode() == dns.rcode.NXDOMAIN and "nobody.invalid." in str(reply.authority[0])
        for kind, address in (("A", "127.0.0.1"), ("AAAA", "::1")):
            assert texts(ask(server, "localhost.", kind, tcp=tcp))[0].endswith(f"IN {kind} {address}")
    assert ask(server, "www.example.net.", tcp=tcp).answer
    assert stub.names() == ["www.example.net."]


@pytest.mark.parametrize("option", ["prefetch 1 1m 90%", "serve_stale 1h", "serve_stale 1h verify 1s"])
def test_what_is_kept_is_not_fetched_anew_either(start, stub, option):  # noqa: F811
    server = start("--keep-inside", "local")
    server.serve_corefile(forward(stub, before=f"cache 30 {{\n {option}\n denial 100 1 0\n }}"))
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert ask(server, "printer.local.").rcode() == dns.rcode.NXDOMAIN
        time.sleep(0.1)
    assert ask(server, "www.example.net.").answer
    assert stub.names() == ["www.example.net."]


def test_kinds_are_switched_on_one_by_one(start, stub):  # noqa: F811
    server = start("--keep-inside", "local")
    server.serve_corefile(forward(stub))
    for name in KEPT:
        ask(server, name)
    assert stub.names() == list(KEPT[1:])


@pytest.mark.parametrize("before", ["", "rewrite ttl exact none.test 5"], ids=["plain", "task"])
def test_a_zone_with_a_block_of_its_own_is_forwarded(start, stub, before):  # noqa: F811
    server = start("--keep-inside", "special,local,reverse")
    to = f"{stub.address}:{stub.port}"
    server.serve_corefile(f"corp.local:53 {{\n {before}\n forward . {to}\n}}\n.:53 {{\n {before}\n forward . {to}\n}}\n")
    assert ask(server, "www.corp.local.").answer
    ask(server, "www.other.local.")
    assert stub.names() == ["www.corp.local."]


@pytest.mark.parametrize("before", ["", "cache 30", "rewrite ttl exact none.test 5"], ids=["plain", "cache", "task"])
def test_what_zones_of_this_server_lie_below_exists(start, stub, before):  # noqa: F811
    """NXDOMAIN would deny those zones, too (RFC 8020 2)."""
    server = start("--keep-inside", "special,local,reverse")
    to = f"{stub.address}:{stub.port}"
    keys = ("a.b.local:53", "k8s.home.arpa:53", "cluster.invalid:53", "1.3.10.in-addr.arpa:53")
    server.serve_corefile("".join(f"{key} {{\n {before}\n forward . {to}\n}}\n" for key in keys + (".:53",)))
    exist = ("local.", "LOCAL.", "b.local.", "home.arpa.", "invalid.", "3.10.in-addr.arpa.", "10.in-addr.arpa.")
    for name in exist + ("x.local.", "xb.local.", "x.invalid.", "x.home.arpa.", "4.10.in-addr.arpa.", "onion."):
        for kind in ("A", "TXT"):
            for _ in range(2):
                reply = ask(server, name, kind)
                assert reply.rcode() == (dns.rcode.NOERROR if name in exist else dns.rcode.NXDOMAIN), name
                assert not reply.answer and "nobody.invalid." in str(reply.authority[0])
    assert not stub.names()


@pytest.mark.parametrize("kind", ["A", "SOA", "NS"])
def test_the_top_of_local_has_no_data(start, stub, kind):  # noqa: F811
    server = start("--keep-inside", "local")
    server.serve_corefile(forward(stub))
    reply = ask(server, "local.", kind)
    assert reply.rcode() == dns.rcode.NOERROR and not reply.answer and "local. 10800 IN SOA" in str(reply.authority[0])
    assert not stub.names()


def mixed(server, upstream, n):
    """Asks for n long names; how many came in another case than lower, of those over UDP, and the replies."""
    replies = [ask(server, f"wwwwwwwwwwwwwwww{i}.example.") for i in range(n)]
    over_udp = [wire[12:45] for wire, _, is_tcp in upstream.seen if not is_tcp]
    return sum(w != w.lower() for w in over_udp), len(over_udp), replies


def test_mixed_case_is_asked_for_and_comes_back_in_the_clients_spelling(start):
    upstream = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire))
    server = start("--mixed-case")
    server.serve_corefile(forward(upstream, before="cache 30"))
    n_mixed, n, replies = mixed(server, upstream, 50)
    assert n_mixed == n == 50  # 1 of 8 million names stays as it was
    assert all(texts(r)[0].startswith("www") and r.answer for r in replies)
    reply = server.ask_udp(slow.question("wWWwwwwwwwwwwwww1.Example."))
    assert dns.message.from_wire(reply).answer and reply[12:29] == b"\x11wWWwwwwwwwwwwwww1"[:17]
    upstream.stop()


def test_without_the_option_names_go_up_in_lower_case(start):
    upstream = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire))
    server = start()
    server.serve_corefile(forward(upstream))
    assert mixed(server, upstream, 5)[:2] == (0, 5)
    upstream.stop()


def lower(wire):
    """The query as an upstream sees it that keeps no case."""
    end = wire.index(b"\0", 12)
    return wire[:12] + wire[12:end].lower() + wire[end:]


def test_an_upstream_that_keeps_no_case_is_found_out(start):
    upstream = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(lower(wire)))
    server = start("--mixed-case")
    server.serve_corefile(forward(upstream))
    n_mixed, n, replies = mixed(server, upstream, 20)
    assert all(r.answer for r in replies)
    assert (n_mixed, n) == (3, 20) and sum(is_tcp for _, _, is_tcp in upstream.seen) == 3
    assert "does not keep the case" in server.log_text()
    upstream.stop()


def test_a_forger_with_port_and_id_needs_the_letters_too(start):
    """The control of test_forging.py, which is believed there."""
    def answer(wire, is_tcp):
        if is_tcp:
            return good(wire)
        name = dns.message.from_wire(lower(wire)).question[0].name
        return [reply_to(lower(wire), (name, 60, "IN", "A", "6.6.6.6")), good(wire)]

    upstream = stub_upstream.StubUpstream(answer=answer)
    server = start("--mixed-case")
    server.serve_corefile(forward(upstream))
    for reply in mixed(server, upstream, 2)[2]:
        assert "192.0.2.1" in texts(reply)[0]
    upstream.stop()
