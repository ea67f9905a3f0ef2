# SPDX-License-Identifier: Apache-2.0
"""The cache in front of forward (k8s:2.13 cache, quirk 22)."""

import os
import socket
import time

import dns.message
import dns.rcode
import pytest

import slow
from test_forward import ask, empty, forward, stub, stub_upstream, texts  # noqa: F401

SECONDS = 60 if os.environ.get("B53_LONG") == "1" else 3


def test_each_record_counts_down_by_itself(empty, stub):  # noqa: F811
    """For 60 s with B53_LONG=1."""
    empty.serve_corefile(forward(stub, before="cache"))
    born = time.monotonic()
    first = ask(empty, "alias.example.net.")
    born_until = time.monotonic()
    assert texts(first)[0].split()[1] == "77" and texts(first)[1].split()[1] == "300"
    seen = []
    while time.monotonic() < born + SECONDS:
        start = time.monotonic()
        cname, address = [int(t.split()[1]) for t in texts(ask(empty, "alias.example.net."))]
        end = time.monotonic()
        assert 77 - cname == 300 - address  # both by the same seconds
        assert int(start - born_until) <= 77 - cname <= int(end - born) + 1
        seen.append(cname)
        time.sleep(0.2)
    print(f"\n{len(seen)} answers in {SECONDS} s, TTL of the alias {seen[0]} to {seen[-1]}, {len(stub.seen)} question upstream")
    assert seen == sorted(seen, reverse=True)
    assert len(stub.seen) == 1


def test_bounds_of_ttls_are_those_of_the_captures(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30"))
    for name, ttl in (("ttl0", 5), ("ttl3", 5), ("ttl90000", 30), ("ttl17", 17)):
        assert texts(ask(empty, f"{name}.example.net."))[0].split()[1] == str(ttl)
    assert str(ask(empty, "nx9000.example.net.").authority[0]).split()[1] == "30"
    empty.serve_corefile(forward(stub, before="cache"), 2)
    assert texts(ask(empty, "ttl90000.example.net."))[0].split()[1] == "3600"
    assert str(ask(empty, "nx9000.example.net.").authority[0]).split()[1] == "1800"


@pytest.mark.parametrize("name,asked", [
    ("www", 1), ("nx60", 1), ("nodata", 1), ("sf", 1), ("nosoa", 3), ("refused", 3), ("tc", 3),
])
def test_what_is_kept_and_what_is_not(empty, stub, name, asked):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30"))
    for _ in range(3):
        ask(empty, f"{name}.example.net.")
    assert len(stub.seen) == asked


def test_flags_and_types_are_kept_apart(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30"))
    base = dict(use_edns=0, payload=1232)
    for kwargs in (base, {**base, "want_dnssec": True}):
        for kind in ("A", "AAAA"):
            for _ in range(2):
                ask(empty, "www.example.net.", kind, **kwargs)
    assert len(stub.seen) == 4


def test_over_udp_a_kept_answer_is_cut_for_each_client(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30"))
    assert len(ask(empty, "many.example.net.", tcp=True).answer[0]) == 100
    reply = empty.ask_udp(slow.question("many.example.net."))
    assert len(reply) <= 512 and dns.message.from_wire(reply).flags & 0x0200
    reply = empty.ask_udp(slow.question("many.example.net.", use_edns=0, payload=4096))
    assert 1100 < len(reply) <= 1232
    assert len(stub.seen) == 1


def test_disable_keeps_nothing_of_the_zone(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30 {\n disable success example.net\n disable denial other.test\n }"))
    for name in ("www.example.net.", "nx60.example.net.", "www.other.test.", "nx60.other.test."):
        for _ in range(2):
            ask(empty, name)
    names = stub.names()
    assert [names.count(n) for n in ("www.example.net.", "nx60.example.net.", "www.other.test.")] == [2, 1, 1]


def test_keepttl_does_not_count_down(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30 {\n keepttl\n }"))
    ask(empty, "www.example.net.")
    time.sleep(1.2)
    assert texts(ask(empty, "www.example.net."))[0].split()[1] == "30"


def test_stale_answers_while_the_upstream_is_silent(empty, stub):  # noqa: F811
    """proto:S8, with TTL 0 as CoreDNS (quirk 30)."""
    empty.serve_corefile(forward(stub, before="cache 30 {\n success 100 1 0\n serve_stale 1h\n }"))
    assert ask(empty, "www.example.net.").answer
    stub.answer = lambda wire, is_tcp: None
    time.sleep(1.2)
    for _ in range(3):
        start = time.monotonic()
        reply = ask(empty, "www.example.net.", use_edns=0)
        assert time.monotonic() - start < 1
        assert texts(reply)[0].split()[1] == "0" and reply.options[0].code == 3
    assert len(stub.seen) >= 2  # the refresh was tried
    stub.answer = stub.standard
    assert slow.wait_until(lambda: texts(ask(empty, "www.example.net."))[0].split()[1] == "1", 12, 0.2)


def test_verify_asks_first_and_falls_back(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30 {\n success 100 1 0\n serve_stale 1h verify 300ms\n }"))
    assert ask(empty, "www.example.net.").answer
    time.sleep(1.2)
    assert texts(ask(empty, "www.example.net."))[0].split()[1] == "1"  # the upstream answered
    stub.answer = lambda wire, is_tcp: None
    time.sleep(1.2)
    start = time.monotonic()
    assert texts(ask(empty, "www.example.net."))[0].split()[1] == "0"
    assert 0.2 < time.monotonic() - start < 1


def test_prefetch_renews_what_is_popular(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 4 {\n prefetch 3 1m 50%\n success 100 4 0\n }"))
    end = time.monotonic() + 6
    while time.monotonic() < end:
        assert int(texts(ask(empty, "www.example.net."))[0].split()[1]) >= 1
        time.sleep(0.1)
    assert 2 <= len(stub.seen) <= 4


def test_another_corefile_begins_with_an_empty_cache(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="cache 30"))
    ask(empty, "www.example.net.")
    empty.serve_corefile(forward(stub, before="cache 30"), 2)  # the same policy: kept
    ask(empty, "www.example.net.")
    assert len(stub.seen) == 1
    empty.serve_corefile(forward(stub, before="cache 31"), 3)
    ask(empty, "www.example.net.")
    assert len(stub.seen) == 2


def test_a_thousand_clients_that_ask_at_once_cause_one_question(empty, stub):  # noqa: F811
    """proto:F4."""
    empty.serve_corefile(forward(stub, before="cache 30"))
    socks = []
    for n in range(1000):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(5)
        sock.connect(("127.0.0.1", empty.port))
        socks.append(sock)
    for n, sock in enumerate(socks):
        sock.send(slow.question("slow.example.net.", ident=n))
    for n, sock in enumerate(socks):
        reply = dns.message.from_wire(sock.recv(512))
        assert reply.id == n and reply.answer
        sock.close()
    assert len(stub.seen) == 1


@pytest.mark.skipif(slow.HAS_ASAN, reason="ASan keeps freed memory")
def test_memory_stays_bounded_under_names_asked_once(empty, stub):  # noqa: F811
    """proto:F10."""
    empty.serve_corefile(forward(stub, before="cache 30 {\n success 2000\n denial 2000\n }"))
    ask(empty, "www.example.net.")
    sizes = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.connect(("127.0.0.1", empty.port))
        for round_ in range(3):
            for n in range(4000):
                sock.send(slow.question(f"nx.r{round_}n{n}.example.net."))
                if n % 50 == 49:
                    for _ in range(50):
                        sock.recv(512)
            sizes.append(empty.private_kib())
    assert sizes[2] - sizes[1] < 512, sizes
