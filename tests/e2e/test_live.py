# SPDX-License-Identifier: Apache-2.0
"""`burst53 query --live` says whether it is answered now, for routing daemons and scripts."""

import signal
import time

import lab

BURST53 = lab.BUILD / "cli" / "burst53"
NAME = "web.default.svc.cluster.local"


def live(*words):
    """(exit code, output, seconds)"""
    start = time.monotonic()
    done = lab.inside("srv", BURST53, "query", NAME, "--live", "--run-dir", lab.RUN_DIR, *words)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - start


def test_it_says_yes_while_it_is_answered(mode):
    lab.wait_for(lambda: live()[0] == 0)
    code, text, _ = live("--json")
    assert code == 0 and "10.96.0.80" in text


def test_it_says_no_within_two_seconds_of_a_stopped_server(mode):
    lab.wait_for(lambda: live()[0] == 0)
    served_by = "slowpath" if mode == "kernel" else "dataplane"
    pid = lab.pids()[served_by]
    lab.kill(served_by, signal.SIGSTOP)
    try:
        code, text, seconds = live()
    finally:
        if lab.pids()[served_by] == pid:
            lab.kill(served_by, signal.SIGCONT)
    assert code == 1 and "does not answer" in text
    assert seconds < lab.at_most(2.5)
    lab.wait_for(lambda: live()[0] == 0, 10)


def test_a_dump_is_not_live():
    done = lab.run(BURST53, "query", NAME, "--live", "--dump", "x", "--conf", "y")
    assert done.returncode == 2
