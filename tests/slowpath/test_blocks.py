# SPDX-License-Identifier: Apache-2.0
"""Server blocks with several directives: what is rewritten, made or looked up on the way, and then forwarded."""

import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import pytest

import slow
from test_forward import ask, empty, forward, stub_upstream, texts  # noqa: F401
from test_hostile import good, hostile, reply_to  # noqa: F401

BLOCK = """
 cache 30
 rewrite name exact old.example new.example answer auto
 rewrite name suffix .corp.test .inside.test answer auto
 template IN A made.test {
  match "^ip-(?P<a>[0-9]+)[.]made[.]test[.]$"
  answer "{{ .Name }} 60 IN A 192.0.2.{{ .Group.a }}"
  fallthrough
 }
 hosts /nothing {
  10.0.0.1 web.inside.test
  fallthrough
 }
"""


@pytest.mark.parametrize("tcp", [False, True])
def test_each_directive_has_its_turn(empty, hostile, tcp):  # noqa: F811
    upstream = hostile(lambda wire, is_tcp: good(wire), before=BLOCK)
    for name, reply in (
        ("old.example.", "old.example. 60 IN A 192.0.2.1"),
        ("web.corp.test.", "web.corp.test. 3600 IN A 10.0.0.1"),
        ("other.corp.test.", "other.corp.test. 60 IN A 192.0.2.1"),
        ("ip-9.made.test.", "ip-9.made.test. 60 IN A 192.0.2.9"),
        ("else.made.test.", "else.made.test. 60 IN A 192.0.2.1"),
        ("web.inside.test.", "web.inside.test. 3600 IN A 10.0.0.1"),
        ("plain.", "plain. 60 IN A 192.0.2.1"),
    ):
        got = ask(empty, name, tcp=tcp)
        assert [t.replace(" 30 IN", " 60 IN") for t in texts(got)] == [reply]
        assert got.question[0].name.to_text() == name
    assert upstream.names() == ["new.example.", "other.inside.test.", "else.made.test.", "plain."]


def test_the_cache_holds_what_a_name_has_become(empty, hostile):  # noqa: F811
    upstream = hostile(lambda wire, is_tcp: good(wire), before=BLOCK)
    assert texts(ask(empty, "new.example.")) and texts(ask(empty, "old.example."))
    assert upstream.names() == ["new.example."]
    time.sleep(2.1)
    ttls = [ask(empty, name).answer[0].ttl for name in ("old.example.", "new.example.")]
    assert all(26 <= ttl <= 28 for ttl in ttls), ttls


def test_a_question_that_waits_gets_its_answer_through_a_change_of_the_corefile(empty, hostile):  # noqa: F811
    asked = threading.Event()

    def answer(wire, is_tcp):
        asked.set()
        time.sleep(0.7)
        return good(wire)

    upstream = hostile(answer, before=BLOCK)
    replies = []
    client = threading.Thread(target=lambda: replies.append(ask(empty, "old.example.")))
    client.start()
    assert asked.wait(5)
    empty.serve_corefile(forward(upstream, before="rewrite name exact old.example other.example"), generation=9)
    client.join(10)
    assert texts(replies[0]) in (["old.example. 60 IN A 192.0.2.1"], ["old.example. 30 IN A 192.0.2.1"])


def test_upstreams_that_are_silent_cost_an_error_and_nothing_else(empty, hostile):  # noqa: F811
    hostile(lambda wire, is_tcp: None, before=BLOCK)
    start, replies = time.monotonic(), []
    clients = [threading.Thread(target=lambda n=n: replies.append(ask(empty, f"n{n}.corp.test."))) for n in range(40)]
    for client in clients:
        client.start()
    assert texts(ask(empty, "web.corp.test.")) == ["web.corp.test. 3600 IN A 10.0.0.1"]
    assert time.monotonic() - start < 2
    for client in clients:
        client.join(10)
    assert [r.rcode() for r in replies] == [dns.rcode.SERVFAIL] * 40 and time.monotonic() - start < 7
    reply = ask(empty, "n0.corp.test.", use_edns=0)
    assert [o.code for o in reply.options if int(o.otype) == 15] == [22], reply  # RFC 8914: no reachable authority


def test_large_answers_are_cut_for_udp_after_all_directives(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        name = dns.message.from_wire(wire).question[0].name
        if not is_tcp:
            return reply_to(wire, (name, 60, "IN", "A", *[f"192.0.2.{n}" for n in range(1, 60)]))
        return reply_to(wire, (name, 60, "IN", "A", *[f"192.0.{n // 250}.{n % 250}" for n in range(1, 900)]))

    hostile(answer, before="rewrite name exact old.example new.example answer auto")
    reply = ask(empty, "old.example.")
    assert reply.flags & dns.flags.TC and 20 < len(reply.answer[0]) < 59
    reply = ask(empty, "old.example.", use_edns=0, payload=1232)
    assert not reply.flags & dns.flags.TC and len(reply.answer[0]) == 59
    reply = ask(empty, "old.example.", tcp=True)
    assert not reply.flags & dns.flags.TC and len(reply.answer[0]) == 899


def test_class_chaos_is_answered_beside_a_forward(empty, hostile):  # noqa: F811
    upstream = hostile(lambda wire, is_tcp: good(wire), before='chaos v1 "somebody"')
    query = dns.message.make_query("version.bind.", "TXT", "CH")
    assert texts(dns.message.from_wire(empty.ask_udp(query.to_wire()))) == ['version.bind. 0 CH TXT "v1"']
    query.use_edns(0)
    assert not dns.message.from_wire(empty.ask_udp(query.to_wire())).options
    query = dns.message.make_query("other.bind.", "TXT", "CH", use_edns=0)
    reply = dns.message.from_wire(empty.ask_udp(query.to_wire()))
    assert reply.rcode() == dns.rcode.REFUSED and [int(o.otype) for o in reply.options] == [15]
    assert not upstream.seen and texts(ask(empty, "a.example."))


def test_a_class_that_a_rule_makes_reaches_the_upstream(empty, hostile):  # noqa: F811
    upstream = hostile(lambda wire, is_tcp: good(wire), before="cache 30\n rewrite class IN CH")
    for _ in range(2):
        assert texts(ask(empty, "a.example."))
    query = dns.message.make_query("a.example.", "A", "CH")
    assert dns.message.from_wire(empty.ask_udp(query.to_wire())).rcode() == dns.rcode.REFUSED  # no rule is for it
    assert [dns.message.from_wire(wire).question[0].rdclass for wire, _, _ in upstream.seen] == [dns.rdataclass.CH]


def test_names_are_as_long_as_names_can_be(empty, hostile):  # noqa: F811
    """What a rule makes too long is no name: SERVFAIL, as CoreDNS."""
    hostile(lambda wire, is_tcp: good(wire), before="rewrite name suffix .a .much.longer.than.it.was.test")
    label = "x" * 60
    assert ask(empty, f"{label}.a.").rcode() == dns.rcode.NOERROR
    assert ask(empty, f"{label}.{label}.{label}.{'y' * 50}.a.").rcode() == dns.rcode.SERVFAIL
    assert slow.wait_until(lambda: ask(empty, f"{label}.a.").rcode() == dns.rcode.NOERROR, 2)
