# SPDX-License-Identifier: Apache-2.0
"""Starting, recognising and stopping background processes by their pid and start time."""

import os
import signal
import socket
import random
import subprocess
import time

FIRST_PORT, LAST_PORT = 20000, 32000  # below the kernel's ephemeral ports: no client's socket takes them meanwhile


def free_port(host):
    """A TCP port of the loopback address that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.SystemRandom().randrange(FIRST_PORT, LAST_PORT)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise SystemExit("scripts/cluster: found no free port on loopback")


def start_time(pid):
    """The kernel's start time of a living process, else None: a pid alone may have been reused."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(record):
    """Whether the process of a record {pid, start} still runs."""
    return bool(record) and start_time(record["pid"]) == record["start"]


def launch(command, log, env=None):
    """Starts a process of its own session that logs to a file; returns its record."""
    with open(log, "ab") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
                                 start_new_session=True, env={**os.environ, **(env or {})})
    child.returncode = 0  # it outlives us: no wait, no warning
    return {"pid": child.pid, "start": start_time(child.pid)}


def signal_to(record, number):
    """Sends a signal to the recorded process if it is still that one."""
    if is_alive(record):
        try:
            os.kill(record["pid"], number)
        except ProcessLookupError:
            pass


def stop(record, patience_s=20, first=signal.SIGTERM):
    """Ends a process: politely, then not; returns when it is gone."""
    signal_to(record, first)
    end = time.monotonic() + patience_s
    while is_alive(record):
        if time.monotonic() > end:
            signal_to(record, signal.SIGKILL)
            end += patience_s
        time.sleep(0.02)
