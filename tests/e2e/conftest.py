# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a running lab in each address mode, brought up once for all tests that want it."""

import os

import pytest

import lab

MODES = os.environ.get("B53_E2E_MODES", "own shared kernel").split()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left():
    """The last lab goes when the tests are over."""
    yield
    lab.down()


@pytest.fixture(scope="session", name="wanted", params=MODES)
def _wanted(request):
    """Groups the tests by mode, so that a lab is made once for many."""
    return request.param


def running(name):
    """The one lab there is: made anew when another test's is up."""
    if lab.current != name:
        lab.up(name)
    return name


@pytest.fixture
def mode(wanted):
    """A running lab; tests with it run once per mode."""
    return running(wanted)


@pytest.fixture
def own():
    """A running lab in own mode, for what only that mode does."""
    return running("own")


@pytest.fixture
def network():
    """Only the network, for tests that start burst53 themselves."""
    lab.down()
    done = lab.lab("up", "--no-start")
    assert done.returncode == 0, done.stderr
    yield
    lab.down()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The processes' log belongs to a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections.append(("log of the lab", lab.log()[-4000:]))
