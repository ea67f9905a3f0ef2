# SPDX-License-Identifier: Apache-2.0
"""Options of forward and cache (k8s:2.13) that no other file is about, each seen from the upstream."""

import socket
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

import slow
from test_forward import ask, empty, forward, stub, stub_upstream, texts  # noqa: F401
from test_hostile import good

WAIT_S = 60


@pytest.fixture
def single(tmp_path):
    """One thread, so that there is one set of connections."""
    running = slow.Slowpath(tmp_path, threads=1)
    yield running
    assert running.process.poll() is None, running.log_text()
    assert running.stop() == 0, running.log_text()


def checks(upstream):
    """The health checks that an upstream has seen: (name, type, RD)."""
    queries = [dns.message.from_wire(wire) for wire, _, _ in upstream.seen]
    return [(q.question[0].name.to_text(), int(q.question[0].rdtype), bool(q.flags & dns.flags.RD)) for q in queries
            if int(q.question[0].rdtype) == 2]


@pytest.mark.parametrize("options,wanted", [
    ("", (".", 2, True)),
    ("health_check 100ms no_rec", (".", 2, False)),
    ("health_check 100ms domain probe.test", ("probe.test.", 2, True)),
    ("health_check 100ms no_rec domain probe.test", ("probe.test.", 2, False)),
])
def test_health_checks_begin_with_an_error_and_are_what_is_asked_for(empty, stub, options, wanted):  # noqa: F811
    empty.serve_corefile(forward(stub, f"{options}\nmax_connect_attempts 1"))
    ask(empty, "www.example.net.")
    assert not checks(stub)
    assert ask(empty, "drop.example.net.").rcode() == dns.rcode.SERVFAIL
    assert slow.wait_until(lambda: checks(stub), WAIT_S)
    assert set(checks(stub)) == {wanted}


def silent_checks(wire, is_tcp):
    """Answers questions, never a health check, and not every name."""
    query = dns.message.from_wire(wire)
    first = query.question[0].name.to_text().split(".")[0]
    return None if int(query.question[0].rdtype) == 2 or first == "drop" else good(wire)


@pytest.mark.parametrize("max_fails,is_left_out", [("0", False), ("1", True)])
def test_max_fails_says_after_how_many_checks_an_upstream_is_left_out(empty, stub, max_fails, is_left_out):  # noqa: F811
    """failfast_all_unhealthy_upstreams shows what is thought of it."""
    stub.answer = silent_checks
    empty.serve_corefile(forward(stub, f"max_fails {max_fails}\nhealth_check 100ms\n"
                                 "max_connect_attempts 1\nfailfast_all_unhealthy_upstreams"))
    assert ask(empty, "drop.example.net.").rcode() == dns.rcode.SERVFAIL
    assert not is_left_out or slow.wait_until(lambda: len(checks(stub)) >= 4, WAIT_S)  # as in CoreDNS: 0 needs no checks
    answered = [ask(empty, f"n{n}.example.net.").rcode() == dns.rcode.NOERROR for n in range(3)]
    assert answered == [not is_left_out] * 3


@pytest.mark.parametrize("attempts", [1, 3])
def test_max_connect_attempts_is_how_often_an_upstream_is_asked(empty, stub, attempts):  # noqa: F811
    empty.serve_corefile(forward(stub, f"max_connect_attempts {attempts}\nread_timeout 200ms"))
    assert ask(empty, "drop.example.net.").rcode() == dns.rcode.SERVFAIL
    assert slow.wait_until(lambda: stub.names().count("drop.example.net.") == attempts, WAIT_S)


@pytest.mark.parametrize("options,is_kept", [
    ("", True), ("max_idle_conns 1", True), ("expire 1s", False), ("max_age 1s\nexpire 1s", False),
])
def test_connections_are_kept_as_long_as_is_asked_for(single, stub, options, is_kept):  # noqa: F811
    single.serve_corefile(forward(stub, f"force_tcp\n{options}"))
    for n in range(2):
        assert ask(single, f"ttl{n}.example.net.").answer
    before = stub.n_conns
    time.sleep(3)
    assert ask(single, "ttl9.example.net.").answer
    assert stub.n_conns == before + (not is_kept)


def test_max_idle_conns_bounds_what_is_kept(single, stub):  # noqa: F811
    """As many connections as questions at once, and one of them kept."""
    single.serve_corefile(forward(stub, "force_tcp\nread_timeout 5s\nmax_idle_conns 1"))
    for n in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(WAIT_S)
            sock.connect(("127.0.0.1", single.port))
            for i in range(4):
                sock.send(slow.question(f"slow.r{n}i{i}.example.net.", ident=i))
            for _ in range(4):
                assert dns.message.from_wire(sock.recv(512)).answer
    assert 4 < stub.n_conns <= 4 + 3


def test_questions_come_from_the_source_address(empty):  # noqa: F811
    seen = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.bind(("127.0.0.1", 0))
        text = f".:53 {{\n forward . 127.0.0.1:{sock.getsockname()[1]} {{\n source_address 127.0.9.9\n }}\n}}\n"
        empty.serve_corefile(text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(WAIT_S)
            client.connect(("127.0.0.1", empty.port))
            client.send(slow.question("www.example.net."))
            wire, where = sock.recvfrom(512)
            seen.append(where[0])
            sock.sendto(good(wire), where)
            assert dns.message.from_wire(client.recv(512)).answer
    assert seen == ["127.0.9.9"]


def test_next_on_nodata_goes_to_the_next_forward(empty, stub):  # noqa: F811
    second = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire))
    try:
        first = forward(stub, "next_on_nodata").rstrip("}\n")
        text = f"{first}\n }}\n forward example.net {second.address}:{second.port}\n}}\n"
        empty.serve_corefile(text)
        assert "192.0.2.1" in texts(ask(empty, "nodata.example.net."))[0]
        assert "203.0.113.5" in texts(ask(empty, "www.example.net."))[0]
        assert second.names() == ["nodata.example.net."]
    finally:
        second.stop()


def test_servfail_is_kept_as_long_as_is_asked_for(empty, stub):  # noqa: F811
    """proto:S7: never for good, at least a moment."""
    empty.serve_corefile(forward(stub, before="cache 30 {\n servfail 5s\n }"))
    for _ in range(3):
        assert ask(empty, "sf.example.net.").rcode() == dns.rcode.SERVFAIL
    assert len(stub.seen) == 1
    assert slow.wait_until(lambda: (ask(empty, "sf.example.net."), len(stub.seen))[1] > 1, WAIT_S, 0.2)


def test_minimum_ttls_and_zones_of_a_cache(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30 example.net {\n success 100 20 10\n denial 100 8 7\n }"))
    for name, ttl in (("ttl3.example.net.", "10"), ("ttl15.example.net.", "15"), ("ttl90.example.net.", "20")):
        assert texts(ask(empty, name))[0].split()[1] == ttl
    for name, ttl in (("nx3.example.net.", "7"), ("nx90.example.net.", "8")):
        assert str(ask(empty, name).authority[0]).split()[1] == ttl
    for _ in range(2):
        assert texts(ask(empty, "ttl90.other.test."))[0].split()[1] == "90"
    assert stub.names().count("ttl90.other.test.") == 2


def test_serve_stale_ends_with_its_duration(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, "max_connect_attempts 1",
                                 "cache 30 {\n success 100 1 0\n serve_stale 2s\n }"))
    assert ask(empty, "www.example.net.").answer
    stub.answer = lambda wire, is_tcp: None
    assert slow.wait_until(lambda: ask(empty, "www.example.net.").rcode() == dns.rcode.SERVFAIL, WAIT_S, 0.2)


def test_the_longest_zone_of_all_blocks_has_its_own_upstream(empty):  # noqa: F811
    """Of several forward lines in one block the first that takes the name, as in CoreDNS."""
    def saying(last):
        return stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire).replace(b"\xc0\x00\x02\x01", bytes([192, 0, 2, last])))

    stubs = [saying(n) for n in (11, 12, 13, 14)]
    try:
        to = [f"{s.address}:{s.port}" for s in stubs]
        empty.serve_corefile(f".:53 {{\n forward c.test {to[3]}\n forward . {to[0]}\n forward b.test {to[3]}\n}}\n"
                             f"b.test:53 {{\n forward . {to[1]}\n}}\na.b.test:53 {{\n forward . {to[2]}\n}}\n")
        for name, last in (("x.a.b.test.", 13), ("a.b.test.", 13), ("xa.b.test.", 12), ("b.test.", 12), ("xb.test.", 11), (".", 11), ("x.c.test.", 14)):
            assert texts(ask(empty, name))[0].endswith(f"192.0.2.{last}"), name
    finally:
        for each in stubs:
            each.stop()


def test_fifteen_upstreams_are_all_used(empty):  # noqa: F811
    stubs = [stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire)) for _ in range(15)]
    try:
        empty.serve_corefile(forward(stubs, "policy round_robin"))
        for n in range(30):
            assert ask(empty, f"n{n}.example.net.").answer
        assert [len(s.seen) for s in stubs] == [2] * 15
    finally:
        for each in stubs:
            each.stop()
