# SPDX-License-Identifier: Apache-2.0
"""Every hostile upstream of rel:P6 in one table: an answer or SERVFAIL within 5 s, memory flat, and a name that was never asked for
is still fetched from its upstream afterwards. test_hostile.py says what each of them gets exactly."""

import concurrent.futures
import struct
import threading
import time

import dns.message
import dns.rcode
import dns.rrset
import pytest

import slow
from test_forward import ask, empty, forward, stub_upstream, texts  # noqa: F401
from test_hostile import good, other_id, reply_to

EVIL, VICTIM = "6.6.6.6", "victim.test."
AT_ONCE = 8
LIMIT_S = 5
SLACK_S = 5  # of a busy machine


def name_of(wire):
    return dns.message.from_wire(wire).question[0].name


def evil(wire, *more, **changes):
    """What the upstream should not have been asked, beside what it was asked."""
    return reply_to(wire, *more, (name_of(wire), 60, "IN", "A", "192.0.2.1"), (VICTIM, 60, "IN", "A", EVIL), **changes)


def other_question(wire):
    query = dns.message.make_query(VICTIM, "A")
    query.id = struct.unpack(">H", wire[:2])[0]
    return reply_to(query.to_wire(), (VICTIM, 60, "IN", "A", EVIL))


def extra_records(wire):
    reply = dns.message.from_wire(evil(wire))
    reply.authority = [dns.rrset.from_text("test.", 60, "IN", "NS", "ns.evil."), dns.rrset.from_text(VICTIM, 60, "IN", "A", EVIL)]
    reply.additional = [dns.rrset.from_text(VICTIM, 60, "IN", "A", EVIL)]
    return reply.to_wire()


def chain(wire, links):
    names = [name_of(wire)] + [f"n{i}.example." for i in range(1, links)] + [VICTIM]
    return reply_to(wire, *((a, 60, "IN", "CNAME", b) for a, b in zip(names, names[1:])), (VICTIM, 60, "IN", "A", EVIL))


def loop(wire):
    return reply_to(wire, (name_of(wire), 60, "IN", "CNAME", "b.example."), ("b.example.", 60, "IN", "CNAME", str(name_of(wire))))


def ttl(wire, seconds):
    return good(wire, 0x11223344).replace(b"\x11\x22\x33\x44", struct.pack(">I", seconds))


def two_opts(wire):
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    plain = bytearray(good(wire))
    at = plain.rfind(opt[:3])
    body = bytes(plain[:at] if at > 12 else plain)
    return body[:10] + b"\0\2" + body[12:] + opt + opt


def largest(wire):
    """65,535 bytes: over UDP a reply that says so."""
    reply = bytearray(reply_to(wire, (name_of(wire), 60, "IN", "TXT", " ".join(['"' + "x" * 250 + '"'] * 260))))
    return bytes(reply) + b"\0" * (65535 - len(reply))


def plain_reply(wire):
    query = dns.message.from_wire(wire)
    query.use_edns(-1)
    return good(query.to_wire())


def late(wire):
    if wire[13:17] == b"slow":  # these have threads of their own in the stub
        time.sleep(2.5)  # the attempt lasts 2 s
    return good(wire)


BEHAVIOURS = {
    "wrong id": lambda wire, is_tcp: good(wire) if is_tcp else [other_id(evil(wire)), other_id(good(wire))],
    "wrong id, also over TCP": lambda wire, is_tcp: other_id(evil(wire)),
    "wrong question": lambda wire, is_tcp: good(wire) if is_tcp else [other_question(wire)] * 3 + [good(wire)],
    "nothing but wrong questions": lambda wire, is_tcp: [other_question(wire)] * (1 if is_tcp else 100),
    "extra records": lambda wire, is_tcp: extra_records(wire),
    "a chain of 12": lambda wire, is_tcp: chain(wire, 12),
    "a chain of 1000": lambda wire, is_tcp: chain(wire, 1000),
    "a loop": lambda wire, is_tcp: loop(wire),
    "TTL 0": lambda wire, is_tcp: ttl(wire, 0),
    "TTL 2^31": lambda wire, is_tcp: ttl(wire, 1 << 31),
    "TTL 2^32 - 1": lambda wire, is_tcp: ttl(wire, (1 << 32) - 1),
    "TC over and over": lambda wire, is_tcp: reply_to(wire, flags=0x8380),
    "late": lambda wire, is_tcp: late(wire),
    "1000 duplicates": lambda wire, is_tcp: [good(wire)] * (1 if is_tcp else 1000),
    "65,535 bytes": lambda wire, is_tcp: largest(wire) if is_tcp else reply_to(wire, flags=0x8380),
    "no OPT": lambda wire, is_tcp: plain_reply(wire),
    "two OPTs": lambda wire, is_tcp: two_opts(wire),
    "half a reply": lambda wire, is_tcp: good(wire)[:-14],
    "its own question back": lambda wire, is_tcp: wire,
    "an empty datagram": lambda wire, is_tcp: b"",
    "silence": lambda wire, is_tcp: None,
}


def is_fine(reply):
    """An answer or SERVFAIL, and nothing that was slipped in under the name asked for."""
    return reply is not None and reply.rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL)


def timed(server, name, tcp):
    start = time.monotonic()
    reply = server.ask_tcp(slow.question(name)) if tcp else server.ask_udp(slow.question(name), timeout=LIMIT_S + SLACK_S)
    return time.monotonic() - start, None if reply is None else dns.message.from_wire(reply)


def all_at_once(server, label):
    """Asks eight names over each transport; how long the last one took, and the replies."""
    cases = [(f"{label}{tcp}{i}.example.".lower(), tcp) for tcp in (False, True) for i in range(AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        done = list(pool.map(lambda case: timed(server, *case), cases))
    return max(seconds for seconds, _ in done), [reply for _, reply in done]


@pytest.mark.parametrize("kind", BEHAVIOURS)
def test_an_answer_or_servfail_in_time_and_no_other_name_is_touched(empty, kind):  # noqa: F811
    is_hostile = threading.Event()

    def answer(wire, is_tcp):
        if wire[12:25] == b"\6victim\4test\0":
            return reply_to(wire, (VICTIM, 60, "IN", "A", "192.0.2.99"))
        return BEHAVIOURS[kind](wire, is_tcp) if is_hostile.is_set() else good(wire)

    upstream = stub_upstream.StubUpstream(answer=answer)
    try:
        empty.serve_corefile(forward(upstream, "prefer_udp" if kind.startswith("TC") else "", "cache 30"))
        all_at_once(empty, "slowa")  # memory that is kept for the next ones
        before = empty.private_kib()
        is_hostile.set()
        seconds, replies = all_at_once(empty, "slowb")
        grown = empty.private_kib() - before
        print(f"\n{kind}: {seconds:.2f} s, {sorted({dns.rcode.to_text(r.rcode()) for r in replies if r})}, {grown:+} KiB")
        assert seconds < LIMIT_S + SLACK_S and all(is_fine(r) for r in replies)
        # An upstream that seemed dead is asked again when it has answered a check.
        assert slow.wait_until(lambda: texts(ask(empty, VICTIM)), 60)
        assert EVIL not in str(texts(ask(empty, VICTIM)))
        assert slow.HAS_ASAN or grown < 2048
    finally:
        upstream.stop()


def crawl(conn, framed):
    """One byte a second."""
    try:
        for byte in framed:
            conn.send(bytes([byte]))
            time.sleep(1)
    except OSError:
        pass


def stay(conn, framed):
    """Nothing, and never an end."""
    try:
        conn.recv(len(framed))
    except OSError:
        pass


def lie(conn, framed):
    """Another length than what comes, then the end."""
    conn.sendall(b"\xff\xff" + framed[2:])


@pytest.mark.parametrize("behave", [crawl, stay, lie])
def test_a_stream_that_means_no_good_ends_in_servfail_in_time(empty, behave):  # noqa: F811
    def one(conn):
        with conn:
            wire = slow.read_message(conn)
            if wire is not None:
                behave(conn, slow.framed(good(wire)))

    listening = slow.serve_streams(one)
    empty.serve_corefile(f".:53 {{\n forward . 127.0.0.1:{listening.getsockname()[1]} {{\n force_tcp\n }}\n}}\n")
    seconds, replies = all_at_once(empty, behave.__name__)
    print(f"\n{behave.__name__}: {seconds:.2f} s")
    listening.close()
    assert seconds < LIMIT_S + SLACK_S
    assert all(r is not None and r.rcode() == dns.rcode.SERVFAIL for r in replies)
