# SPDX-License-Identifier: Apache-2.0
"""A lab of scripts/lab for the end-to-end tests: bring it up, ask it, look at it, kill parts of it."""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B53_BUILD", TOP / "build" / "release"))
PREFIX = os.environ.get("B53_LAB", "b53t")
RUN_DIR = Path(f"/run/burst53-{PREFIX}")
SERVICE = {4: "198.18.0.53", 6: "fd00:53::53"}
DATA = Path(__file__).resolve().parent / "data"
DEAD_API = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
current-context: c
"""
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_STATISTICS, PACKET_FANOUT, PIDFD_GETFD = 263, 6, 18, 438
MODES = {"own": [], "shared": ["--shared"], "kernel": ["--port", "none"], "xdp": ["--port", "af_xdp"]}
LIBC = ctypes.CDLL(None, use_errno=True)
os.environ.setdefault("BURST53_SANDBOX", "kill")  # a call outside the lists ends the process: tests see it
ring = {"drops": 0}  # what packet_drops told so far: each look begins anew
current = None  # the mode of the lab that is up, None for none or a special one  # pylint: disable=invalid-name


def run(*words, timeout=120, check=False, **more):
    """One command; its output is text."""
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, check=check, **more)


def netns_name(role):
    """Namespace of srv, cli, rtr or far."""
    return f"{PREFIX}-{role}"


def inside(role, *words, **more):
    """A command in a namespace."""
    return run("ip", "netns", "exec", netns_name(role), *words, **more)


@contextlib.contextmanager
def netns(role):
    """This thread in a namespace: sockets made meanwhile belong to it."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{netns_name(role)}", "rb") as there:
        assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert LIBC.setns(home.fileno(), CLONE_NEWNET) == 0


def lab(*words, timeout=180, build=None):
    """scripts/lab with our names."""
    return run(TOP / "scripts" / "lab", *words, timeout=timeout,
               env={**os.environ, "B53_LAB": PREFIX, "B53_BUILD": str(build or BUILD)})


def up(mode="own", *more, build=None):
    """A fresh lab in one address mode."""
    down()
    done = lab("up", *MODES[mode], *more, build=build)
    assert done.returncode == 0, done.stdout + done.stderr
    globals()["current"] = mode if not more and build is None else None


def down():
    """Nothing of it is left; what a sanitizer found in any process is an error here at the latest."""
    text = log()
    globals()["current"] = None
    lab("down")
    assert not re.search(r"(Address|Leak|Thread)Sanitizer|runtime error:", text), text[-8000:]


def dead_kubeconfig(folder):
    """A kubeconfig in the folder, of an API server that nobody reaches."""
    path = folder / "kubeconfig"
    path.write_text(DEAD_API, encoding="utf-8")
    return path


def log():
    """What the processes wrote."""
    path = TOP / "build" / "lab" / PREFIX / "log"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def pids():
    """Process numbers by name, from the state file; 0 while a child does not run."""
    found = {}
    for line in (RUN_DIR / "state").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[0] == "supervisor":
            found["supervisor"] = int(words[1])
        if words[0] == "child":
            found[words[1]] = int(words[2])
    return found


def kill(name, number=signal.SIGKILL):
    """Signals one process of the lab."""
    os.kill(pids()[name], number)


def status():
    """What `burst53 status --json` says."""
    return json.loads(run(BUILD / "cli" / "burst53", "status", "--json", "--run-dir", RUN_DIR).stdout)


def at_most(seconds):
    """What a duration is held against. The promise itself in the long run, which has the machine to itself; twenty times
    that elsewhere: a machine with something else to do tells nothing about us."""
    return seconds if os.environ.get("B53_LONG") == "1" else 20 * seconds


def wait_for(what, seconds=60.0):
    """Waits until the function says something true; returns that, or fails. The limit is for what never comes: more than
    a slow machine needs."""
    seconds = max(seconds, 60.0)
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s for {getattr(what, '__name__', what)}\n{log()}"
        time.sleep(0.02)


def dig(name, kind="A", *words, family=4, role="cli", program="dig"):
    """(rcode, flags, sorted rdata) of a question; rcode is None without a reply."""
    extra = ["+tries=1", "+time=5"] if program == "dig" else ["+retry=0", "+time=5"]
    out = inside(role, program, f"@{SERVICE[family]}", name, kind, *extra, *words).stdout
    return parse_dig(out)


def parse_dig(out):
    """Reads dig's and kdig's own text."""
    head = re.search(r"status: (\w+)", out)
    if not head:
        return None, "", []
    flags = re.search(r"[Ff]lags: ([a-z ]*);", out).group(1)
    answers = []
    section = False
    for line in out.splitlines():
        if line.startswith(";; ANSWER"):
            section = True
        elif section and not line.strip():
            section = False
        elif section and not line.startswith(";"):
            words = line.split(None, 4)
            answers.append(words[3] + " " + words[4])
    return head.group(1), flags, sorted(answers)


def checker(*words, role="cli", background=False):
    """The client that knows the right answers; its result as a dictionary."""
    patience = [] if "--timeout-ms" in words else ["--timeout-ms", str(1000 * at_most(1))]
    command = ["ip", "netns", "exec", netns_name(role), str(BUILD / "tests" / "e2e" / "checker"), *patience, *map(str, words)]
    before = overflows()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process.overflows_before = before
    if background:
        return process
    return checker_result(process)


def checker_result(process):
    """Waits for a checker; its numbers. What a socket of a kernel had no room for, because a busy machine let its reader
    wait, is not among the lost ones but told beside them."""
    out, _ = process.communicate(timeout=300)
    result = json.loads(out)
    if os.environ.get("B53_LONG") != "1":
        result["overflows"] = overflows() - process.overflows_before
        result["lost"] = max(0, result["lost"] - result["overflows"])
    return result


def overflows():
    """Datagrams so far that found no room in a socket of the client's or the server's kernel, or in the dataplane's ring."""
    count = 0
    for role in ("srv", "cli", "far"):
        out = inside(role, "nstat", "-asz", "UdpRcvbufErrors", "Udp6RcvbufErrors").stdout
        count += sum(int(line.split()[1]) for line in out.splitlines() if "RcvbufErrors" in line)
    if pids().get("dataplane"):
        ring["drops"] += packet_drops()
    return count + ring["drops"]


def packet_drops():
    """Frames that the dataplane's packet sockets had no room for since the last look (packet(7) PACKET_STATISTICS)."""
    pid = pids()["dataplane"]
    pidfd = os.pidfd_open(pid)
    lost = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if not os.readlink(entry).startswith("socket:"):
            continue
        copy = LIBC.syscall(PIDFD_GETFD, pidfd, int(entry.name), 0)
        try:
            sock = socket.socket(fileno=copy)
        except OSError:  # AF_XDP tells nothing of its kind
            os.close(copy)
            continue
        with sock:
            if sock.family == socket.AF_PACKET and sock.getsockopt(SOL_PACKET, PACKET_FANOUT) != 0:
                lost += struct.unpack_from("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))[1]
    os.close(pidfd)
    return lost


def nft_tables(role="srv"):
    """Names of nft tables in a namespace."""
    return [line.split()[2] for line in inside(role, "nft", "list", "tables").stdout.splitlines()]
