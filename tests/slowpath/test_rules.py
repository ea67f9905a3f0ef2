# SPDX-License-Identifier: Apache-2.0
"""Numbered rules of forwarding (proto 1.7, 1.11, 1.12) that no other file here shows."""

import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

import slow
from test_forward import ask, empty, forward, stub_upstream, texts  # noqa: F401
from test_hostile import hostile, reply_to  # noqa: F401

SIGNATURE = "A 13 2 60 20300101000000 20200101000000 4711 example. " + "A" * 84 + "=="


def test_an_alias_has_the_rcode_of_its_last_name(empty, hostile):  # noqa: F811
    """proto:S10, RFC 6604 3."""
    def answer(wire, is_tcp):
        reply = dns.message.from_wire(reply_to(wire, ("a.example.", 60, "IN", "CNAME", "gone.example."), flags=0x8183))
        reply.authority = [dns.rrset.from_text("example.", 60, "IN", "SOA", "ns.example. h.example. 1 1 1 1 60")]
        return reply.to_wire()

    upstream = hostile(answer)
    for _ in range(2):  # fetched, then kept
        reply = ask(empty, "a.example.")
        assert reply.rcode() == dns.rcode.NXDOMAIN and [r.split()[3] for r in texts(reply)] == ["CNAME"]
    assert len(upstream.seen) == 1


def test_a_question_costs_three_upstream_packets_at_most(empty, hostile):  # noqa: F811
    """proto:A4: silence, a cut answer, a wrong ID and garbage, each asked once by a client."""
    behaviours = {
        "silent.": lambda wire, is_tcp: None,
        "cut.": lambda wire, is_tcp: reply_to(wire, flags=0x8380),
        "spoofed.": lambda wire, is_tcp: bytes([wire[0] ^ 1]) + reply_to(wire)[1:],
        "garbage.": lambda wire, is_tcp: reply_to(wire, ("garbage.", 60, "IN", "A", "192.0.2.1"))[:-3],
    }
    upstream = hostile(lambda wire, is_tcp: behaviours[dns.message.from_wire(wire).question[0].name.to_text()](wire, is_tcp))
    for name in behaviours:
        ask(empty, name, use_edns=0)
    counts = {name: upstream.names().count(name) for name in behaviours}
    assert all(1 <= count <= 3 for count in counts.values()), counts


def test_what_fails_is_asked_again_after_a_moment_only(empty, hostile):  # noqa: F811
    """proto:S7: a failure is kept, for a second at least and not for long."""
    upstream = hostile(lambda wire, is_tcp: reply_to(wire, flags=0x8182))
    for _ in range(20):
        assert ask(empty, "a.example.").rcode() == dns.rcode.SERVFAIL
    first = len(upstream.seen)
    assert first <= 3
    time.sleep(5.2)
    assert ask(empty, "a.example.").rcode() == dns.rcode.SERVFAIL
    assert first < len(upstream.seen) <= 2 * first


def test_signed_answers_pass_as_they_are(empty, hostile):  # noqa: F811
    """proto:F13: nothing is validated; DO, AD and the signatures go through, cut over UDP and whole over TCP."""
    def answer(wire, is_tcp):
        name = dns.message.from_wire(wire).question[0].name
        records = [(name, 60, "IN", "A", *[f"192.0.2.{n}" for n in range(1, 90)]), (name, 60, "IN", "RRSIG", SIGNATURE)]
        return reply_to(wire, *records, flags=0x81A0)

    upstream = hostile(answer, "prefer_udp")
    reply = ask(empty, "a.example.", tcp=True, want_dnssec=True)
    assert len(reply.answer) == 2 and len(reply.answer[0]) == 89
    assert reply.answer[1][0] == dns.rdata.from_text("IN", "RRSIG", SIGNATURE)
    assert reply.flags & dns.flags.AD and reply.ednsflags & dns.flags.DO
    cut = ask(empty, "a.example.", want_dnssec=True)
    assert cut.flags & dns.flags.TC
    assert all(dns.message.from_wire(wire).ednsflags & dns.flags.DO for wire, _, _ in upstream.seen)


def test_types_that_nobody_knows_pass_byte_for_byte(empty, hostile):  # noqa: F811
    """proto:F14: what is in the rdata of HTTPS, SVCB and unknown types is not looked at."""
    odd = [(dns.rdatatype.HTTPS, b"\x00\x01\x00\xff\xff\x00"), (dns.rdatatype.SVCB, b"\x00"), (65280, bytes(range(256)))]

    def answer(wire, is_tcp):
        query = dns.message.from_wire(wire)
        kind = query.question[0].rdtype
        rdata = dict(odd)[kind]
        head = wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query.question[0].name.to_wire()
        return (head + kind.to_bytes(2, "big") + b"\0\1" + b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" +
                len(rdata).to_bytes(2, "big") + rdata)

    hostile(answer)
    for kind, rdata in odd:
        for _ in range(2):
            assert empty.ask_udp(slow.question("a.example.", kind, ident=7)).endswith(len(rdata).to_bytes(2, "big") + rdata)


def test_names_go_up_in_one_spelling_and_replies_must_have_it(empty, hostile):  # noqa: F811
    """proto:N4 of replies; the reason why F6 is left out: whatever the client writes, one question is asked."""
    upstream = hostile(lambda wire, is_tcp: reply_to(wire, ("a.example.", 60, "IN", "A", "192.0.2.1")))
    for spelling in ("a.example.", "A.eXample.", "A.EXAMPLE."):
        assert ask(empty, spelling).answer
    assert upstream.names() == ["a.example."]
