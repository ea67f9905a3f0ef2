# SPDX-License-Identifier: Apache-2.0
"""A served slow path for each test that asks for one."""

import pytest

import slow


@pytest.fixture
def server(tmp_path):
    running = slow.Slowpath(tmp_path)
    running.serve()
    yield running
    assert running.process.poll() is None, running.log_text()
    assert running.stop() == 0, running.log_text()
