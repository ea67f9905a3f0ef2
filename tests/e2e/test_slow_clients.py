# SPDX-License-Identifier: Apache-2.0
"""rel:T1, in the modes that differ in TCP: crawling, silent, half-open and not reading clients, thousands of them, delay nobody else over
TCP and touch UDP not at all (proto:P2, P5)."""

import os
import resource
import socket
import struct
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

import frames
import lab

LONG = os.environ.get("B53_LONG") == "1"
CONNECTIONS = 10_000 if LONG else 2_000  # of each kind
SECONDS = 20 if LONG else 12
HALF_OPEN = 20_000
QUERY = frames.question("many.shop.svc.cluster.local")


def connections(count):
    """Open connections to the server from the client's side."""
    made = []
    with lab.netns("cli"):
        for n in range(count):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind(("198.18.0.10", 0))
            sock.settimeout(60)
            sock.connect((lab.SERVICE[4], 53))
            sock.setblocking(False)
            made.append(sock)
            if n % 100 == 99:
                time.sleep(0.005)
    return made


def send(sock, data):
    """Sends what there is room for; an ended connection is no error here."""
    try:
        sock.send(data)
    except OSError:
        pass


def half_open(stop):
    """SYNs whose sender never says more."""
    lab.inside("cli", "nft", "add table inet quiet; add chain inet quiet out { type filter hook output priority 0; }; "
               "add rule inet quiet out tcp flags rst drop", check=True)
    frame = bytearray(bytes(Ether(src=frames.mac_of("cli"), dst=frames.served_mac()) /
                            IP(src="198.18.0.10", dst=lab.SERVICE[4]) / TCP(sport=1024, dport=53, flags="S", seq=1)))
    base = struct.unpack(">H", frame[50:52])[0]
    with frames.raw_socket() as sock:
        for n in range(HALF_OPEN):
            if stop.is_set():
                return
            frame[34:36] = struct.pack(">H", 1024 + n)
            total = (~base & 0xffff) - 1024 + 1024 + n
            total = (total & 0xffff) + (total >> 16)
            frame[50:52] = struct.pack(">H", ~total & 0xffff)
            sock.send(frame)
            if n % 20 == 19:
                time.sleep(0.002)


def fresh_queries(stop, times):
    """One query after the other, each on a connection of its own from somebody else; how long each took."""
    with lab.netns("far"):
        while not stop.is_set():
            start = time.monotonic()
            with socket.create_connection((lab.SERVICE[4], 53), timeout=60) as sock:
                sock.sendall(struct.pack(">H", len(QUERY)) + QUERY)
                assert frames.tcp_message(sock)
            times.append(time.monotonic() - start)
            time.sleep(0.02)


def p99(times):
    """The time that one of a hundred takes longer than."""
    return sorted(times)[int(len(times) * 0.99)]


def undisturbed():
    """The same measure while nobody is slow."""
    stop, times = threading.Event(), []
    asking = threading.Thread(target=fresh_queries, args=(stop, times))
    asking.start()
    time.sleep(2)
    stop.set()
    asking.join()
    return p99(times)


def ended(socks):
    """How many of them the server has closed."""
    count = 0
    for sock in socks:
        try:
            while data := sock.recv(65536):
                del data
            count += 1
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def all_ended(silent, crawling):
    """How many of each, once it is all."""
    closed = ended(silent), ended(crawling)
    return closed if min(closed) == CONNECTIONS else None


@pytest.fixture(autouse=True)
def _files():
    """Room for the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 4 * CONNECTIONS + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (want, max(hard, want)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, want)))


@pytest.mark.parametrize("mode", ["own", "kernel"])
def test_slow_clients_hurt_nobody(mode):
    if lab.current != mode:
        lab.up(mode)
    quiet = undisturbed()
    stop, times = threading.Event(), []
    load = lab.checker("--server", lab.SERVICE[4], "--seconds", SECONDS + 5, "--rate", 1000, lab.DATA / "checked.txt",
                       role="far", background=True)
    asking = threading.Thread(target=fresh_queries, args=(stop, times))
    flooding = threading.Thread(target=half_open, args=(stop,))
    silent, crawling, deaf = (connections(CONNECTIONS) for _ in range(3))
    for sock in deaf:  # large answers that nobody reads
        send(sock, (struct.pack(">H", len(QUERY)) + QUERY) * 40)
    asking.start()
    flooding.start()
    start = time.monotonic()
    step = 0
    while time.monotonic() - start < SECONDS:
        for sock in crawling:
            send(sock, (struct.pack(">H", len(QUERY)) + QUERY)[step:step + 1])
        step += 1
        time.sleep(max(0.0, start + 5 * step - time.monotonic()))
    stop.set()
    asking.join()
    flooding.join()
    result = lab.checker_result(load)
    closed = lab.wait_for(lambda: all_ended(silent, crawling))
    slow = p99(times)
    print(f"\n{len(times)} fresh queries, p99 {slow * 1000:.1f} ms (before {quiet * 1000:.1f}); UDP {result}; "
          f"closed of {CONNECTIONS}: silent {closed[0]}, crawling {closed[1]}")
    assert len(times) > 10 and slow < lab.at_most(0.1) + 3 * quiet, "a busy machine is slow by itself"
    # On kernel sockets both transports share queues of the kernel and a thread of ours.
    bound = result["sent"] / 1000 if mode == "kernel" else 0
    assert result["wrong"] == 0 and result["lost"] <= bound, (result, bound)
    assert result["longest_gap_ms"] < 1000 * lab.at_most(1), result
    assert closed == (CONNECTIONS, CONNECTIONS), "all are closed within 15 s"
    for sock in silent + crawling + deaf:
        sock.close()
    lab.inside("cli", "nft", "delete", "table", "inet", "quiet")
