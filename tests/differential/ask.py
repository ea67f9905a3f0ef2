# SPDX-License-Identifier: Apache-2.0
"""Asks a server many questions at once over UDP and TCP, from any network namespace."""

import concurrent.futures
import ctypes
import os
import selectors
import socket
import struct
import threading
import time

from dnswire import Bad, build, parse

WINDOW = 48  # questions under way
TRIES, WAIT_S = 3, 1.5
CLONE_NEWNET = 0x40000000


def open_socket(family, kind, netns):
    """A socket of a network namespace; the calling thread stays where it is."""
    if not netns:
        return socket.socket(family, kind)
    made = []

    def inside():
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{netns}", "rb") as handle:
            if libc.setns(handle.fileno(), CLONE_NEWNET):
                made.append(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), netns))
                return
        made.append(socket.socket(family, kind))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Asker:
    """One server."""

    def __init__(self, name, address, netns=None, window=WINDOW):
        self.name, self.window = name, window
        host, _, port = address.rpartition(":")
        self.host, self.port, self.netns = host.strip("[]"), int(port), netns
        self.family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.malformed = []

    def _parse(self, data, question):
        try:
            return parse(data)
        except (Bad, struct.error) as err:
            self.malformed.append((question, str(err), data.hex()))
            return None

    def ask_all(self, questions, tries=TRIES, once=frozenset()):
        """The replies in the order of the questions; None for no (well-formed) reply.

        The names of `once` (lower-case) are not asked again: silence is what is expected.
        """
        replies = [None] * len(questions)
        over_udp = [i for i, question in enumerate(questions) if not question.tcp]
        left = {i: 1 if questions[i].name.lower() in once else tries for i in over_udp}
        self._ask_udp(questions, left, replies)
        over_tcp = [i for i, question in enumerate(questions) if question.tcp]
        with concurrent.futures.ThreadPoolExecutor(min(8, self.window)) as pool:
            for i, reply in zip(over_tcp, pool.map(lambda i: self.ask_tcp(questions[i]), over_tcp)):
                replies[i] = reply
        return replies

    def _ask_udp(self, questions, todo, replies):
        sock = open_socket(self.family, socket.SOCK_DGRAM, self.netns)
        sock.connect((self.host, self.port))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        waiting = {}  # ident -> (index, deadline, tries left)
        queue = list(reversed(todo.items()))
        ident = int.from_bytes(os.urandom(2), "big")
        with sock, selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            while queue or waiting:
                while queue and len(waiting) < self.window:
                    index, left = queue.pop()
                    ident = (ident + 1) & 0xffff
                    sent = self._send(sock, build(questions[index], ident))
                    waiting[ident] = (index, time.monotonic() + (WAIT_S if sent else 0.05), left - 1)
                if selector.select(0.05):
                    self._receive(sock, questions, waiting, replies)
                self._expire(waiting, queue)

    @staticmethod
    def _send(sock, data):
        try:
            sock.send(data)
            return True
        except OSError:  # nobody listens yet, or the buffer is full: asked again
            return False

    def _receive(self, sock, questions, waiting, replies):
        while True:
            try:
                data = sock.recv(65535)
            except OSError:
                return
            entry = waiting.pop(int.from_bytes(data[:2], "big"), None) if len(data) >= 2 else None
            if entry:
                replies[entry[0]] = self._parse(data, questions[entry[0]])

    @staticmethod
    def _expire(waiting, queue):
        now = time.monotonic()
        for ident in [ident for ident, entry in waiting.items() if entry[1] < now]:
            index, _, left = waiting.pop(ident)
            if left > 0:
                queue.append((index, left))

    def ask_tcp(self, question):
        """One question on a connection of its own."""
        sock = open_socket(self.family, socket.SOCK_STREAM, self.netns)
        sock.settimeout(6)
        try:
            with sock:
                sock.connect((self.host, self.port))
                data = build(question, 0x5353)
                sock.sendall(struct.pack("!H", len(data)) + data)
                stream = sock.makefile("rb")
                size = stream.read(2)
                reply = stream.read(int.from_bytes(size, "big")) if len(size) == 2 else b""
        except OSError:
            return None
        return self._parse(reply, question) if reply else None
