# SPDX-License-Identifier: Apache-2.0
"""burst53-control as a child, with an API server that fails on demand on one side and receivers of images on the
other."""

import array
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakeapi"))

from fakeapi import FakeApi, Fault  # noqa: E402, F401  pylint: disable=wrong-import-position,unused-import

CONTROL = os.environ.get("B53_CONTROL", "build/release/control/burst53-control")
ANSWER = os.environ.get("B53_ANSWER_IMAGE", "build/release/tests/tools/answer_image")

COUNTERS = os.environ.get("B53_COUNTERS", "build/release/tests/control/control_counters")

BASE, OVERLAY, ACK, PAIR_NEXT = 1, 2, 3, 4
MESSAGE = struct.Struct("=IIQQQQiI160s")
MAGIC = 0x42353350
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33}


def name_wire(name):
    """A name as the wire has it."""
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class Receiver:
    """One of the processes that images are handed to. Keeps what is current as files."""

    def __init__(self, run_dir, name, folder):
        self.path = run_dir / f"{name}.sock"
        self.folder = folder
        self.name = name
        self.messages = []  # (time, type, generation)
        self.images = {}
        self.pending = None
        self.status = 0  # of the acknowledgements
        self.delay_s = 0.0
        self.silent = False
        self.lock = threading.Condition()
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(str(self.path))
        self.listening.listen(8)
        self.peers = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """Takes connections."""
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self.read, args=(peer,), daemon=True).start()

    def hang_up(self):
        """Loses the connections that stand; the next one starts without images, as a new process does."""
        self.images, self.pending = {}, None
        for peer in self.peers:
            peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        self.peers = []

    def read(self, peer):
        """Takes messages of one connection."""
        while True:
            try:
                data, ancillary, _, _ = peer.recvmsg(MESSAGE.size, socket.CMSG_LEN(16))
            except OSError:
                return
            if len(data) != MESSAGE.size:
                return
            fds = array.array("i")
            for _, _, payload in ancillary:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
            magic, kind, size, generation, image_hash, event, _, _, _ = MESSAGE.unpack(data)
            assert magic == MAGIC and len(fds) == 1
            status = self.take(kind, generation, fds[0], size)
            os.close(fds[0])
            time.sleep(self.delay_s)
            if not self.silent:
                self.answer(peer, MESSAGE.pack(MAGIC, ACK, size, generation, image_hash, event, status, 0, b"told so"))

    @staticmethod
    def answer(peer, data):
        """Unless control has gone."""
        try:
            peer.send(data)
        except OSError:
            pass

    def take(self, kind, generation, fd, size):
        """Keeps an image."""
        with self.lock:
            self.messages.append((time.monotonic(), kind, generation))
            if self.status == 0:
                image = (generation, os.pread(fd, size, 0))
                if kind == BASE:
                    self.images = {BASE: image}
                elif kind == PAIR_NEXT:
                    self.pending = image
                else:
                    base = struct.unpack_from("<Q", image[1], 40)[0]
                    if self.pending and self.pending[0] == base:
                        self.images[BASE], self.pending = self.pending, None
                    assert self.images[BASE][0] == base, "an overlay without its base"
                    self.images[OVERLAY] = image
            self.lock.notify_all()
            return self.status

    def wait(self, what, timeout_s=10):
        """Until what(self) is true."""
        with self.lock:
            assert self.lock.wait_for(lambda: what(self), timeout_s), f"{self.name}: {self.messages[-5:]}"

    def ask(self, name, kind):
        """(rcode, number of answers, reply) of the current pair."""
        with self.lock:
            files = []
            for part in (BASE, OVERLAY):
                if part in self.images:
                    path = self.folder / f"{self.name}.{part}.img"
                    path.write_bytes(self.images[part][1])
                    files.append(str(path))
        query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + name_wire(name) + struct.pack(">HH", TYPES[kind], 1)
        out = subprocess.run([ANSWER, files[0], "198.18.0.53", "53", *files[1:]], check=True, text=True,
                             input=f"udp {query.hex()}\n", capture_output=True).stdout.strip()
        reply = bytes.fromhex(out)
        _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", reply[:12])
        return flags & 15, answers, reply


class Control:
    """The process."""

    def __init__(self, folder, corefile, *args, counters=None):
        self.folder = folder
        self.corefile = folder / "Corefile"
        self.corefile.write_text(corefile)
        self.log = open(folder / "control.log", "a", encoding="utf-8")
        words = [CONTROL, "--conf", str(self.corefile), "--run-dir", str(folder / "run"), "--state-dir",
                 str(folder / "state"), "--log-level", "debug", *args]
        if counters is not None:
            words += ["--counters-fd", str(counters)]
        self.child = subprocess.Popen(words, stderr=self.log, env={**os.environ, "no_proxy": "*"},
                                      pass_fds=[] if counters is None else [counters])

    def stop(self, number=signal.SIGTERM):
        """Ends it; returns the exit code."""
        self.child.send_signal(number)
        return self.child.wait(10)


class World:
    """All of it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "run").mkdir()
        (folder / "state").mkdir()
        self.api = FakeApi()
        self.supervisor = Receiver(folder / "run", "supervisor", folder)
        self.slowpath = Receiver(folder / "run", "slowpath", folder)
        self.dataplane = Receiver(folder / "run", "dataplane", folder)
        self.children = []
        self.helpers = []
        self.api.put("namespaces", {"metadata": {"name": "ns"}})

    def kubernetes(self, options="", more=""):
        """A Corefile for the API."""
        return (f".:53 {{\n kubernetes cluster.local in-addr.arpa ip6.arpa {{\n endpoint {self.api.url}\n {options}\n"
                f" }}\n {more}\n}}\n")

    def start(self, corefile=None, *args, counters=None):
        """Starts control."""
        control = Control(self.folder, corefile or self.kubernetes(), *args, counters=counters)
        self.children.append(control)
        return control

    def counters(self):
        """A page of shared counters, as the supervisor keeps it across restarts of control."""
        child = subprocess.Popen([COUNTERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.helpers.append(child)
        return os.open(f"/proc/{child.pid}/fd/{child.stdout.readline().strip()}", os.O_RDWR)

    def service(self, name, ip, namespace="ns"):
        """Puts a Service."""
        return self.api.put("services", {"metadata": {"name": name, "namespace": namespace}, "spec": {
            "clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})

    def synced(self):
        """Until the dataplane has the data."""
        self.dataplane.wait(lambda r: BASE in r.images)
        self.until(lambda: self.dataplane.ask("ns.svc.cluster.local", "A")[0] == 0)

    @staticmethod
    def until(what, timeout_s=10):
        """Polls."""
        end = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < end, "not in time"
            time.sleep(0.01)

    def close(self):
        """Ends everything."""
        for control in self.children:
            if control.child.poll() is None:
                control.stop(signal.SIGKILL)
        for helper in self.helpers:
            helper.stdin.close()
            helper.wait(10)
        self.api.stop()
        for receiver in (self.supervisor, self.slowpath, self.dataplane):
            receiver.listening.close()


@pytest.fixture
def world(tmp_path):
    """A world for one test."""
    w = World(tmp_path)
    yield w
    w.close()
    log = tmp_path / "control.log"
    if log.exists():
        print(log.read_text())
