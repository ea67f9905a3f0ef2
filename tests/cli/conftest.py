# SPDX-License-Identifier: Apache-2.0
"""Servers and a running instance, ended after each test."""

import pytest

from played import Instance, Server


@pytest.fixture
def servers():
    """Starts servers, and closes them."""
    made = []

    def start(answer):
        made.append(Server(answer))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def instance(tmp_path):
    """A running instance that has synced."""
    it = Instance(tmp_path)
    try:
        it.until(lambda: "NOERROR" in it.answers("a.svc.cluster.local"))
        yield it
    finally:
        it.close()
