# SPDX-License-Identifier: Apache-2.0
"""What one contender or case cannot do does not stop the others."""

import json

import pytest
from kit import report


def broken():
    raise RuntimeError("no such\nport")


@pytest.fixture(autouse=True)
def nothing_left_out(monkeypatch):
    monkeypatch.setattr(report, "left_out", [])


def test_a_contender_that_fails_is_left_out_of_later_turns():
    calls = []

    def fails():
        calls.append("bad")
        broken()

    report.by_turns("case", 3, {"good": lambda: calls.append("good"), "bad": fails})
    assert calls.count("good") == 3
    assert calls.count("bad") == 1
    assert report.left_out == ["case: bad: port"]


def test_every_other_turn_goes_the_other_way():
    calls = []
    report.by_turns("case", 2, {name: lambda name=name: calls.append(name) for name in "abc"})
    assert "".join(calls) == "abccba"


@pytest.mark.parametrize("problem", [AssertionError(), OSError("gone"), KeyError("x")])
def test_whatever_the_problem_is_the_others_go_on(problem):
    def fails():
        raise problem

    assert report.attempt("it", fails) is None
    assert len(report.left_out) == 1


def test_an_interrupt_ends_the_run():
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report.attempt("it", stopped)


def test_a_file_of_results_says_what_is_not_in_it(tmp_path):
    report.write_json(tmp_path / "x.json", {"cpu": "c"}, [{"kind": "k"}], ["Knot: not installed"])
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert found == {"machine": {"cpu": "c"}, "left_out": ["Knot: not installed"], "results": [{"kind": "k"}]}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
