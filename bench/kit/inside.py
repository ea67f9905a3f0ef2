# SPDX-License-Identifier: Apache-2.0
"""What a running burst53 says of itself, and what its processes used."""

import json
import os
import re

from kit import machine

TICK = os.sysconf("SC_CLK_TCK")


def status(build, folder):
    """`burst53 status --json`; the exit code is no matter."""
    text = machine.output(str(build / "cli" / "burst53"), "status", "--json", "--run-dir", str(folder / "run"))
    start = text.find("{")
    if start < 0:
        raise RuntimeError(f"burst53 status: {text[-500:]}")
    return json.loads(text[start:])


def pids(build, folder):
    """{process name: pid}."""
    return {p["name"]: p["pid"] for p in status(build, folder)["processes"] if p["running"]}


def cpu_s(pid):
    """CPU seconds of a process, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def written_bytes(pid):
    """What a process has handed to write calls: saved images, messages, logs."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return int(re.search(r"^wchar: (\d+)", file.read(), re.M).group(1))


def generation(build, folder):
    """The snapshot that is served, by workers or by the slow path alone."""
    now = status(build, folder)
    return now["dataplane" if "dataplane" in now else "slowpath"]["generation"]
