# SPDX-License-Identifier: Apache-2.0
"""UDP on kernel sockets and the link to the dataplane."""

import os
import random
import socket

import dns.edns
import dns.message
import dns.rcode
import pytest

import slow


def test_both_families_are_answered_from_the_asked_address(server):
    wire = slow.service(1)
    for address in ("127.0.0.1", "127.0.0.77", "::1"):
        reply = server.ask_udp(wire, address)
        assert reply is not None, address
        assert dns.message.from_wire(reply).answer[0][0].address == "10.97.0.1"


def test_sockets_of_one_address_are_shared_by_the_threads(tmp_path):
    running = slow.Slowpath(tmp_path, addresses=("127.0.0.1", "::1"), copies=3, threads=2)
    running.serve()
    try:
        for n in range(200):
            assert running.ask_udp(slow.service(n % 50, ident=n)) is not None
            assert running.ask_udp(slow.service(n % 50, ident=n), "::1") is not None
    finally:
        assert running.stop() == 0


def test_responses_and_short_messages_get_no_answer(server):
    query = bytearray(slow.service(1))
    query[2] |= 0x80
    assert server.ask_udp(bytes(query), timeout=0.3) is None
    for n in range(12):
        assert server.ask_udp(bytes(query[:n]), timeout=0.1) is None


@pytest.mark.parametrize("port", [7, 13, 19, 37, 53])
def test_ports_of_other_services_get_no_answer(server, port):
    wire = slow.question("outside.example.", ident=7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.9", port))
        except OSError as e:
            pytest.skip(str(e))
        sock.settimeout(0.3)
        sock.sendto(wire if port == 53 else slow.service(1), ("127.0.0.1", server.port))
        with pytest.raises(socket.timeout):
            sock.recv(512)


def test_a_burst_is_answered_whole(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.settimeout(3)
        sock.connect(("127.0.0.1", server.port))
        for n in range(150):
            sock.send(slow.service(n % 50, ident=n))
        seen = {dns.message.from_wire(sock.recv(512)).id for _ in range(150)}
    assert seen == set(range(150))


def test_truncation_says_so_over_udp_and_not_over_tcp(tmp_path):
    running = slow.Slowpath(tmp_path)
    running.serve(endpoints=400)
    try:
        wire = slow.question("hl.ns.svc.cluster.local.")
        udp = dns.message.from_wire(running.ask_udp(wire))
        tcp = dns.message.from_wire(running.ask_tcp(wire))
    finally:
        assert running.stop() == 0
    assert udp.flags & 0x0200 and len(udp.answer[0]) < 400
    assert not tcp.flags & 0x0200 and len(tcp.answer[0]) == 400


def punt(server, dns_wire, generation=0, context=b"context of a worker", udp_max=1232, **change):
    head = dict(magic=slow.PUNT_MAGIC, size=len(dns_wire), family=4)
    head.update(change)
    return slow.PUNT.pack(
        head["magic"], head["size"], len(context), head["family"], 0, 5555, server.port, udp_max, 3, generation,
        socket.inet_aton("198.18.0.1"), socket.inet_aton("198.18.0.53"), context,
    ) + dns_wire


def test_punts_come_back_with_their_context(server):
    server.link.settimeout(2)
    server.link.send(punt(server, slow.service(4)))
    reply = server.link.recv(8192)
    fields = slow.PUNT.unpack(reply[: slow.PUNT.size])
    assert fields[12].rstrip(b"\0") == b"context of a worker"
    assert fields[1] == len(reply) - slow.PUNT.size
    message = dns.message.from_wire(reply[slow.PUNT.size :])
    assert message.answer[0][0].address == "10.97.0.4"


def test_a_punt_of_a_newer_snapshot_is_servfail(server):
    server.link.settimeout(2)
    server.link.send(punt(server, slow.service(4), generation=99))
    reply = server.link.recv(8192)
    assert dns.message.from_wire(reply[slow.PUNT.size :]).rcode() == dns.rcode.SERVFAIL


def test_malformed_punts_are_ignored(server):
    wire = slow.service(4)
    good = punt(server, wire)
    for bad in (good[:100], b"", punt(server, wire, magic=1), punt(server, wire, size=9), punt(server, wire, family=5)):
        server.link.send(bad)
    server.link.settimeout(2)
    server.link.send(good)
    assert server.link.recv(8192)[slow.PUNT.size :][:2] == wire[:2]


def test_names_outside_are_servfail_when_nothing_answers_them(server):
    for reply in (server.ask_udp(slow.question("www.example.net.")), server.ask_tcp(slow.question("www.example.net."))):
        assert dns.message.from_wire(reply).rcode() == dns.rcode.SERVFAIL


def mutated(rng, wire):
    data = bytearray(wire)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randint(0, 3)
        at = rng.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1 and data:
            del data[at : at + rng.randint(1, 4)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif data:
            data[at] ^= 1 << rng.randrange(8)
    return bytes(data)


def verdict(reply):
    """Rcode and flags except TC, None without a reply (rel:T3)."""
    if reply is None:
        return None
    flags = int.from_bytes(reply[2:4], "big") & ~0x0200
    return flags, reply[4:6]


def test_the_same_bytes_get_the_same_verdict_over_udp_and_tcp(server):
    rng = random.Random(53)
    seeds = [
        slow.service(1), slow.service(2, "SRV", use_edns=0), slow.question("nosuch.ns.svc.cluster.local."),
        slow.question("version.bind.", "TXT", use_edns=0, payload=512), slow.question("x.", "AXFR"),
    ]
    compared = 0
    for _ in range(600):
        wire = mutated(rng, rng.choice(seeds))
        if len(wire) < 12 or wire[2] & 0x80:
            continue  # no answer over UDP; TCP closes or ignores
        udp = server.ask_udp(wire, timeout=3)
        tcp = server.ask_tcp(wire)
        assert verdict(udp) == verdict(tcp), wire.hex()
        compared += 1
    assert compared > 300


def cookie_of(reply):
    return [o.to_wire() for o in dns.message.from_wire(reply).options if o.otype == 10]


def with_cookie(data):
    query = dns.message.make_query("svc1.ns.svc.cluster.local.", "A", use_edns=0)
    query.use_edns(0, options=[dns.edns.GenericOption(10, data)])
    return query.to_wire()


def test_cookies_are_answered_and_stay_the_same_while_they_are_young(tmp_path):
    secret = os.memfd_create("secret")
    os.write(secret, bytes(range(16)))
    running = slow.Slowpath(tmp_path, inherit=[("--cookie-fd", secret)])
    running.serve()
    try:
        first = cookie_of(running.ask_udp(with_cookie(b"12345678")))[0]
        assert len(first) == 24 and first[:8] == b"12345678" and first[8] == 1
        assert cookie_of(running.ask_tcp(with_cookie(first)))[0] == first
        other = cookie_of(running.ask_udp(with_cookie(first), "127.0.0.2"))[0]
        assert other == first  # the client's address counts, not ours
        forged = first[:-1] + bytes([first[-1] ^ 1])
        assert cookie_of(running.ask_udp(with_cookie(forged)))[0] != forged
        assert not cookie_of(running.ask_udp(slow.service(1, use_edns=0)))
    finally:
        assert running.stop() == 0
        os.close(secret)


def test_without_a_secret_cookies_are_ignored(server):
    assert not cookie_of(server.ask_udp(with_cookie(b"12345678")))
