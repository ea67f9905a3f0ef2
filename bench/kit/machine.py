# SPDX-License-Identifier: Apache-2.0
"""Where a measurement was made, and waiting until the machine is quiet."""

import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
IDLE_SHARE = 0.06  # of the CPUs, used by others


def output(*command):
    """What a command prints, "" when it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip()


def call(command, limit_s=60):
    """Runs a command to its end; RuntimeError shows what it said."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"model name\s*: (.*)", text)
    return found.group(1) if found else platform.machine()


def hugepages():
    """Free pages of 2 MiB."""
    path = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
    return int(path.read_text(encoding="ascii")) if path.exists() else 0


def describe(build):
    """The machine, the tools and the commit, for every table."""
    dirty = " with changes" if output("git", "status", "--porcelain", "--untracked-files=no") else ""
    options = output("meson", "introspect", "--buildoptions", str(build))
    kind = re.search(r'"name": "buildtype", "value": "(\w+)"', options)
    return {
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "hypervisor": output("systemd-detect-virt", "--vm") or "none",
        "kernel": platform.release(),
        "compiler": output("cc", "--version").split("\n")[0],
        "dpdk": output("pkg-config", "--modversion", "libdpdk"),
        "commit": output("git", "rev-parse", "--short=12", "HEAD") + dirty,
        "build": kind.group(1) if kind else "unknown",
        "free_hugepages": hugepages(),
        "date": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }


def busy_share(seconds):
    """Share of all CPUs that was busy during so many seconds."""

    def read():
        with open("/proc/stat", encoding="ascii") as f:
            values = [int(v) for v in f.readline().split()[1:]]
        return sum(values[:8]), values[3] + values[4]

    total0, idle0 = read()
    time.sleep(seconds)
    total1, idle1 = read()
    return 1 - (idle1 - idle0) / max(1, total1 - total0)


def wait_idle(limit_s):
    """Waits until others use at most IDLE_SHARE; returns the last share, whatever it is, after limit_s."""
    end = time.monotonic() + limit_s
    share = busy_share(1)
    while share > IDLE_SHARE and time.monotonic() < end:
        share = busy_share(1)
    return share
