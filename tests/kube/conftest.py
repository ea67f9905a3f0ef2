# SPDX-License-Identifier: Apache-2.0
"""A fake API server and probes on it, as fixtures."""

import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fakeapi"))

# pylint: disable=wrong-import-position
from fakeapi import FakeApi  # noqa: E402
from probing import Probe, service  # noqa: E402


@pytest.fixture
def api():
    """A fake API server with a few services."""
    server = FakeApi()
    for name in ("a", "b", "c"):
        server.put("services", service(name))
    yield server
    server.stop()


@pytest.fixture
def probe(api):
    """Starts probes on the API server; ends them."""
    running = []

    def start(*args, **more):
        one = Probe("--endpoint", api.url, *(args or ("--kind", "services")), **more)
        running.append(one)
        return one

    yield start
    for one in running:
        one.quit()
