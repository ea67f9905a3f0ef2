# SPDX-License-Identifier: Apache-2.0
"""Asks a running burst53 over real sockets: kernel mode, in a network namespace of its own that has no way out."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import dnsmsg

PORT = 5310
UPSTREAM_PORT = 5399
LOOPBACK = "127.0.0.1"
NOT_READY = "EDE 14"  # the extended error of a server that has no data yet
SILENCE_S = 0.3
REPLY_S = 3
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Namespace:
    """A network namespace with nothing but a loopback that has some more addresses."""

    def __init__(self, addresses):
        self.name = f"b53conf{os.getpid()}"
        self.addresses = addresses

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        for address in self.addresses:
            subprocess.run(["ip", "-n", self.name, "addr", "add", address, "dev", "lo"], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    @contextlib.contextmanager
    def entered(self):
        """This thread inside: sockets made meanwhile belong to it."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as there:
            self._switch(there)
            try:
                yield
            finally:
                self._switch(home)

    @staticmethod
    def _switch(file):
        if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def udp(space, address):
    """A socket that asks the server."""
    with space.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((address, PORT))
    return sock


def ask_tcp(space, address, query):
    """One question on a connection of its own."""
    with space.entered():
        sock = socket.create_connection((address, PORT), timeout=REPLY_S)
    with sock, sock.makefile("rb") as stream:
        sock.settimeout(REPLY_S)
        sock.sendall(struct.pack(">H", len(query)) + query)
        size = struct.unpack(">H", stream.read(2))[0]
        return stream.read(size)


def ask_udp(sock, query, patience_s):
    """The reply with the question's number, or "drop"."""
    sock.send(query)
    end = time.monotonic() + patience_s
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            reply = sock.recv(65535)
        except TimeoutError:
            break
        except ConnectionRefusedError:
            continue
        if reply[:2] == query[:2]:
            return reply
    return "drop"


@contextlib.contextmanager
def upstream(space, log):
    """The stub upstream of the captures, inside the namespace."""
    program = pathlib.Path(__file__).resolve().parent.parent / "tools" / "stub_upstream.py"
    command = ["ip", "netns", "exec", space.name, program, LOOPBACK, str(UPSTREAM_PORT)]
    stub = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=log)
    try:
        stub.stdout.readline()  # it says where it listens
        yield
    finally:
        stub.kill()
        stub.wait()


def is_ready(reply, wants_data):
    """Data is served; without any to come, the policy is: its SERVFAIL is authoritative (k8s:2.12 row 23)."""
    if reply == "drop":
        return False
    if not wants_data:
        return bool(reply[2] & 0x04)
    return not any(o.startswith(NOT_READY) for o in dnsmsg.options(reply))


@contextlib.contextmanager
def serving(space, program, address, words, log):
    """A burst53 that has said its first word about its data."""
    command = ["ip", "netns", "exec", space.name, program, "run", "--port", "none", *words]
    server = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wants_data = "--dump" in words
        query = dnsmsg.query_bytes({"name": "no.cluster.local", "type": "A", "edns": 1232}, 0xFFFF)
        end = time.monotonic() + 20
        with udp(space, address) as sock:
            while not is_ready(ask_udp(sock, query, 0.05), wants_data):
                if server.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"burst53 does not serve: {' '.join(map(str, words))}")
                time.sleep(0.01)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def ask(space, address, rows, expected):
    """Replies to the rows in order, in the form of the image's: bytes or "drop"."""
    replies = []
    with udp(space, address) as sock:
        for ident, (row, other) in enumerate(zip(rows, expected)):
            query = dnsmsg.query_bytes(row, ident)
            if row.get("tcp"):
                replies.append(ask_tcp(space, address, query))
            else:
                replies.append(ask_udp(sock, query, SILENCE_S if other == "drop" else REPLY_S))
    return replies
