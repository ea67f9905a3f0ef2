# SPDX-License-Identifier: Apache-2.0
"""Strangers who answer in the upstream's place (proto:F1-F5, rel:P1-P5). Each test prints what it counted; the sizes of the bars are
those of B53_LONG=1."""

import collections
import multiprocessing
import os
import random
import socket
import struct
import threading

import pytest

import slow
from test_forward import ask, empty, forward, texts  # noqa: F401
from test_hostile import good, hostile, reply_to  # noqa: F401

LONG = os.environ.get("B53_LONG") == "1"
PORT_MIN = 1024
EVIL = "6.6.6.6"


class Recorder:
    """An upstream that says NXDOMAIN to everything, and keeps (port, ID) of each question."""

    def __init__(self):
        self.seen = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.bind(("127.0.0.1", 0))
        self.address, self.port = self.sock.getsockname()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            wire, client = self.sock.recvfrom(4096)
            if len(wire) < 12:
                return
            self.seen.append((client[1], wire[0] << 8 | wire[1]))
            self.sock.sendto(wire[:2] + b"\x81\x83" + wire[4:], client)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", (self.address, self.port))
        self.thread.join(60)
        self.sock.close()


@pytest.fixture
def recorder():
    upstream = Recorder()
    yield upstream
    upstream.stop()


def deviation(values, classes):
    """How many standard deviations chi-square is from what even spreading gives."""
    counts = collections.Counter(values)
    expected = len(values) / classes
    chi = sum((counts[k] - expected) ** 2 for k in range(classes)) / expected
    return (chi - (classes - 1)) / (2 * (classes - 1)) ** 0.5


def correlation(values):
    """Of each value with the next one, in standard deviations."""
    n, mean = len(values), sum(values) / len(values)
    covariance = sum((a - mean) * (b - mean) for a, b in zip(values, values[1:]))
    return covariance / sum((a - mean) ** 2 for a in values) * n ** 0.5


def ask_many(port, n):
    """Asks for n names, 64 at a time; what gets lost is not asked again."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(60)
        sock.connect(("127.0.0.1", port))
        head, tail = struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0), b"\7example\0\0\1\0\1"
        for i in range(n):
            label = b"%08d" % i
            sock.send(struct.pack(">H", i & 0xFFFF) + head + b"\x08" + label + tail)
            if i % 64 == 63:
                for _ in range(64):
                    sock.recv(512)


def test_ports_and_ids_are_spread_evenly(empty, recorder):  # noqa: F811
    """proto:F2, F3; rel:P4: each socket and ID is new, none tells the next one."""
    n = 1_000_000 if LONG else 19_200
    empty.serve_corefile(forward(recorder))
    client = multiprocessing.Process(target=ask_many, args=(empty.port, n))  # beside the recorder's thread each would wait for the other
    client.start()
    client.join()
    assert client.exitcode == 0
    seen = recorder.seen[:]
    ports, ids = [port for port, _ in seen], [ident for _, ident in seen]
    used = len(set(ports))
    port_classes = 65536 - PORT_MIN if LONG else 64
    id_classes = 65536 if LONG else 64
    found = {
        "ports": deviation([(p - PORT_MIN) * port_classes // (65536 - PORT_MIN) for p in ports], port_classes),
        "ids": deviation([i * id_classes // 65536 for i in ids], id_classes),
        "both": deviation([((p - PORT_MIN) * 16 // (65536 - PORT_MIN)) * 16 + i // 4096 for p, i in seen], 256),
        "next port": correlation(ports),
        "next id": correlation(ids),
    }
    print(f"\n{len(seen)} pairs, {used} ports used, least {min(ports)}; in standard deviations: "
          + ", ".join(f"{k} {v:+.2f}" for k, v in found.items()))
    assert len(seen) >= n and min(ports) >= PORT_MIN
    assert used >= 60_000 if LONG else used > n * 0.8
    assert all(abs(v) < 5 for v in found.values()), found


def test_guessing_ids_at_a_known_port_is_never_believed(empty, hostile):  # noqa: F811
    """rel:P2: the forger knows address and port of both ends and sends 64 IDs, the right one among them but not first. The control:
    who has the right ID at once is believed."""
    windows = 10_000 if LONG else 100
    controls = 100 if LONG else 10
    is_control = threading.Event()

    def answer(wire, is_tcp):
        if is_tcp:
            return good(wire)
        evil = reply_to(wire, (slow.dns.message.from_wire(wire).question[0].name, 60, "IN", "A", EVIL))
        if is_control.is_set():
            return evil
        right = struct.unpack(">H", wire[:2])[0]
        guesses = [right ^ k for k in random.sample(range(1, 65536), 64)]
        guesses[random.randrange(1, 64)] = right
        return [struct.pack(">H", guess) + evil[2:] for guess in guesses] + [good(wire)]

    upstream = hostile(answer, before="")
    forged = sum(EVIL in texts(ask(empty, f"n{n}.example."))[0] for n in range(windows))
    over_tcp = sum(is_tcp for _, _, is_tcp in upstream.seen)
    is_control.set()
    believed = sum(EVIL in texts(ask(empty, f"c{n}.example."))[0] for n in range(controls))
    print(f"\n{windows} windows of 64 guesses: {forged} accepted, {over_tcp} asked again over TCP; control: {believed} of {controls} accepted")
    assert forged == 0 and over_tcp == windows
    assert believed == controls


def test_replies_from_elsewhere_never_arrive(empty, hostile):  # noqa: F811
    """proto:F1: everything is right but the port, or the address, that the reply comes from."""
    windows = 1000 if LONG else 40
    forgers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    forgers[1].bind(("127.0.0.9", 0))

    def answer(wire, is_tcp):
        evil = reply_to(wire, (slow.dns.message.from_wire(wire).question[0].name, 60, "IN", "A", EVIL))
        for forger in forgers:
            forger.sendto(evil, ("127.0.0.1", upstreams[0].seen[-1][1]))
        return good(wire)

    upstreams = [hostile(answer, before="")]
    forged = sum(EVIL in texts(ask(empty, f"n{n}.example."))[0] for n in range(windows))
    print(f"\n{windows} windows, 2 forged replies each from another port and another address: {forged} accepted")
    assert forged == 0 and len(upstreams[0].seen) == windows
    for forger in forgers:
        forger.close()


def test_a_thousand_clients_that_ask_at_once_cause_one_question(empty, hostile):  # noqa: F811
    """proto:F4, rel:P5: one window for a forger, not a thousand, whether or not the answer may be kept."""
    released = threading.Event()

    def answer(wire, is_tcp):
        released.wait(1.5)  # less than what an attempt may last
        return good(wire)

    upstream = hostile(answer, before="")
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(1000)]
    for sock in socks:
        sock.settimeout(60)
        sock.connect(("127.0.0.1", empty.port))
    for n, sock in enumerate(socks):
        sock.send(slow.question("one.example.", ident=n))
    assert slow.wait_until(lambda: not waiting_bytes(empty.port), 60)
    released.set()
    answered = 0
    for n, sock in enumerate(socks):
        reply = slow.dns.message.from_wire(sock.recv(512))
        answered += reply.id == n and bool(reply.answer)
        sock.close()
    print(f"\n1000 clients asked at once, {answered} answered, {len(upstream.seen)} questions upstream")
    assert answered == 1000 and len(upstream.seen) == 1


def waiting_bytes(port):
    """What the server has not read yet."""
    waiting = 0
    for path in ("/proc/net/udp", "/proc/net/udp6"):
        with open(path, encoding="ascii") as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{port:04X}"):
                    waiting += int(fields[4].split(":")[1], 16)
    return waiting
