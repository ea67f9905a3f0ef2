# SPDX-License-Identifier: Apache-2.0
"""The same bytes over UDP and TCP: the same rcode and the same flags but TC, or silence on both (CVE-2026-33190: one
entry for all transports). The corpus of the fuzzer, and what is near to it."""

import os
import random
import socket
import struct
import time

import lab

CORPUS = lab.TOP / "tests" / "fuzz" / "corpus" / "query"
VARIANTS = 20000 if os.environ.get("B53_LONG") == "1" else 1500
BATCH = 250
TC = 0x0200


def changed(rng, message):
    """A message with a few octets changed, cut, or repeated."""
    data = bytearray(message)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(4)
        if how == 0 and at < len(data):
            data[at] = rng.choice([0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff, rng.randrange(256)])
        elif how == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            del data[at:at + rng.randrange(1, 9)]
        else:
            data[at:at] = data[at:at + rng.randrange(1, 9)]
    return bytes(data)


def messages():
    """The corpus, then its variants."""
    corpus = [p.read_bytes() for p in sorted(CORPUS.iterdir())]
    rng = random.Random(53)
    return corpus + [changed(rng, rng.choice(corpus)) for _ in range(VARIANTS)]


def judged(reply):
    """What must be the same: the flags with the rcode, without TC."""
    if not reply or len(reply) < 12:
        return None
    return struct.unpack(">H", reply[2:4])[0] & ~TC


def over_udp(batch, family):
    """The replies to some messages, each asked from a port of its own."""
    with lab.netns("cli"):
        sockets = [socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) for _ in batch]
    for sock, message in zip(sockets, batch):
        sock.connect((lab.SERVICE[family], 53))
        sock.send(message)
    lab.dig("cluster.local", "SOA", family=family)  # behind them: when it is answered, they are judged
    time.sleep(0.3)
    replies = []
    for sock in sockets:
        sock.setblocking(False)
        try:
            replies.append(sock.recv(65535))
        except BlockingIOError:
            replies.append(None)
        sock.close()
    return replies


def over_tcp(message, family):
    """The reply on a connection of its own; None when it is closed without one."""
    with lab.netns("cli"):
        sock = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(60)
        sock.connect((lab.SERVICE[family], 53))
        sock.sendall(struct.pack(">H", len(message)) + message)
        sock.shutdown(socket.SHUT_WR)
        data = b""
        while True:
            more = sock.recv(65537)
            if not more:
                return data[2:] or None
            data += more


def test_both_transports_judge_alike(mode):
    every = messages()
    wrong, answered = [], 0
    for at in range(0, len(every), BATCH):
        batch, family = every[at:at + BATCH], 4 if at % (2 * BATCH) == 0 else 6
        for message, udp in zip(batch, over_udp(batch, family)):
            tcp = over_tcp(message, family)
            answered += udp is not None
            if judged(udp) != judged(tcp):
                wrong.append((message.hex(), udp and udp[:12].hex(), tcp and tcp[:12].hex()))
    print(f"\n{len(every)} messages, {answered} answered")
    assert not wrong, (len(wrong), wrong[:5])
    assert answered > len(every) / 2
