# SPDX-License-Identifier: Apache-2.0
"""`loop`: upstreams that send our questions back are found, and forwarding to them ends until they do not."""

import re
import socket

import dns.message
import dns.rcode

import slow
from test_forward import ask, empty, forward, stub, stub_upstream, texts  # noqa: F401  # pylint: disable=unused-import

PROBE = re.compile(r"^\d+\.\d+\.$")


def is_refused(server, name="www.example.net."):
    reply = ask(server, name, use_edns=0)
    return reply.rcode() == dns.rcode.SERVFAIL and [int(o.otype) for o in reply.options] == [15] and reply.options[0].code == 22


def sent_back(port):
    """The answer of an upstream that asks whoever asks it."""
    def answer(wire, is_tcp):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(b"\x77\x77" + wire[2:], ("127.0.0.1", port))
            try:
                return wire[:2] + sock.recv(65535)[2:]
            except TimeoutError:
                return None
    return answer


def probes(upstream):
    return [n for n in upstream.names() if PROBE.match(n)]


def test_an_upstream_that_is_ourselves_is_found_and_refused(empty):  # noqa: F811
    for generation in (1, 2):  # a new Corefile begins anew
        empty.serve_corefile(f".:53 {{\n cache {29 + generation}\n loop\n forward . 127.0.0.1:{empty.port}\n}}\n", generation)
        assert slow.wait_until(lambda: is_refused(empty), 60)
    assert slow.wait_until(lambda: empty.log_text().count("questions to upstreams come back") == 2, 60)
    assert f"zone=. upstream=127.0.0.1:{empty.port} upstreams=1" in empty.log_text()


def test_a_loop_that_ends_is_found_too(empty):  # noqa: F811
    between = stub_upstream.StubUpstream(answer=sent_back(empty.port))
    try:
        empty.serve_corefile(f"lan:53 {{\n loop\n forward . {between.address}:{between.port}\n}}\n")
        assert slow.wait_until(lambda: "come back: they get SERVFAIL zone=lan. " in empty.log_text(), 60)
        assert is_refused(empty, "www.lan.")
        before = len(between.seen)
        assert is_refused(empty, "other.lan.") and "other.lan." not in between.names()[before:]
        between.answer = between.standard
        assert slow.wait_until(lambda: ask(empty, "www.lan.").rcode() == dns.rcode.NOERROR, 60, 0.2)
        assert "do not come back any more" in empty.log_text()
    finally:
        between.stop()


def test_blocks_without_loop_have_no_probe_and_others_one(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, before="loop"))
    assert slow.wait_until(lambda: probes(stub), 60)
    assert texts(ask(empty, "www.example.net.")) == ["www.example.net. 300 IN A 203.0.113.5"]
    assert dns.message.from_wire(stub.seen[0][0]).question[0].to_text().endswith(" IN HINFO")
    # The stub said that there is no such name: nothing more is asked, not even by who asks for that name.
    assert ask(empty, probes(stub)[0], "TXT").rcode() != dns.rcode.SERVFAIL
    other = stub_upstream.StubUpstream()
    try:
        empty.serve_corefile(forward(other), 2)
        assert texts(ask(empty, "www.example.net."))
        assert not probes(other) and len(set(probes(stub))) == 1
    finally:
        other.stop()


def test_an_upstream_that_is_silent_is_no_loop(empty):  # noqa: F811
    silent = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: None)
    try:
        empty.serve_corefile(forward(silent, before="loop"))
        assert slow.wait_until(lambda: len(set(probes(silent))) > 1, 60)  # asked again with another name
        assert "come back" not in empty.log_text()
        silent.answer = silent.standard
        assert slow.wait_until(lambda: ask(empty, "www.example.net.").rcode() == dns.rcode.NOERROR, 60, 0.2)
    finally:
        silent.stop()
