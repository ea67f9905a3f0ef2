# SPDX-License-Identifier: Apache-2.0
"""TCP: framing, pipelining, limits, time-outs (proto:P1-P5, rel:5.7)."""

import resource
import select
import shutil
import socket
import struct
import subprocess
import threading
import time

import dns.edns
import dns.message
import dns.rcode
import pytest

import slow


def idents(sock, n):
    return [slow.read_message(sock)[:2] for _ in range(n)]


def test_a_stream_may_be_split_anywhere(server):
    stream = b"".join(slow.framed(slow.service(n, ident=n)) for n in (1, 2, 3))
    for at in range(1, len(stream)):
        with server.tcp() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(stream[:at])
            if at % 8 == 0:
                time.sleep(0.002)
            sock.sendall(stream[at:])
            assert idents(sock, 3) == [b"\0\1", b"\0\2", b"\0\3"], at


def test_one_octet_at_a_time_is_answered(server):
    with server.tcp() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in slow.framed(slow.service(1)):
            sock.send(bytes([byte]))
            time.sleep(0.001)
        assert dns.message.from_wire(slow.read_message(sock)).answer


def test_length_and_message_come_in_one_segment(server):
    with server.tcp() as sock:
        sock.sendall(slow.framed(slow.service(1)))
        data = sock.recv(65535)
        assert struct.unpack(">H", data[:2])[0] == len(data) - 2


@pytest.mark.parametrize("n", [1000, 5000])
def test_pipelined_queries_are_all_answered(server, n):
    with server.tcp() as sock:
        sock.sendall(b"".join(slow.framed(slow.service(i % 50, ident=i)) for i in range(n)))
        seen = {struct.unpack(">H", i)[0] for i in idents(sock, n)}
    assert seen == set(range(n))


@pytest.mark.parametrize("length", [0, 1, 11])
def test_impossible_lengths_close_quietly(server, length):
    with server.tcp() as sock:
        sock.sendall(struct.pack(">H", length) + b"x" * length)
        assert slow.is_closed(sock, 2)
    assert server.ask_tcp(slow.service(1))


@pytest.mark.parametrize("length", [0, 11])
def test_an_impossible_length_ends_its_own_connection_only(tmp_path, length):
    """What was answered before it goes to its own client, and nobody else ever sees it. One thread: all share its memory."""
    running = slow.Slowpath(tmp_path, threads=1)
    running.serve()
    try:
        with running.tcp() as bad, running.tcp() as good:
            bad.sendall(slow.framed(slow.service(1, ident=1)) * 3 + struct.pack(">H", length) + b"x" * length)
            assert idents(bad, 3) == [b"\0\1"] * 3
            assert slow.is_closed(bad, 60)
            good.sendall(slow.framed(slow.service(2, ident=2)))
            assert idents(good, 1) == [b"\0\2"]
    finally:
        assert running.stop() == 0


def test_a_message_of_the_largest_size_is_judged(server):
    wire = slow.service(1) + b"\0" * 65535
    with server.tcp() as sock:
        sock.sendall(slow.framed(wire[:65535]))
        reply = slow.read_message(sock)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.FORMERR


def test_half_closed_connections_get_their_replies(server):
    with server.tcp() as sock:
        sock.sendall(b"".join(slow.framed(slow.service(n, ident=n)) for n in range(10)))
        sock.shutdown(socket.SHUT_WR)
        assert len(idents(sock, 10)) == 10
        assert slow.is_closed(sock, 2)


def test_ends_in_the_middle_do_no_harm(server):
    wire = slow.framed(slow.service(1))
    for at in range(len(wire)):
        sock = server.tcp()
        sock.sendall(wire[:at])
        if at % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    assert slow.wait_until(lambda: server.n_fds() < 40, 5)
    assert server.ask_tcp(slow.service(1))


def test_keepalive_is_announced_when_asked_for(server):
    query = dns.message.make_query("svc1.ns.svc.cluster.local.", "A", use_edns=0)
    query.use_edns(0, options=[dns.edns.GenericOption(11, b"")])
    reply = dns.message.from_wire(server.ask_tcp(query.to_wire()))
    assert [o.to_wire() for o in reply.options if o.otype == 11] == [struct.pack(">H", 300)]


def test_large_answers_come_whole(tmp_path):
    running = slow.Slowpath(tmp_path)
    running.serve(endpoints=3000)
    try:
        reply = running.ask_tcp(slow.question("hl.ns.svc.cluster.local."))
        assert len(dns.message.from_wire(reply).answer[0]) == 3000
        with running.tcp() as sock:  # more than every buffer on the way, read late
            sock.sendall(slow.framed(slow.question("hl.ns.svc.cluster.local.")) * 100)
            time.sleep(1)
            for _ in range(100):
                assert len(slow.read_message(sock)) == len(reply)
    finally:
        assert running.stop() == 0


def test_readers_that_do_not_read_stay_bounded(tmp_path):
    running = slow.Slowpath(tmp_path)
    running.serve(endpoints=3000)
    wire = slow.framed(slow.question("hl.ns.svc.cluster.local."))
    try:
        before = running.private_kib()
        socks = []
        for _ in range(200):
            sock = running.tcp()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            socks.append(sock)
        for sock in socks:
            try:
                sock.send(wire * 400)
            except BlockingIOError:
                pass
        start = time.monotonic()
        for _ in range(20):
            assert running.ask_tcp(slow.service(1))
        assert time.monotonic() - start < 2
        time.sleep(2)
        assert running.private_kib() - before < 64 * 1024, running.private_kib()
        # The client's buffers hold a part; behind it the connection ends within 15 s.
        gone = slow.wait_until(lambda: running.n_fds() < 40, 16, 0.2)
        assert gone, running.n_fds()
        for sock in socks:
            sock.close()
    finally:
        assert running.stop() == 0


def test_silent_and_crawling_connections_close_within_15_s_and_idle_ones_later(server):
    wire = slow.framed(slow.service(1))
    silent = [server.tcp() for _ in range(20)]
    crawling = [server.tcp() for _ in range(20)]
    used = server.tcp()
    used.sendall(wire)
    assert slow.read_message(used)
    late = server.tcp()  # crawls after its first query
    late.sendall(wire + wire[:5])
    assert slow.read_message(late)
    start = time.monotonic()
    at = 0
    while time.monotonic() - start < 15.5:
        for sock in crawling:
            try:
                sock.send(wire[at : at + 1])
            except OSError:
                pass
        at += 1
        time.sleep(1.4)
    for sock in (*silent, *crawling, late):
        assert slow.is_closed(sock, 0)
    assert not slow.is_closed(used, 0)
    used.sendall(wire)
    assert slow.read_message(used)


def test_ten_thousand_idle_connections_fit_in_bounded_memory(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(10000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    running = slow.Slowpath(tmp_path)
    running.serve()
    wire = slow.framed(slow.service(1))
    socks = []
    try:
        before = running.private_kib()
        for i in range(n):
            sock = socket.socket()
            sock.bind((f"127.0.1.{i % 200 + 1}", 0))
            sock.connect(("127.0.0.1", running.port))
            sock.sendall(wire if i % 2 else wire[:5])  # half idle, half in the middle of a query
            socks.append(sock)
        assert slow.wait_until(lambda: running.n_fds() >= n, 5)
        start = time.monotonic()
        for _ in range(100):
            assert running.ask_tcp(slow.service(1)) and running.ask_udp(slow.service(1))
        assert time.monotonic() - start < 5
        grown = running.private_kib() - before
        assert grown < 2 * n, f"{grown} KiB for {n} connections"
    finally:
        for sock in socks:
            sock.close()
        assert running.stop() == 0
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (560, 560))


def test_over_the_limit_the_silent_ones_make_room(tmp_path):
    # 560 descriptors leave 64 connections.
    running = slow.Slowpath(tmp_path, threads=1, limits=few_descriptors)
    running.serve()
    try:
        silent = [running.tcp() for _ in range(200)]
        time.sleep(1)
        for _ in range(50):
            assert running.ask_tcp(slow.service(1))
        assert running.process.poll() is None
        del silent
    finally:
        assert running.stop() == 0


def no_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))


def test_without_descriptors_it_waits_instead_of_spinning(tmp_path):
    running = slow.Slowpath(tmp_path, threads=1, limits=no_descriptors)
    running.serve()
    try:
        socks = []
        for _ in range(60):
            socks.append(running.tcp())
        time.sleep(0.5)
        before = running.cpu_s()
        time.sleep(2)
        assert running.cpu_s() - before < 0.5
        assert running.ask_udp(slow.service(1))
        for sock in socks:
            sock.close()
        assert slow.wait_until(lambda: running.ask_tcp(slow.service(1)) is not None, 5)
    finally:
        assert running.stop() == 0


def test_snapshots_change_under_tcp_load_without_a_wrong_answer(tmp_path):
    running = slow.Slowpath(tmp_path)
    running.serve(generation=1)
    bases = [slow.images(tmp_path, running.port, generation=g)[0] for g in range(1, 9)]
    newest = [1]
    wrong = []
    stop = threading.Event()

    def ask():
        with running.tcp() as sock:
            while not stop.is_set():
                low = newest[0]
                sock.sendall(slow.framed(slow.service(3)))
                reply = dns.message.from_wire(slow.read_message(sock))
                generation = int(reply.answer[0][0].address.split(".")[1]) - 96
                if not low <= generation <= newest[0] + 1:
                    wrong.append((low, generation, newest[0]))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for generation, base in enumerate(bases, 1):
        assert running.publish(slow.BASE, base)[0] == 0
        newest[0] = generation
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    assert running.stop() == 0
    assert not wrong


@pytest.mark.skipif(shutil.which("kdig") is None, reason="kdig is not installed")
def test_kdig_keeps_a_connection_open(server):
    out = subprocess.run(
        ["kdig", "+tcp", "+keepopen", "@127.0.0.1", "-p", str(server.port)]
        + [f"svc{n}.ns.svc.cluster.local" for n in range(5)],
        capture_output=True, text=True, timeout=20, check=True,
    ).stdout
    assert out.count("status: NOERROR") == 5


@pytest.mark.skipif(shutil.which("dnsperf") is None, reason="dnsperf is not installed")
def test_dnsperf_loses_nothing_over_tcp(server, tmp_path):
    queries = tmp_path / "queries"
    queries.write_text("".join(f"svc{n}.ns.svc.cluster.local A\n" for n in range(50)))
    out = subprocess.run(
        ["dnsperf", "-m", "tcp", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(queries), "-l", "2", "-c", "20"],
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout
    assert "Queries lost:         0" in out, out
    assert int(out.split("Queries completed:")[1].split()[0]) > 1000, out
    select.select([], [], [], 0)


def test_timeouts_of_the_corefile_hold(tmp_path):
    running = slow.Slowpath(tmp_path)
    # The first block of a port says it; the answer is SERVFAIL, which is an answer too.
    running.serve_corefile(
        f".:{running.port} {{\n timeouts {{\n read 2s\n write 2s\n idle 3s\n maxtcpqueries 3\n }}\n"
        " forward . 127.0.0.1:1\n}\n"
    )
    wire = slow.framed(slow.question("a.example.", use_edns=0))
    try:
        with running.tcp() as sock:
            sock.sendall(wire * 5)
            assert len(idents(sock, 3)) == 3
            assert slow.is_closed(sock, 2)
        with running.tcp() as silent, running.tcp() as used:
            start = time.monotonic()
            query = dns.message.make_query("a.example.", "A", use_edns=0)
            query.use_edns(0, options=[dns.edns.GenericOption(11, b"")])
            used.sendall(slow.framed(query.to_wire()))
            reply = dns.message.from_wire(slow.read_message(used))
            assert [o.to_wire() for o in reply.options if o.otype == 11] == [struct.pack(">H", 30)]
            assert slow.is_closed(silent, 4) and time.monotonic() - start > 1.9
            assert slow.is_closed(used, 4) and time.monotonic() - start > 2.9
    finally:
        assert running.stop() == 0
