# SPDX-License-Identifier: Apache-2.0
"""Connections to upstreams are bounded, and what upstreams do leaves names inside alone."""

import resource
import socket
import struct
import threading
import time

import dns.message
import dns.rcode
import pytest

import slow
from test_forward import ask, certificate, empty, forward, stub, stub_upstream, texts  # noqa: F401
from test_hostile import good

INSIDE = "hosts {\n 192.0.2.53 inside.test\n fallthrough\n }"


def burst(server, names, timeout=30):
    """Asks for all at once from one socket; the rcodes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", server.port))
        for n, name in enumerate(names):
            sock.send(slow.question(name, ident=n))
        return [dns.message.from_wire(sock.recv(4096)).rcode() for _ in names]


def test_kept_connections_leave_room_for_clients(tmp_path):
    """Fewer of them than questions that may be under way, whatever `expire` says."""
    fds = 400
    stubs = [stub_upstream.StubUpstream(answer=lambda wire, is_tcp: (time.sleep(0.3), good(wire))[1]) for _ in range(14)]
    server = slow.Slowpath(tmp_path, limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (fds, fds)))
    try:
        blocks = "".join(
            f"z{n}.test:53 {{\n forward z{n}.test 127.0.0.1:{s.port} {{\n force_tcp\n expire 1h\n }}\n}}\n" for n, s in enumerate(stubs))
        server.serve_corefile(f".:53 {{\n {INSIDE}\n}}\n{blocks}")
        for z in range(len(stubs)):
            rcodes = burst(server, [f"n{n}.z{z}.test." for n in range(36)])
            assert rcodes.count(dns.rcode.NOERROR) > 18
        assert server.n_fds() < fds - 100
        conns = [server.tcp() for _ in range(60)]
        for sock in conns:
            sock.sendall(slow.framed(slow.question("inside.test.")))
        assert all(slow.read_message(sock) for sock in conns)
        for sock in conns:
            sock.close()
    finally:
        for upstream in stubs:
            upstream.stop()
        assert server.stop() == 0, server.log_text()


def test_a_new_corefile_closes_the_connections_of_the_old_one(empty, stub):  # noqa: F811
    empty.serve_corefile(forward(stub, "force_tcp\nexpire 1h"))
    before = empty.n_fds()
    assert ask(empty, "www.example.net.").answer
    assert empty.n_fds() > before
    empty.serve_corefile(f".:53 {{\n {INSIDE}\n}}\n", 2)
    assert slow.wait_until(lambda: empty.n_fds() <= before, 60)


def nobody(kind):
    """An upstream that no question reaches, and how to name it."""
    if kind == "unreachable":
        return None, "forward . 240.0.0.1 2001:db8:ffff::1"
    if kind == "refusing":
        return None, "forward . 127.0.0.1:9"
    if kind == "silent":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        return sock, f"forward . 127.0.0.1:{sock.getsockname()[1]}"
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)  # connects, and that is all
    return listening, f"forward . tls://127.0.0.1:{listening.getsockname()[1]} {{\n tls_servername dns.example\n }}"


@pytest.mark.parametrize("kind", ["unreachable", "refusing", "silent", "tls that never answers"])
def test_upstream_trouble_leaves_names_inside_alone(empty, kind):  # noqa: F811
    held, line = nobody(kind)
    empty.serve_corefile(f".:53 {{\n {INSIDE}\n {line}\n}}\n")
    fds, before = empty.n_fds(), empty.private_kib()
    is_over = threading.Event()

    def flood():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", empty.port))
            n = 0
            while not is_over.wait(0.02):
                for _ in range(10):
                    sock.send(slow.question(f"n{n}.example.net."))
                    n += 1

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for _ in range(100):
            assert texts(ask(empty, "inside.test.")) == ["inside.test. 3600 IN A 192.0.2.53"]
            assert ask(empty, "inside.test.", tcp=True).answer
            time.sleep(0.01)
    finally:
        is_over.set()
        flooding.join()
    assert slow.wait_until(lambda: empty.n_fds() <= fds + 8, 60)  # health checks go on
    assert slow.HAS_ASAN or empty.private_kib() - before < 65536
    if held is not None:
        held.close()


@pytest.mark.parametrize("size", [0, 1, 11, 12, 65535])
def test_a_stream_that_announces_anything_is_survived(empty, size):  # noqa: F811
    """A length alone, then bytes that mean nothing, then silence."""
    conns = []

    def answer(conn):
        conns.append(conn)
        if slow.read_message(conn) is not None:
            conn.sendall(struct.pack(">H", size) + b"\xff" * max(0, size - 1))

    listening = slow.serve_streams(answer)
    empty.serve_corefile(f".:53 {{\n forward . 127.0.0.1:{listening.getsockname()[1]} {{\n force_tcp\n read_timeout 300ms\n }}\n}}\n")
    assert set(burst(empty, [f"n{n}.example.net." for n in range(20)])) == {dns.rcode.SERVFAIL}
    listening.close()
    assert slow.wait_until(lambda: empty.n_fds() < 40, 60)
    for conn in conns:
        conn.close()
