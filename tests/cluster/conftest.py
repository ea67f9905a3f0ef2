# SPDX-License-Identifier: Apache-2.0
"""Control planes and labs that the tests of this folder share."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("e2e", "packaging", "tools"))]
os.environ.setdefault("B53_LAB", "b53c")

# pylint: disable=wrong-import-position
import lab  # noqa: E402
from handle import Cluster  # noqa: E402

MODES = os.environ.get("B53_CLUSTER_MODES", "own kernel" if os.environ.get("B53_LONG") == "1" else "own").split()


@pytest.fixture(scope="session", name="cluster")
def _cluster(tmp_path_factory):
    """A control plane with controllers and nodes; tests leave its other objects alone."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster") / "run").up()
    yield cluster
    cluster.down()


@pytest.fixture(scope="module", name="live", params=MODES)
def _live(request, cluster):
    """The lab with burst53 on the shared cluster."""
    lab.up(request.param, "--corefile", HERE / "live.Corefile", "--kubeconfig", cluster.ours)
    yield cluster
    lab.down()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The processes' log belongs to a failure."""
    del call
    report = (yield).get_result()
    if report.failed and "lab" in getattr(item.module, "__dict__", {}):
        report.sections.append(("log of the lab", lab.log()[-4000:]))
