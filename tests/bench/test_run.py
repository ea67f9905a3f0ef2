# SPDX-License-Identifier: Apache-2.0
"""bench/run from its beginning to its end, with cases that only pretend to measure."""

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from kit import machine, report

RUN = Path(__file__).resolve().parents[2] / "bench" / "run"
WHERE = {"commit": "c", "build": "release", "cpus": 2}


@pytest.fixture(name="bench")
def the_program(monkeypatch, tmp_path):
    """The program with two cases: one measures, the other fails."""
    loader = importlib.machinery.SourceFileLoader("bench_run", str(RUN))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
    loader.exec_module(module)
    calls = []

    def good(_options, _out):
        calls.append("forward")
        return [{"kind": "forward", "rate": 0}]

    def bad(_options, _out):
        raise AssertionError("it went wrong")

    cases = {"veth": (SimpleNamespace(run=bad), 10, 1), "forward": (SimpleNamespace(run=good), 10, 1)}
    monkeypatch.setattr(module, "CASES", cases)
    monkeypatch.setattr(module, "build", lambda options: None)
    monkeypatch.setattr(machine, "describe", lambda build: dict(WHERE))
    monkeypatch.setattr(report, "left_out", [])
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)

    def start(*words):
        monkeypatch.setattr(sys, "argv", ["run", "--no-wait", "--out", str(tmp_path), *words])
        return module.main()

    return SimpleNamespace(start=start, calls=calls, out=tmp_path, cases=cases)


def test_a_case_that_fails_does_not_stop_the_others(bench, capsys):
    assert bench.start() == 1
    assert bench.calls == ["forward"]
    shown = capsys.readouterr()
    assert "failed: veth" in shown.out and "### goals" in shown.out
    assert "min left" in shown.err
    assert sorted(p.name for p in bench.out.iterdir()) == ["forward.json", "goals.json", "goals.md"]


def test_all_measured_is_success(bench):
    assert bench.start("forward") == 0


def test_what_was_measured_is_kept_when_the_run_goes_on(bench):
    bench.start("forward")
    bench.start("--continue", "forward")
    assert bench.calls == ["forward"]
    bench.start("--continue", "--turns", "3", "forward")  # not measured in that way
    assert bench.calls == ["forward", "forward"]


def test_an_interrupted_run_shows_what_it_has(bench, capsys):
    def stopped(_options, _out):
        raise KeyboardInterrupt

    bench.cases["veth"] = (SimpleNamespace(run=stopped), 10, 1)
    assert bench.start("forward", "veth") == 1
    assert "failed: interrupted" in capsys.readouterr().out
    assert json.loads((bench.out / "forward.json").read_text(encoding="utf-8"))["results"]


def test_an_unknown_case_is_refused(bench):
    with pytest.raises(SystemExit):
        bench.start("nonsense")
