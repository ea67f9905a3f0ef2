# SPDX-License-Identifier: Apache-2.0
"""One package for all tests: building it takes longest."""

import pytest

import root as roots


@pytest.fixture(scope="session", name="package")
def _package():
    return roots.build_package()
