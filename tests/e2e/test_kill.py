# SPDX-License-Identifier: Apache-2.0
"""Parts die under 2,000 checked questions a second (DESIGN 1)."""

import os
import signal
import time

import pytest

import lab

LONG = os.environ.get("B53_LONG") == "1"
SECONDS = 20 if LONG else 6
QUESTIONS = lab.DATA / "checked.txt"


def under_load(action, family=4):
    """Does something a third into a checked load; the checker's numbers."""
    load = lab.checker("--server", lab.SERVICE[family], "--seconds", SECONDS, QUESTIONS, background=True)
    time.sleep(SECONDS / 3)
    action()
    return lab.checker_result(load)


def replaced(name, how=signal.SIGKILL):
    """Signals a child and waits for its successor."""
    before = lab.pids()[name]
    lab.kill(name, how)
    lab.wait_for(lambda: lab.pids()[name] not in (0, before), 60)


@pytest.mark.parametrize("family", [4, 6])
def test_undisturbed_load_is_answered_whole(mode, family):
    result = under_load(lambda: None, family)
    assert (result["lost"], result["wrong"], result["stray"]) == (0, 0, 0), result
    assert result["sent"] >= (1990 if LONG else 100) * SECONDS


def test_control_killed_loses_nothing(mode):
    result = under_load(lambda: replaced("control"))
    assert (result["lost"], result["wrong"]) == (0, 0), result


def test_slow_path_killed_loses_no_cluster_answer(own):
    if "slowpath" not in lab.pids():
        pytest.skip("no slow path in this build")
    result = under_load(lambda: replaced("slowpath"))
    assert (result["lost"], result["wrong"]) == (0, 0), result


def test_supervisor_killed_loses_nothing(own):
    """Its children go on; the lab is made anew afterwards."""
    result = under_load(lambda: lab.kill("supervisor"))
    assert (result["lost"], result["wrong"]) == (0, 0), result
    lab.up("own")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_dataplane_killed_answers_again_within_a_second(own, number):
    result = under_load(lambda: replaced("dataplane", number))
    assert result["wrong"] == 0, result
    assert result["longest_gap_ms"] < 1000 * lab.at_most(1), result


def test_dataplane_answers_again_without_control(own):
    """From the supervisor's memfds alone: control is stopped while the dataplane comes back."""
    lab.kill("control", signal.SIGSTOP)
    try:
        result = under_load(lambda: replaced("dataplane"))
    finally:
        lab.kill("control", signal.SIGCONT)
    assert result["wrong"] == 0 and result["longest_gap_ms"] < 1000 * lab.at_most(1), result


def test_a_hung_worker_is_found_and_replaced(own):
    result = under_load(lambda: replaced("dataplane", signal.SIGSTOP))
    assert result["wrong"] == 0, result
    assert result["longest_gap_ms"] < 1000 * lab.at_most(2.5), "1 s to notice, then the restart"
    assert "a worker hangs" in lab.log()


def test_a_hung_slow_path_is_found_and_replaced(mode):
    """On kernel sockets it is what answers; elsewhere workers go on answering meanwhile."""
    result = under_load(lambda: replaced("slowpath", signal.SIGSTOP))
    assert result["wrong"] == 0 and (mode == "kernel" or result["lost"] == 0), result
    lab.wait_for(lambda: lab.dig("cluster.local", "SOA", "+tcp")[0] == "NOERROR")
    assert "a thread hangs" in lab.log()


def test_a_child_that_dies_again_and_again_is_started_again(own):
    for _ in range(4):
        replaced("control")
    starts = {p["name"]: p.get("starts") for p in lab.status()["processes"]}
    assert starts["control"] >= 5 and starts["dataplane"] >= 1
    assert lab.dig("cluster.local", "SOA")[0] == "NOERROR"
