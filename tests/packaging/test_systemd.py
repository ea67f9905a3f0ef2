# SPDX-License-Identifier: Apache-2.0
"""The package under a systemd that is process 1: the unit starts, reloads, restarts, drains and stops as `systemctl` says.

systemd-nspawn boots a bare Debian 12 in a folder, in a network namespace of its own."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import root as roots
from root import NETNS, TOP, dig, run, wait_for

COREFILE = """.:53 {
    errors
    health 127.0.0.1:8080 {
        lameduck 1s
    }
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa
    prometheus 127.0.0.1:9153
}
"""
NAME = "web.default.svc.cluster.local"
SLOW_S = 120  # for whatever a slow machine does


class Booted:
    """The machine: commands in it, and its end."""

    def __init__(self, folder, package):
        self.root = roots.Root(folder, package)
        self.console = folder / "console"
        self.process = None
        self.init = 0
        self.root.run("apt-get", "-qq", "update", timeout=600)
        self.root.apt("install", "--yes", "--no-install-recommends", "systemd", "systemd-sysv", "dbus", "/burst53.deb")
        etc = self.root.folder / "etc" / "burst53"
        (etc / "Corefile").write_text(COREFILE, encoding="utf-8")
        (etc / "burst53.conf").write_text(
            "conf /etc/burst53/Corefile\nport none\naddress 127.0.0.1\ndump /etc/burst53/cluster.json\n", encoding="utf-8")
        shutil.copy(roots.DUMP, etc / "cluster.json")

    def boot(self):
        """Until systemd takes commands."""
        # Control groups as this machine has them.
        is_unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        with open(self.console, "wb") as console:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--network-namespace-path=/run/netns/{NETNS}",
                 f"--directory={self.root.folder}", "--boot", f"systemd.unified_cgroup_hierarchy={'yes' if is_unified else 'no'}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)

        def is_up():
            assert self.process.poll() is None, self.console.read_text(encoding="utf-8", errors="replace")
            found = run("pgrep", "--parent", self.process.pid, check=False).stdout.split()
            self.init = int(found[0]) if found else 0
            return self.init and self.do("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        wait_for(is_up, SLOW_S)

    def do(self, *words, check=True):
        """A command inside; where it has to work and fails, the unit's log says why."""
        done = run("nsenter", f"--target={self.init}", "--all", "--", *words, check=False, timeout=SLOW_S)
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


@pytest.fixture(scope="module", name="machine")
def _machine(package):
    if not os.access("/sys/fs/cgroup", os.W_OK):
        pytest.skip("no control groups: systemd cannot be process 1 here")
    folder = Path(tempfile.mkdtemp(prefix="b53-systemd-", dir="/var/tmp"))
    try:
        with roots.network():
            booted = Booted(folder, package)
            try:
                booted.boot()
                yield booted
            finally:
                booted.end()
    finally:
        shutil.rmtree(folder)


def serves(name=NAME):
    """Whether it is answered now."""
    return dig(name) == ["10.96.0.80"]


def test_systemd_finds_no_fault_in_the_unit(machine):
    done = machine.do("systemd-analyze", "verify", "--man=no", "burst53.service", check=False)
    assert done.returncode == 0 and "burst53" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_start_waits_for_the_first_answer(machine):
    machine.do("systemctl", "enable", "--now", "burst53")
    assert serves(), machine.log()
    assert machine.show("ActiveState") == "active" and machine.show("SubState") == "running"
    assert machine.do("burst53", "status").returncode == 0
    assert machine.do("stat", "--format=%U %a", "/run/burst53", "/var/lib/burst53").stdout == "burst53 700\nburst53 700\n"


def test_reload_tells_a_good_corefile_from_a_bad_one(machine):
    path = machine.root.folder / "etc" / "burst53" / "Corefile"
    path.write_text(COREFILE.replace("cluster.local", "cluster.test"), encoding="utf-8")
    machine.do("systemctl", "reload", "burst53")
    wait_for(lambda: serves(NAME.replace("cluster.local", "cluster.test")), SLOW_S)
    path.write_text(COREFILE.replace("errors", "mistakes"), encoding="utf-8")
    assert machine.do("systemctl", "reload", "burst53", check=False).returncode != 0
    assert "mistakes" in machine.log()
    assert serves(NAME.replace("cluster.local", "cluster.test"))
    path.write_text(COREFILE, encoding="utf-8")
    machine.do("systemctl", "reload", "burst53")
    wait_for(serves, SLOW_S)


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_dead_or_hanging_supervisor_is_replaced(machine, signal):
    before = machine.show("MainPID")
    machine.do("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", "burst53")

    def is_replaced():
        return machine.show("MainPID") not in (before, "0") and machine.show("ActiveState") == "active" and serves()
    wait_for(is_replaced, SLOW_S)


def test_a_wrong_setting_is_not_tried_for_ever(machine):
    conf = machine.root.folder / "etc" / "burst53" / "burst53.conf"
    good = conf.read_text(encoding="utf-8")
    conf.write_text(good + "colour blue\n", encoding="utf-8")
    assert machine.do("systemctl", "restart", "burst53", check=False).returncode != 0
    assert machine.show("ActiveState") == "failed" and "colour" in machine.log()
    conf.write_text(good, encoding="utf-8")
    machine.do("systemctl", "restart", "burst53")
    assert serves(), machine.log()


def test_drained_it_stays_down(machine):
    machine.do("burst53", "drain")
    wait_for(lambda: machine.show("ActiveState") == "inactive", SLOW_S)
    time.sleep(1)  # ten times the unit's RestartSec
    assert machine.show("ActiveState") == "inactive" and machine.show("Result") == "success", machine.log()
    machine.do("systemctl", "start", "burst53")
    assert serves(), machine.log()


def test_stop_drains_first(machine):
    began = time.monotonic()
    machine.do("systemctl", "stop", "burst53")
    assert time.monotonic() - began >= 1, "the lame duck of a second"
    assert machine.show("ActiveState") == "inactive" and machine.show("Result") == "success"
    assert "draining" in machine.log() and not serves()


def test_the_unit_in_the_tree_is_the_one(machine):
    installed = (machine.root.folder / "lib" / "systemd" / "system" / "burst53.service").read_text(encoding="utf-8")
    text = (TOP / "deploy" / "systemd" / "burst53.service.in").read_text(encoding="utf-8")
    assert installed == text.replace("@bindir@", "/usr/bin")
