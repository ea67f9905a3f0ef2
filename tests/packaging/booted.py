# SPDX-License-Identifier: Apache-2.0
"""A bare Debian 12 whose systemd is process 1: systemd-nspawn boots it in a folder, in a network namespace of its own."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import root as roots
from root import NETNS, run, wait_for

SLOW_S = 120  # for whatever a slow machine does
WHOLE = ("--all",)
WITH_OUR_NETWORK = ("--mount", "--uts", "--ipc", "--pid")  # where the mirror is


class Booted:
    """The machine: commands in it, and its end."""

    def __init__(self, folder):
        self.root = roots.Root(folder, roots.system_root)
        self.console = folder / "console"
        self.process = None
        self.init = 0

    def boot(self):
        """Until systemd takes commands."""
        # Control groups as this machine has them.
        is_unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        with open(self.console, "wb") as console:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--network-namespace-path=/run/netns/{NETNS}",
                 "--resolv-conf=off", f"--directory={self.root.folder}", "--boot",
                 f"systemd.unified_cgroup_hierarchy={'yes' if is_unified else 'no'}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)

        def is_up():
            assert self.process.poll() is None, self.console.read_text(encoding="utf-8", errors="replace")
            found = run("pgrep", "--parent", self.process.pid, check=False).stdout.split()
            self.init = int(found[0]) if found else 0
            return self.init and self.do("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        wait_for(is_up, SLOW_S)

    def do(self, *words, check=True, namespaces=WHOLE, timeout=SLOW_S):
        """A command inside; where it has to work and fails, the unit's log says why."""
        done = run("nsenter", f"--target={self.init}", *namespaces, "--", *words, check=False, timeout=timeout)
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}{self.log()[-3000:]}"
        return done

    def show(self, key):
        """A property of the unit."""
        return self.do("systemctl", "show", f"--property={key}", "--value", "burst53").stdout.strip()

    def log(self):
        """What the unit wrote."""
        return self.do("journalctl", "--no-pager", "--unit=burst53", check=False).stdout

    def end(self):
        """Process 1 goes, and everything with it."""
        if self.process is None:
            return
        if self.init:
            subprocess.run(["kill", "-KILL", str(self.init)], check=False)
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def machine():
    """One in a network with nothing but a loopback, not booted yet; nothing of it stays."""
    if not os.access("/sys/fs/cgroup", os.W_OK):
        pytest.skip("no control groups: systemd cannot be process 1 here")
    folder = Path(tempfile.mkdtemp(prefix="b53-systemd-", dir="/var/tmp"))
    try:
        with roots.network():
            made = Booted(folder)
            try:
                yield made
            finally:
                made.end()
    finally:
        shutil.rmtree(folder)
