# SPDX-License-Identifier: Apache-2.0
"""What counts as an upstream's answer, and how often it is asked for: prefer_udp, failover, malformed replies, certificates."""

import re

import dns.flags
import dns.message
import dns.rcode
import pytest

from test_forward import TlsStub, ask, certificate, empty, forward, servfail, stub, stub_upstream, texts  # noqa: F401
from test_hostile import good, hostile, reply_to  # noqa: F401


def ways(upstream):
    return [is_tcp for _, _, is_tcp in upstream.seen]


@pytest.mark.parametrize("tcp", [False, True])
def test_prefer_udp_fetches_a_cut_answer_over_tcp_for_every_client(empty, stub, tcp):  # noqa: F811
    empty.serve_corefile(forward(stub, "prefer_udp", "cache 30"))
    reply = ask(empty, "many.example.net.", tcp=tcp, use_edns=0, payload=1232)
    assert ways(stub) == [False, True]
    if tcp:
        assert len(reply.answer[0]) == 100
    else:
        assert reply.flags & dns.flags.TC and len(reply.answer[0]) > 50
    ask(empty, "many.example.net.", tcp=not tcp)
    assert len(stub.seen) == 2  # the whole answer is in the cache


def test_without_prefer_udp_nothing_is_asked_again(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub))
    assert ask(empty, "many.example.net.").flags & dns.flags.TC
    assert ways(stub) == [False]


def refuse(wire, is_tcp):
    return servfail(wire).to_wire()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_failover_asks_each_upstream_once(empty, n):  # noqa: F811
    upstreams = [stub_upstream.StubUpstream(answer=refuse) for _ in range(n)]
    try:
        empty.serve_corefile(forward(upstreams, "policy round_robin\nfailover SERVFAIL"))
        for tcp in (False, True):
            assert ask(empty, f"www{tcp}.example.net.", tcp=tcp).rcode() == dns.rcode.SERVFAIL
        assert [len(u.seen) for u in upstreams] == [2] * n
    finally:
        for upstream in upstreams:
            upstream.stop()


def cut_opt(wire):
    return good(wire)[:-4]


def two_opts(wire):
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    return good(wire)[:10] + b"\0\2" + good(wire)[12:] + opt


def other_name(wire):
    reply = bytearray(good(wire))
    reply[13] ^= 0x15
    return bytes(reply)


def no_header(wire):
    return good(wire)[:11]


BAD = [cut_opt, two_opts, other_name]


@pytest.mark.parametrize("bad", BAD + [no_header])
def test_a_malformed_reply_is_waited_on(empty, hostile, bad):  # noqa: F811
    """proto:F1, F8."""
    upstream = hostile(lambda wire, is_tcp: [bad(wire), bad(wire), good(wire)])
    assert texts(ask(empty, "a.example.", use_edns=0)) == ["a.example. 30 IN A 192.0.2.1"]
    assert ways(upstream) == [False]


@pytest.mark.parametrize("bad", BAD + [no_header])
def test_after_malformed_replies_alone_the_question_goes_over_tcp(empty, hostile, bad):  # noqa: F811
    upstream = hostile(lambda wire, is_tcp: good(wire) if is_tcp else bad(wire))
    assert texts(ask(empty, "a.example.", use_edns=0)) == ["a.example. 30 IN A 192.0.2.1"]
    assert ways(upstream) == [False, True]


def test_a_malformed_reply_of_one_upstream_forces_tcp_on_no_other(empty):  # noqa: F811
    first = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: other_name(wire))
    second = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: good(wire))
    try:
        empty.serve_corefile(forward([first, second], "policy sequential"))
        assert texts(ask(empty, "a.example.", use_edns=0)) == ["a.example. 60 IN A 192.0.2.1"]
        asked = [is_tcp for wire, _, is_tcp in first.seen if b"\1a\7example" in wire]  # there are health checks, too
        assert asked == [False, True] and ways(second) == [False]
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("tcp", [False, True])
def test_malformed_replies_alone_are_servfail_with_invalid_data(empty, hostile, bad, tcp):  # noqa: F811
    hostile(lambda wire, is_tcp: bad(wire))
    reply = ask(empty, "a.example.", tcp=tcp, use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL and [o.code for o in reply.options] == [24]


def test_silence_is_no_invalid_data(empty, hostile):  # noqa: F811
    hostile(lambda wire, is_tcp: None, "max_connect_attempts 1")
    reply = ask(empty, "a.example.", use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL and [o.code for o in reply.options] == [22]


def test_an_upstream_with_another_version_of_edns_is_asked_without(empty, hostile):  # noqa: F811
    def answer(wire, is_tcp):
        query = dns.message.from_wire(wire)
        if query.edns < 0:
            return good(wire)
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.BADVERS)
        return reply.to_wire()

    hostile(answer)
    assert texts(ask(empty, "a.example.", use_edns=0)) == ["a.example. 30 IN A 192.0.2.1"]


@pytest.mark.parametrize("lines,why", [
    ("tls {cert}\n tls_servername other.example", "wanted=other.example reason=\"[Hh]ostname mismatch\""),
    ("tls", "wanted=127.0.0.1 reason=\"self[- ]signed certificate\""),
])
def test_a_refused_certificate_is_named_in_the_log_with_the_reason(empty, certificate, lines, why):  # noqa: F811
    key, cert = certificate
    upstream = TlsStub(key, cert)
    try:
        lines = lines.format(cert=cert)
        empty.serve_corefile(f".:53 {{\n errors\n forward . tls://127.0.0.1:{upstream.port} {{\n {lines}\n }}\n}}\n")
        for n in range(3):
            reply = ask(empty, f"ttl{n}.example.net.", use_edns=0)
            assert reply.rcode() == dns.rcode.SERVFAIL and [o.code for o in reply.options] == [22]
        line = f"error forward certificate of the upstream refused upstream=127.0.0.1:{upstream.port} {why}"
        assert len(re.findall(line, empty.log_text(), re.IGNORECASE)) == 1  # not once for each question
    finally:
        upstream.listening.close()


def test_an_upstream_that_closes_is_no_certificate_trouble(empty, certificate, stub):  # noqa: F811
    _, cert = certificate
    empty.serve_corefile(f".:53 {{\n forward . tls://127.0.0.1:{stub.port} {{\n tls {cert}\n }}\n}}\n")
    assert ask(empty, "www.example.net.").rcode() == dns.rcode.SERVFAIL
    assert "certificate" not in empty.log_text()


def test_errors_of_our_own_say_that_nobody_recursed(empty, stub):  # noqa: F811
    """RA is the upstream's word, as in CoreDNS."""
    empty.serve_corefile(forward(stub, "except except.example.net", "cache 30"))
    assert ask(empty, "www.example.net.").flags & dns.flags.RA
    assert dns.flags.to_text(ask(empty, "a.except.example.net.").flags) == "QR RD"
    for name in ("sf.example.net.", "refused.example.net."):
        for _ in range(2):
            assert dns.flags.to_text(ask(empty, name).flags) == "QR RD RA"
    empty.serve_corefile(forward([], "").replace("forward . ", "forward . 127.0.0.1:9"), 2)
    for tcp in (False, True):
        assert dns.flags.to_text(ask(empty, "www.example.net.", tcp=tcp).flags) == "QR RD"
