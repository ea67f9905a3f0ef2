# SPDX-License-Identifier: Apache-2.0
"""One package for all tests: building it takes longest."""

import shutil
import tempfile
from pathlib import Path

import pytest

import root as roots


@pytest.fixture(scope="session", name="package")
def _package():
    folder = Path(tempfile.mkdtemp(prefix="b53-deb-", dir="/var/tmp"))
    yield roots.build_package(folder)
    shutil.rmtree(folder)
