# SPDX-License-Identifier: Apache-2.0
"""Asks a DNS server from a network namespace and says what it answered."""

import ctypes
import os
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

CLONE_NEWNET = 0x40000000
NOT_READY = 14  # extended error: no data yet
LIBC = ctypes.CDLL(None, use_errno=True)


def in_netns(netns, function):
    """The result of function() called by a thread inside a namespace; sockets that it makes belong there."""
    if netns is None:
        return function()
    out = []

    def inside():
        try:
            with open(f"/run/netns/{netns}", "rb") as handle:
                if LIBC.setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), netns)
            out.append((function(), None))
        except OSError as err:
            out.append((None, err))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if out[0][1]:
        raise out[0][1]
    return out[0][0]


@dataclass
class Reply:
    """What came back; rcode is None when nothing did."""

    rcode: str | None = None
    flags: str = ""
    answers: frozenset = frozenset()
    additional: frozenset = frozenset()
    errors: tuple = ()  # numbers of extended errors

    def data(self, kind):
        """The answers of one type, as text without the type."""
        return {text[len(kind) + 1:] for text in self.answers if text.startswith(kind + " ")}


def section(sets):
    """Records as texts of type and data."""
    return frozenset(f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in sets for rdata in rrset)


def reply_of(wire):
    """A message as a Reply."""
    msg = dns.message.from_wire(wire)
    errors = tuple(int(o.code) for o in msg.options if isinstance(o, dns.edns.EDEOption))
    return Reply(dns.rcode.to_text(msg.rcode()), dns.flags.to_text(msg.flags).lower(), section(msg.answer),
                 section(msg.additional), errors)


class Asker:
    """A client of one server."""

    def __init__(self, address, netns=None, port=53):
        self.address, self.netns, self.port = address, netns, port
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def _open(self, kind, timeout_s):
        sock = in_netns(self.netns, lambda: socket.socket(self.family, kind))
        sock.settimeout(timeout_s)
        try:
            sock.connect((self.address, self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def _ask_udp(self, query, timeout_s):
        with self._open(socket.SOCK_DGRAM, timeout_s) as sock:
            sock.send(query)
            while True:
                wire = sock.recv(65535)
                if wire[:2] == query[:2]:
                    return wire

    def _ask_tcp(self, query, timeout_s):
        with self._open(socket.SOCK_STREAM, timeout_s) as sock, sock.makefile("rb") as stream:
            sock.sendall(struct.pack(">H", len(query)) + query)
            return stream.read(struct.unpack(">H", stream.read(2))[0])

    def ask(self, name, kind="A", tcp=False, timeout_s=1.0):
        """One question; never raises for a reply that does not come."""
        message = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        message.id = random.SystemRandom().randrange(65536)
        try:
            wire = (self._ask_tcp if tcp else self._ask_udp)(message.to_wire(), timeout_s)
        except (OSError, struct.error):
            return Reply()
        return reply_of(wire)

    def wait(self, name, kind, is_right, patience_s=20):
        """Asks until is_right(reply); returns the seconds that took."""
        start = time.monotonic()
        while True:
            reply = self.ask(name, kind, timeout_s=0.2)
            took = time.monotonic() - start
            if is_right(reply):
                return took
            assert took < patience_s, f"{name} {kind} after {patience_s} s: {reply}"
            time.sleep(0.01)

    def wait_data(self, name, kind, data, patience_s=20):
        """Waits until exactly these data are answered."""
        return self.wait(name, kind, lambda reply: reply.rcode == "NOERROR" and reply.data(kind) == set(data), patience_s)

    def wait_rcode(self, name, kind, rcode, patience_s=20):
        """Waits for a response code."""
        return self.wait(name, kind, lambda reply: reply.rcode == rcode, patience_s)
