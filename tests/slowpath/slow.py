# SPDX-License-Identifier: Apache-2.0
"""Starts burst53-slowpath the way the supervisor does, hands it images, and asks it questions."""

import contextlib
import fcntl
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("B53_BUILD", HERE.parent.parent / "build" / "release"))
PROGRAM = BUILD / "slowpath" / "burst53-slowpath"
MAKE_IMAGE = BUILD / "tests" / "slowpath" / "slow_image"
MAKE_POLICY = BUILD / "tests" / "slowpath" / "slow_corefile"

# ASan keeps freed memory for a while: nothing can be said of sizes then.
HAS_ASAN = PROGRAM.exists() and b"__asan_init" in PROGRAM.read_bytes()

BASE, OVERLAY, ACK, PAIR_NEXT = 1, 2, 3, 4
ALL_SEALS = 1 | 2 | 4 | 8
PUBLISH = struct.Struct("<IIQQQQiI160s")
PUNT = struct.Struct("<IHHBBHHHI4xQ16s16s128s")
PUBLISH_MAGIC = 0x42353350
PUNT_MAGIC = 0x504E5431


def memfd(data, seals=ALL_SEALS):
    fd = os.memfd_create("test-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data) if len(data) < 1 << 20 else _write_all(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def _write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def images(folder, port, services=50, endpoints=20, generation=1, overlay=None):
    """Bytes of a base image and, with a generation for it, of an overlay on it."""
    base = folder / f"base{generation}.img"
    args = [MAKE_IMAGE, port, services, endpoints, generation, base]
    if overlay is not None:
        args += [overlay, folder / f"overlay{overlay}.img"]
    subprocess.run([str(a) for a in args], check=True)
    if overlay is None:
        return base.read_bytes(), None
    return base.read_bytes(), (folder / f"overlay{overlay}.img").read_bytes()


def free_port():
    """A port that is free for UDP and TCP on both families."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            probe = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
            probe.bind(("::", 0))
            port = probe.getsockname()[1]
            try:
                other = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                other.bind(("::", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def bound(family, kind, address, port):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if address != "::" else 0)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(4096)
    sock.setblocking(False)
    return sock


class Slowpath:
    """A running burst53-slowpath. By default it serves every address on one dual-stack port."""

    def __init__(self, folder, port=None, addresses=("::",), threads=2, copies=1, inherit=(), limits=None, words=()):
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.path = str(self.folder / "slowpath.sock")
        self.link, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.exists(self.path):
            os.unlink(self.path)
        listening.bind(self.path)
        listening.listen(8)
        listening.setblocking(False)
        fds = [listening.fileno(), far.fileno()]
        args = [str(PROGRAM), "--publish-fd", str(fds[0]), "--punt-fd", str(fds[1]), "--threads", str(threads)]
        socks = [listening, far]
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind, option in ((socket.SOCK_DGRAM, "--udp-fd"), (socket.SOCK_STREAM, "--tcp-fd")):
                for _ in range(copies):
                    sock = bound(family, kind, address, self.port)
                    socks.append(sock)
                    fds.append(sock.fileno())
                    args += [option, str(sock.fileno())]
        for option, fd in inherit:
            fds.append(fd)
            args += [option, str(fd)]
        args += words
        self.log = open(self.folder / "slowpath.log", "a+", encoding="utf-8")
        self.process = subprocess.Popen(
            args, pass_fds=fds, stderr=self.log, preexec_fn=limits, start_new_session=True
        )
        for sock in socks:
            sock.close()
        self.control = None

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(self.path)
        sock.settimeout(20)
        return sock

    def publish(self, kind, data, sock=None, seals=ALL_SEALS, size=None):
        """Hands one image over; returns (status, reason)."""
        if sock is None:
            self.control = self.control or self.connect()
            sock = self.control
        fd = memfd(data, seals)
        try:
            message = PUBLISH.pack(PUBLISH_MAGIC, kind, len(data) if size is None else size, 0, 0, 0, 0, 0, b"")
            socket.send_fds(sock, [message], [fd])
        finally:
            os.close(fd)
        fields = PUBLISH.unpack(sock.recv(PUBLISH.size))
        assert fields[0] == PUBLISH_MAGIC and fields[1] == ACK
        return fields[6], fields[8].split(b"\0")[0].decode()

    def serve(self, **spec):
        """Publishes the fixture."""
        base, overlay = images(self.folder, self.port, **spec)
        assert self.publish(BASE, base) == (0, "")
        if overlay is not None:
            assert self.publish(OVERLAY, overlay) == (0, "")

    def serve_corefile(self, text, generation=1):
        """Publishes an image of a Corefile's policy, without names."""
        corefile = self.folder / f"Corefile{generation}"
        corefile.write_text(text)
        image = self.folder / f"policy{generation}.img"
        args = [MAKE_POLICY, corefile, self.port, generation, image]
        subprocess.run([str(a) for a in args], check=True)
        assert self.publish(BASE, image.read_bytes()) == (0, "")

    def tcp(self, address="127.0.0.1", timeout=20):
        return socket.create_connection((address, self.port), timeout=timeout)

    def ask_udp(self, wire, address="127.0.0.1", timeout=2.0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((address, self.port))  # replies from another address do not arrive
            sock.send(wire)
            try:
                return sock.recv(65535)
            except socket.timeout:
                return None

    def ask_tcp(self, wire, address="127.0.0.1"):
        with self.tcp(address) as sock:
            sock.sendall(framed(wire))
            return read_message(sock)

    def rss_kib(self):
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    def private_kib(self):
        """Memory of its own, without the mapped images."""
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("RssAnon"):
                return int(line.split()[1])
        return 0

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_text(self):
        return (self.folder / "slowpath.log").read_text()

    def stop(self):
        """Ends it and returns the exit code."""
        if self.control is not None:
            self.control.close()
        self.link.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.log.close()


def framed(wire):
    return struct.pack(">H", len(wire)) + wire


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            return None
        data += more
    return data


def read_message(sock):
    """One message of a stream, None at its end."""
    head = read_exactly(sock, 2)
    return None if head is None else read_exactly(sock, struct.unpack(">H", head)[0])


def serve_streams(behave):
    """A TCP server on loopback whose connections are behave's, each in a thread; it ends when the socket is closed."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve():
        while True:
            try:
                conn, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=behave, args=(conn,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listening


def question(name, kind="A", ident=0x1234, **edns):
    message = dns.message.make_query(name, kind, **edns)
    message.id = ident
    return message.to_wire()


def service(n, kind="A", ident=0x1234, **edns):
    return question(f"svc{n}.ns.svc.cluster.local.", kind, ident, **edns)


def wait_until(check, seconds, step=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(step)
    return False


def is_closed(sock, seconds):
    """Whether the server closes the connection in that time."""
    ready, _, _ = select.select([sock], [], [], seconds)
    if not ready:
        return False
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True
