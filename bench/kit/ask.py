# SPDX-License-Identifier: Apache-2.0
"""Asks one name over UDP, again and again, with as little work of its own as Python allows."""

import ctypes
import os
import socket
import struct
import threading
import time

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
NOERROR = 0


def socket_in(netns, kind=socket.SOCK_DGRAM):
    """A socket that belongs to a namespace; None is the one we are in."""
    if netns is None:
        return socket.socket(socket.AF_INET, kind)
    made = []

    def inside():
        with open(f"/run/netns/{netns}", "rb") as there:
            if LIBC.setns(there.fileno(), CLONE_NEWNET) == 0:
                made.append(socket.socket(socket.AF_INET, kind))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if not made:
        raise RuntimeError(f"namespace {netns}: {os.strerror(ctypes.get_errno())}")
    return made[0]


def after_name(wire, at):
    """The position behind a name, whether it is compressed or not."""
    while wire[at]:
        if wire[at] & 0xC0:
            return at + 2
        at += 1 + wire[at]
    return at + 1


def addresses(reply, at):
    """The A records of the answer section, which begins there."""
    for _ in range(struct.unpack(">H", reply[6:8])[0]):
        at = after_name(reply, at)
        kind, _, _, size = struct.unpack(">HHIH", reply[at : at + 10])
        at += 10 + size
        if kind == 1:
            yield socket.inet_ntoa(reply[at - 4 : at])


class Asker:
    """A client of one server."""

    def __init__(self, address, port=53, netns=None, timeout_s=0.2):
        self.sock = socket_in(netns)
        self.sock.settimeout(timeout_s)
        self.sock.connect((address, port))
        self.number = 0

    def close(self):
        self.sock.close()

    def ask(self, name):
        """(response code, addresses) of an A question; (None, []) when nothing came."""
        self.number = (self.number + 1) & 0xFFFF
        labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
        try:
            self.sock.send(struct.pack(">6H", self.number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
            reply = self.sock.recv(4096)
            while reply[:2] != struct.pack(">H", self.number):
                reply = self.sock.recv(4096)
        except OSError:
            return None, []
        return reply[3] & 15, list(addresses(reply, 12 + len(labels) + 5))

    def wait(self, name, is_right, limit_s):
        """Asks until is_right(code, addresses); returns the seconds that took."""
        start = time.monotonic()
        while not is_right(*self.ask(name)):
            if time.monotonic() - start > limit_s:
                raise RuntimeError(f"{name} was not answered as it should within {limit_s} s")
            time.sleep(0.01)
        return time.monotonic() - start
