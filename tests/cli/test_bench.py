# SPDX-License-Identifier: Apache-2.0
"""`burst53 bench` measures in a process of its own; `burst53 setup` says what a machine lacks."""

import json

import pytest

from played import burst53, refused


def test_a_case_is_measured_and_told():
    done = burst53("bench", "--cases", "a_hit", "--names", "1000", "--queries", "4096", "--repeats", "1", "--no-huge")
    assert done.returncode == 0, done.stderr
    row = [line for line in done.stdout.splitlines() if line.startswith("a_hit")][0].split()
    assert float(row[2]) > 0 and float(row[3]) > 0 and float(row[4]) > 0


def test_each_run_is_an_object():
    done = burst53("bench", "--cases", "nodata", "--names", "1000", "--queries", "4096", "--repeats", "1", "--no-huge", "--json")
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert {run["loop"] for run in runs} >= {"worker", "swap"}
    assert {run["case"] for run in runs} == {"nodata"}


@pytest.mark.parametrize("words, reason", [
    (["--cases", "nonsense"], "there is no case nonsense"), (["--cases", "a_hit,"], "a list of words"),
    (["--names", "0"], "--names: not a number from 3"), (["--names", "1000,x"], "--names: not a number"),
    (["--names", ",".join(["1000"] * 9)], "too many sizes"), (["--workers", "0"], "--workers"),
    (["--workers", "99"], "--workers"), (["--queries", "1e6"], "--queries"), (["--repeats", "0"], "--repeats"),
    (["--memory", "x"], "megabytes"), (["--memory", "1"], "megabytes")])
def test_what_cannot_be_measured_is_refused(words, reason):
    assert reason in refused("bench", *words)[0]


def test_setup_looks_at_another_machine_and_changes_nothing(tmp_path):
    done = burst53("setup", "--check", "--json", "--root", str(tmp_path), "0000:01:00.0")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and not told["ready"]
    assert {step["step"] for step in told["steps"]} == {"hugepages", "hugetlbfs", "tun", "card"}
    assert not list(tmp_path.iterdir())
    assert burst53("setup", "--check", "--memory", "many").returncode == 2
