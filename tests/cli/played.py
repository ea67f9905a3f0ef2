# SPDX-License-Identifier: Apache-2.0
"""The commands as people type them: snapshots in files, servers that answer as a test wants, and a running instance on
kernel sockets behind an API server that is played."""

import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakeapi"))

from fakeapi import FakeApi  # noqa: E402  pylint: disable=wrong-import-position

BUILD = Path(os.environ.get("B53_BUILD", Path(__file__).resolve().parents[2] / "build" / "release"))
BURST53 = BUILD / "cli" / "burst53"
MAKE_IMAGE = BUILD / "tests" / "slowpath" / "slow_image"


def burst53(*words, timeout=60, **more):
    """One command; its output is text."""
    return subprocess.run([str(BURST53), *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False,
                          **more)


def refused(*words):
    """A wrong command line; the lines that say why."""
    done = burst53(*words)
    assert (done.returncode, done.stdout) == (2, ""), (words, done.stdout, done.stderr)
    *why, last = done.stderr.splitlines()
    assert last == f"Try `burst53 {words[0]} --help`." and why, done.stderr
    assert why[0].startswith((f"burst53 {words[0]}: ", f"burst53-{words[0]}: ")), done.stderr
    return why


def make_image(path, services, endpoints, generation, overlay=None):
    """Writes the fixture's image; with (generation, path) an overlay on it too."""
    words = [MAKE_IMAGE, 53, services, endpoints, generation, path, *(overlay or ())]
    subprocess.run([str(w) for w in words], check=True)
    return path


def free_port():
    """A port that is free for UDP and TCP, below those that the kernel gives to clients."""
    for _ in range(100):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                udp.bind(("0.0.0.0", random.SystemRandom().randrange(20000, 32000)))
                tcp.bind(udp.getsockname())
                return tcp.getsockname()[1]
            except OSError:
                continue
    raise RuntimeError("no free port")


class Server:
    """A DNS server: answer(query, is_tcp) gives a reply, bytes, or None for silence."""

    def __init__(self, answer):
        self.answer = answer
        self.port = free_port()
        self.times = []  # of the queries over UDP
        self.n_tcp = 0
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        for run in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=run, daemon=True).start()

    @property
    def address(self):
        """As an option takes it."""
        return f"127.0.0.1:{self.port}"

    def reply(self, data, is_tcp):
        """The bytes of a reply, or None."""
        out = self.answer(dns.message.from_wire(data), is_tcp)
        return out.to_wire() if isinstance(out, dns.message.Message) else out

    def serve_udp(self):
        """Until the socket is closed."""
        while True:
            try:
                data, peer = self.udp.recvfrom(65535)
                self.times.append(time.monotonic())
                if out := self.reply(data, False):
                    self.udp.sendto(out, peer)
            except OSError:
                return

    def serve_tcp(self):
        """One connection after the other."""
        while True:
            try:
                peer, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_stream, args=(peer,), daemon=True).start()

    def serve_stream(self, peer):
        """All questions of a connection."""
        stream = peer.makefile("rb")
        while len(size := stream.read(2)) == 2:
            self.n_tcp += 1
            out = self.reply(stream.read(int.from_bytes(size, "big")), True)
            if not out:
                break
            peer.sendall(struct.pack("!H", len(out)) + out)
        peer.close()

    def close(self):
        """Stops listening."""
        self.udp.close()
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()


SOA = "ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 30"


def respond(query, rcode="NOERROR", records=(), flags="AA", truncated=False):
    """A reply; records are (owner, ttl, type, data), NODATA and NXDOMAIN get the zone's SOA."""
    out = dns.message.make_response(query)
    out.set_rcode(dns.rcode.from_text(rcode))
    for flag in flags.split():
        out.flags |= dns.flags.from_text(flag)
    for owner, ttl, kind, data in records:
        out.answer.append(dns.rrset.from_text(owner, ttl, "IN", kind, data))
    if truncated:
        out.flags |= dns.flags.TC
    elif not records and rcode in ("NOERROR", "NXDOMAIN"):
        out.authority.append(dns.rrset.from_text("cluster.local.", 30, "IN", "SOA", SOA))
    return out


class Instance:
    """`burst53 run` on kernel sockets, fed by a played API server."""

    def __init__(self, folder, options=""):
        self.folder, self.port = folder, free_port()
        self.run_dir = folder / "run"
        self.api = FakeApi()
        self.api.put("namespaces", {"metadata": {"name": "a"}})
        corefile = folder / "Corefile"
        corefile.write_text(self.corefile(self.port, options), encoding="utf-8")
        with open(folder / "log", "ab") as log:
            self.child = subprocess.Popen(
                [str(BURST53), "run", "--conf", str(corefile), "--port", "none", "--run-dir", str(self.run_dir),
                 "--state-dir", str(folder / "state")], stderr=log, stdout=log, env={**os.environ, "no_proxy": "*"})

    def corefile(self, port, options="", more=""):
        """A Corefile for this cluster."""
        return (f".:{port} {{\n bind 127.0.0.1\n kubernetes cluster.local in-addr.arpa ip6.arpa {{\n"
                f"  endpoint {self.api.url}\n  {options}\n }}\n {more}\n}}\n")

    def command(self, name, *words):
        """A command that looks at it."""
        return burst53(name, *words, "--run-dir", self.run_dir)

    def service(self, name, ip, namespace="a"):
        """Puts a Service; returns its resource version."""
        return self.api.put("services", {"metadata": {"name": name, "namespace": namespace}, "spec": {
            "clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})

    def until(self, what, timeout_s=10):
        """Polls."""
        end = time.monotonic() + timeout_s
        while not (out := what()):
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.02)
        return out

    def answers(self, name, kind="A"):
        """The running snapshot's answer as text."""
        return self.command("query", name, kind).stdout

    def close(self):
        """Ends it."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(20)
        self.api.stop()
        assert code == 0, (self.folder / "log").read_text()
