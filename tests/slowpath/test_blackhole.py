# SPDX-License-Identifier: Apache-2.0
"""Upstreams that fall silent: one of two, then both (rel:P7). Ten minutes with B53_LONG=1; prints what it counted."""

import collections
import os
import time

import dns.rcode
import pytest

import slow
from test_forward import ask, empty, forward, stub_upstream, texts  # noqa: F401

LONG = os.environ.get("B53_LONG") == "1"
SECONDS = 600 if LONG else 4
LIMIT_S = 1.8
SLACK_S = 5  # of a busy machine; what was measured is printed


@pytest.fixture
def two():
    stubs = [stub_upstream.StubUpstream() for _ in range(2)]
    yield stubs
    for stub in stubs:
        stub.stop()


def silence(stub):
    stub.answer = lambda wire, is_tcp: None


def questions(stub):
    """Names asked of it, health checks left out."""
    return collections.Counter(stub.names())


def steady(server, label, seconds):
    """Asks ten new names a second; replies and how long each took."""
    found, end, n = [], time.monotonic() + seconds, 0
    while time.monotonic() < end:
        start = time.monotonic()
        reply = ask(server, f"ttl60.{label}{n}.example.net.", use_edns=0)
        found.append((time.monotonic() - start, reply))
        n += 1
        time.sleep(max(0, 0.1 - found[-1][0]))
    return found


def test_one_of_two_costs_a_retry_until_it_is_left_out(empty, two):  # noqa: F811
    empty.serve_corefile(forward(two, before="cache 30"))
    silence(two[0])
    first = steady(empty, "a", SECONDS / 4)
    assert slow.wait_until(lambda: "upstream is down" in empty.log_text(), 60)
    asked_before = sum(questions(two[0]).values())
    rest = steady(empty, "b", SECONDS)
    times = sorted(t for t, _ in rest)
    retries = questions(two[0]) + questions(two[1])
    log = empty.log_text()
    print(f"\n{len(first)} questions from the moment it fell silent, slowest {max(t for t, _ in first):.2f} s; {len(rest)} after it was left out, p99 "
          f"{times[len(times) * 99 // 100]:.3f} s, {sum(questions(two[0]).values()) - asked_before} of them asked the silent one; most "
          f"attempts for one question {max(retries.values())}; down {log.count('upstream is down')}, back {log.count('upstream is back')}")
    assert all(r.answer for _, r in first + rest)
    assert max(retries.values()) <= 2 and all(questions(two[1])[name] == 1 for name in questions(two[0]))  # one retry, at the other one
    assert sum(questions(two[0]).values()) == asked_before
    assert log.count("upstream is down") == 1 and "upstream is back" not in log
    assert times[len(times) * 99 // 100] < 2  # nobody waits for the silent one


@pytest.mark.parametrize("stale", ["", "serve_stale 1h"], ids=["failure", "stale"])
def test_when_both_are_silent_the_answer_is_there_in_time(empty, two, stale):  # noqa: F811
    empty.serve_corefile(forward(two, "max_fails 1\nhealth_check 0.1s", f"cache 30 {{\n success 100 1 0\n {stale}\n }}"))
    for n in range(5):
        assert ask(empty, f"ttl1.known{n}.example.net.").answer
    for stub in two:
        silence(stub)
    ask(empty, "wake.example.net.")
    assert slow.wait_until(lambda: empty.log_text().count("upstream is down") == 2, 60)
    found = steady(empty, "c", SECONDS / 2)
    slowest = max(t for t, _ in found)
    print(f"\n{len(found)} questions, slowest {slowest:.2f} s")
    assert all(r.rcode() == dns.rcode.SERVFAIL and r.options[0].code == 22 for _, r in found)
    assert slowest < LIMIT_S + SLACK_S
    for n in range(5):  # they have expired meanwhile
        reply = ask(empty, f"ttl1.known{n}.example.net.", use_edns=0)
        assert reply.options[0].code == (3 if stale else 22)
        assert reply.rcode() == (dns.rcode.NOERROR if stale else dns.rcode.SERVFAIL)
    for stub in two:
        stub.answer = stub.standard
    assert slow.wait_until(lambda: ask(empty, "www.again.example.net.").answer, 60)
