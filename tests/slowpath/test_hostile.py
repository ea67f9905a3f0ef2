# SPDX-License-Identifier: Apache-2.0
"""Upstreams and strangers that mean no good (proto 1.12, rel:5.6)."""

import struct
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

import slow
from test_forward import ask, empty, forward, stub_upstream, texts  # noqa: F401


def reply_to(wire, *records, **changes):
    """A reply to the query with the records in its answer section."""
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query, recursion_available=True)
    for record in records:
        reply.answer.append(dns.rrset.from_text(*record))
    for key, value in changes.items():
        setattr(reply, key, value)
    return reply.to_wire(max_size=65535)


def good(wire, ttl=60):
    name = dns.message.from_wire(wire).question[0].name
    return reply_to(wire, (name, ttl, "IN", "A", "192.0.2.1"))


@pytest.fixture
def hostile(empty):  # noqa: F811
    """Serves with an upstream of the given behaviour; yields a function that sets it."""
    upstreams = []

    def set_answer(answer, options="", before="cache 30"):
        upstreams.append(stub_upstream.StubUpstream(answer=answer))
        empty.serve_corefile(forward(upstreams[-1], options, before), generation=len(upstreams))
        return upstreams[-1]

    yield set_answer
    for upstream in upstreams:
        upstream.stop()


def other_id(wire):
    return bytes([wire[0] ^ 0x55, wire[1] ^ 0xAA]) + wire[2:]


def test_after_a_wrong_id_the_question_goes_over_tcp(empty, hostile):  # noqa: F811
    """proto:F5."""
    def answer(wire, is_tcp):
        if is_tcp:
            return good(wire)
        return [other_id(reply_to(wire, (dns.message.from_wire(wire).question[0].name, 60, "IN", "A", "6.6.6.6"))), good(wire)]

    upstream = hostile(answer)
    assert "192.0.2.1" in texts(ask(empty, "a.example."))[0]
    assert [is_tcp for _, _, is_tcp in upstream.seen] == [False, True]


def test_a_reply_to_another_question_is_ignored_and_waited_on(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        evil = ("6.6.6.6",)
        name = dns.message.from_wire(wire).question[0].name
        other = dns.message.make_query("b.example.", "A")
        other.id = struct.unpack(">H", wire[:2])[0]
        not_a_reply = bytearray(good(wire))
        not_a_reply[2] &= 0x7F
        other_opcode = bytearray(good(wire))
        other_opcode[2] |= 0x20
        two_questions = bytearray(good(wire))
        two_questions[5] = 2
        upper = good(wire).replace(b"\1a\7example", b"\1A\7example")
        return [
            reply_to(other.to_wire(), ("b.example.", 60, "IN", "A", *evil)),
            reply_to(wire, (name, 60, "IN", "A", *evil)).replace(b"\0\1\0\1", b"\0\x1c\0\1", 1),
            bytes(not_a_reply), bytes(other_opcode), bytes(two_questions), upper, wire[:2] + b"\x81\x80", b"", b"x" * 11,
            good(wire),
        ]

    upstream = hostile(answer)
    assert texts(ask(empty, "a.example.")) == ["a.example. 30 IN A 192.0.2.1"]
    assert len(upstream.seen) == 1


def test_nothing_outside_the_chain_is_kept_or_passed_on(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        name = query.question[0].name
        reply.answer = [
            dns.rrset.from_text(name, 60, "IN", "CNAME", "b.example."),
            dns.rrset.from_text("victim.test.", 60, "IN", "A", "6.6.6.6"),
            dns.rrset.from_text("svc0.ns.svc.cluster.local.", 60, "IN", "A", "6.6.6.6"),
            dns.rrset.from_text("b.example.", 60, "IN", "A", "192.0.2.1"),
        ]
        reply.authority = [dns.rrset.from_text("test.", 60, "IN", "NS", "ns.evil.")]
        reply.additional = [dns.rrset.from_text("ns.evil.", 60, "IN", "A", "6.6.6.6")]
        return reply.to_wire()

    upstream = hostile(answer)
    for _ in range(2):
        reply = ask(empty, "a.example.")
        assert "6.6.6.6" not in reply.to_text() and "evil" not in reply.to_text() and len(reply.answer) == 2
    ask(empty, "victim.test.")
    assert upstream.names() == ["a.example.", "victim.test."]


@pytest.mark.parametrize("links", [1, 5, 11, 12, 64, 65, 1000])
def test_a_cname_chain_comes_whole_or_not_at_all(empty, hostile, links):  # noqa: F811
    """CoreDNS passes any on; more than 64 links are refused, and never cut."""
    def answer(wire, is_tcp):
        records = [(f"n{i}.example.", 60, "IN", "CNAME", f"n{i + 1}.example.") for i in range(links)]
        return reply_to(wire, *records, (f"n{links}.example.", 60, "IN", "A", "192.0.2.1"))

    hostile(answer)
    reply = ask(empty, "n0.example.", tcp=True, use_edns=0)
    if links <= 64:
        assert len(reply.answer) == links + 1
    else:
        assert reply.rcode() == dns.rcode.SERVFAIL and not reply.answer and reply.options[0].code == 24


def test_cname_loops_end(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        return reply_to(wire, ("a.example.", 60, "IN", "CNAME", "b.example."), ("b.example.", 60, "IN", "CNAME", "a.example."))

    hostile(answer)
    assert len(ask(empty, "a.example.").answer) == 2


@pytest.mark.parametrize("ttl,shown", [(0, 5), (2**31 - 1, 30), (2**31, 5), (2**32 - 1, 5)])
def test_ttls_out_of_range_are_bounded(empty, hostile, ttl, shown):  # noqa: F811
    """proto:S4."""
    def answer(wire, is_tcp):
        return good(wire, 0x11223344).replace(b"\x11\x22\x33\x44", struct.pack(">I", ttl))

    hostile(answer)
    assert texts(ask(empty, "a.example."))[0].split()[1] == str(shown)


def test_truncation_over_and_over_ends(empty, hostile):  # noqa: F811
    hostile(lambda wire, is_tcp: reply_to(wire, flags=0x8380), "prefer_udp")
    start = time.monotonic()
    assert ask(empty, "a.example.").flags & dns.flags.TC
    assert ask(empty, "a.example.", tcp=True).flags & dns.flags.TC
    assert time.monotonic() - start < 5


def test_late_and_repeated_replies_change_nothing(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        return [good(wire)] * 1000

    hostile(answer, before="")
    for n in range(20):
        assert ask(empty, f"n{n}.example.").answer
    assert empty.n_fds() < 40


def test_garbage_is_servfail_and_says_why(empty, hostile):  # noqa: F811
    """proto:F8."""
    hostile(lambda wire, is_tcp: good(wire)[:-14])
    for tcp in (False, True):
        reply = ask(empty, f"a{tcp}.example.", tcp=tcp, use_edns=0)
        assert reply.rcode() == dns.rcode.SERVFAIL and reply.options[0].code == 24


def test_the_largest_reply_is_passed_on(empty, hostile):  # noqa: F811
    """proto:F10: the bound of one answer is a message's."""
    def answer(wire, is_tcp):
        name = dns.message.from_wire(wire).question[0].name
        return reply_to(wire, (name, 60, "IN", "TXT", " ".join(['"' + "x" * 250 + '"'] * 260)))

    hostile(answer)
    reply = empty.ask_tcp(slow.question("a.example.", "TXT"))
    assert 62000 < len(reply) <= 65535 and dns.message.from_wire(reply).answer


def test_one_octet_a_second_over_tcp_ends_in_servfail(empty):  # noqa: F811
    def drip(conn):
        wire = slow.read_message(conn)
        try:
            for byte in slow.framed(good(wire)):
                conn.send(bytes([byte]))
                time.sleep(1)
        except OSError:
            pass

    listening = slow.serve_streams(drip)
    empty.serve_corefile(f".:53 {{\n forward . 127.0.0.1:{listening.getsockname()[1]} {{\n force_tcp\n }}\n}}\n")
    start = time.monotonic()
    assert ask(empty, "a.example.").rcode() == dns.rcode.SERVFAIL
    assert time.monotonic() - start < 5.2
    listening.close()


def test_cluster_names_from_an_upstream_have_no_effect(tmp_path):
    """rel:P10: the snapshot answers for its zones, whatever an upstream says."""
    running = slow.Slowpath(tmp_path)
    running.serve()
    try:
        for name in ("svc1.ns.svc.cluster.local.", "SVC1.ns.svc.cluster.local."):
            assert "10.97.0.1" in texts(ask(running, name))[0]
    finally:
        assert running.stop() == 0
