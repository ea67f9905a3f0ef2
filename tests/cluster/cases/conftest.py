# SPDX-License-Identifier: Apache-2.0
"""A real control plane with burst53 in a lab on it, made once."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "e2e")]
os.environ.setdefault("B53_LAB", "b53c")

# pylint: disable=wrong-import-position
import lab  # noqa: E402
from kube import Kube  # noqa: E402

CLUSTER = lab.TOP / "scripts" / "cluster"
FOLDER = lab.TOP / "build" / "cluster" / "cases"


def cluster(*words, timeout=180):
    """One command of scripts/cluster on our folder."""
    return lab.run(CLUSTER, words[0], "--dir", FOLDER, *words[1:], check=True, timeout=timeout)


@pytest.fixture(scope="session", name="api")
def _api():
    cluster("down")
    cluster("up")
    lab.up("own", "--kubeconfig", FOLDER / "burst53.kubeconfig")
    yield Kube(FOLDER / "admin.kubeconfig")
    lab.down()
    cluster("down")
