# SPDX-License-Identifier: Apache-2.0
"""The package under a systemd that is process 1: the unit starts, reloads, restarts, drains and stops as `systemctl` says."""

import shutil
import time

import pytest

import booted
import root as roots
from booted import SLOW_S
from root import TOP, dig, wait_for

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


@pytest.fixture(scope="module", name="machine")
def _machine(package):
    with booted.machine() as made:
        made.root.install(package)
        etc = made.root.folder / "etc" / "burst53"
        (etc / "Corefile").write_text(COREFILE, encoding="utf-8")
        (etc / "burst53.conf").write_text(
            "conf /etc/burst53/Corefile\nport none\naddress 127.0.0.1\ndump /etc/burst53/cluster.json\n", encoding="utf-8")
        shutil.copy(roots.DUMP, etc / "cluster.json")
        made.boot()
        yield made


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
