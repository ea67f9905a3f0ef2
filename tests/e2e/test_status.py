# SPDX-License-Identifier: Apache-2.0
"""burst53 status tells of what is stopped, drained or not synced, and query --live asks where it is served."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

import lab

BURST53 = lab.BUILD / "cli" / "burst53"
NAME = "web.default.svc.cluster.local"


def look():
    """(exit code, whether it serves, {name of a warning: what these are about})"""
    done = lab.run(BURST53, "status", "--json", "--run-dir", lab.RUN_DIR)
    facts = json.loads(done.stdout)
    warnings = {}
    for warning in facts["warnings"]:
        warnings.setdefault(warning["name"], set()).add(warning["about"])
    return done.returncode, facts["serving"], warnings


def is_well():
    """Nothing to say."""
    return look() == (0, True, {})


@pytest.mark.parametrize("stopped", ["supervisor", "control", "slowpath", "dataplane"])
def test_a_stopped_process_is_named(mode, stopped):
    pids = lab.pids()
    if stopped not in pids:
        pytest.skip("does not run in this mode")
    lab.wait_for(is_well)
    held = {pids["supervisor"], pids[stopped]}  # or the supervisor would replace it meanwhile
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        code, is_serving, warnings = look()
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    assert code == 1 and warnings["process-stopped"] == {"supervisor", stopped}
    server = "slowpath" if mode == "kernel" else "dataplane"
    assert is_serving == (stopped != server)
    assert warnings.get("not-answering") == ({stopped} if stopped in ("slowpath", "dataplane") else None)
    lab.wait_for(is_well)


def test_the_mode_and_the_places_are_told(mode):
    facts = lab.status()
    assert facts["mode"] == mode
    assert {(place["address"], place["port"]) for place in facts["listens"]} == {(a, 53) for a in lab.SERVICE.values()}
    text = lab.run(BURST53, "status", "--run-dir", lab.RUN_DIR).stdout
    assert f"mode         {mode}\n" in text


def end(process):
    """However long its lameduck is: the next signal ends that."""
    for _ in range(60):
        process.terminate()
        try:
            process.wait(timeout=1)
            return
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    process.wait()


@contextlib.contextmanager
def started(folder, corefile, *source):
    """A burst53 of kernel mode with a Corefile and a source of objects."""
    path = folder / "Corefile"
    path.write_text(corefile, encoding="utf-8")
    (folder / "state").mkdir()
    process = subprocess.Popen(
        ["ip", "netns", "exec", lab.netns_name("srv"), str(BURST53), "run", "--conf", str(path), "--port", "none",
         "--run-dir", str(lab.RUN_DIR), "--state-dir", str(folder / "state"), *map(str, source)], stderr=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: lab.run(BURST53, "status", "--run-dir", lab.RUN_DIR).stdout)
        yield process
    finally:
        end(process)


def corefile(*lines):
    """A block for the cluster with these directives besides."""
    return "\n".join([".:53 {", "kubernetes cluster.local", *lines, "}"]) + "\n"


def test_a_lame_duck_is_no_server_for_new_clients(network, tmp_path):  # pylint: disable=unused-argument
    with started(tmp_path, corefile("health {", "lameduck 600s", "}"), "--dump", lab.DATA / "lab.json") as process:
        lab.wait_for(is_well)
        process.terminate()
        assert lab.wait_for(lambda: (found := look()) != (0, True, {}) and found) == (1, False, {"draining": {"supervisor"}})


def test_without_the_clusters_objects_nothing_is_served(network, tmp_path):  # pylint: disable=unused-argument
    with started(tmp_path, corefile(), "--kubeconfig", lab.dead_kubeconfig(tmp_path)):
        assert lab.wait_for(lambda: (found := look()) and len(found[2]) == 1 and found) == \
            (1, False, {"not-synced": {"kubernetes"}})


# The directive, and the addresses that are served by it.
BINDS = [([], ["127.0.0.1", "::1", "198.18.0.1"]),
         (["bind 198.18.0.1"], ["198.18.0.1"]),
         (["bind fd00:53::1"], ["fd00:53::1"]),
         (["bind eth0"], ["198.18.0.1", "fd00:53::1"]),
         (["bind lo eth0 {", "except lo", "}"], ["198.18.0.1"]),
         (["bind 0.0.0.0"], ["127.0.0.1"])]


@pytest.mark.parametrize("bind, places", BINDS)
def test_live_asks_where_it_is_served(network, tmp_path, bind, places):  # pylint: disable=unused-argument
    query = [BURST53, "query", NAME, "--live", "--run-dir", lab.RUN_DIR]
    with started(tmp_path, corefile(*bind), "--dump", lab.DATA / "lab.json"):
        lab.wait_for(is_well)
        done = lab.inside("srv", *query)
        assert done.returncode == 0 and "10.96.0.80" in done.stdout, done.stderr
        for address in places:
            done = lab.inside("srv", *query, "--address", address)
            assert done.returncode == 0, (address, done.stderr)
        done = lab.inside("srv", *query, "--address", "127.0.0.7")
        if "127.0.0.1" in places:
            assert done.returncode == 0
        else:
            assert done.returncode == 1 and "not served on port 53" in done.stderr
