# SPDX-License-Identifier: Apache-2.0
"""How the time that is left is estimated."""

import pytest
from kit.schedule import Schedule


class Clock:
    """A time that only moves when it is told to."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="schedule")
def _schedule(clock):
    return Schedule({"a": 100, "b": 50}, clock)


def test_what_is_left_shrinks_while_a_case_runs(schedule, clock):
    assert schedule.left() == 150
    schedule.begin("a")
    clock.time = 40
    assert schedule.left() == 110


def test_a_case_that_takes_longer_than_expected_leaves_the_others(schedule, clock):
    schedule.begin("a")
    clock.time = 300
    assert schedule.left() == 50


def test_a_slow_machine_is_expected_to_stay_slow(schedule, clock):
    schedule.begin("a")
    clock.time = 200
    assert schedule.end() == 200
    assert schedule.left() == 100
