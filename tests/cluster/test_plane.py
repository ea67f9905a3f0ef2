# SPDX-License-Identifier: Apache-2.0
"""scripts/cluster itself: a cluster comes up, grants burst53 its role and no more, survives a wipe, and leaves nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import fixtures  # noqa: E402
import process  # noqa: E402
from kube import Kube, KubeError, wait  # noqa: E402

SCRIPT = HERE.parents[1] / "scripts" / "cluster"


def cluster(command, folder, *args, ok=True):
    """Runs scripts/cluster; returns what it printed."""
    run = subprocess.run([SCRIPT, command, "--dir", folder, *args], capture_output=True, text=True, check=False,
                         timeout=120)
    assert (run.returncode == 0) == ok, run.stderr
    return run.stdout


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plane") / "run"
    cluster("up", folder, "--no-controllers")
    yield folder
    cluster("down", folder)


def test_burst53_may_list_what_it_needs_and_nothing_else(folder):
    kube = Kube(folder / "burst53.kubeconfig")
    for kind in ("Namespace", "Service", "EndpointSlice", "Pod"):
        kube.list(kind)
    for path in ("/api/v1/secrets", "/api/v1/nodes", "/api/v1/configmaps"):
        with pytest.raises(KubeError) as err:
            kube.request("GET", path)
        assert err.value.status == 403
    with pytest.raises(KubeError) as err:
        kube.create(fixtures.namespace("no"))
    assert err.value.status == 403


def test_a_watch_shows_a_change(folder):
    kube = Kube(folder / "admin.kubeconfig")
    version = kube.request("GET", "/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"]
    kube.create(fixtures.namespace("seen"))
    assert next(kube.watch("Namespace", version))[1]["metadata"]["name"] == "seen"


def test_generated_objects_are_taken_and_dumped(folder):
    kube = Kube(folder / "admin.kubeconfig")
    plan = fixtures.Plan(services=20, endpoints=60, namespaces=3, pods=True)
    counts = fixtures.load(kube, plan)
    assert counts == {"Service": 20, "EndpointSlice": 20, "Pod": 60, "Namespace": 3}
    cluster("dump", folder, str(folder / "dump.json"))
    items = json.loads((folder / "dump.json").read_text(encoding="utf-8"))["items"]
    assert sum(item["kind"] == "Pod" and item["status"]["podIP"].startswith("10.128.") for item in items) == 60


def test_a_wiped_cluster_comes_back_empty_at_the_same_place_with_the_same_rights(folder):
    before = (folder / "burst53.kubeconfig").read_text(encoding="utf-8")
    cluster("stop-api", folder, "--kill", "--wipe")
    assert not Kube(folder / "admin.kubeconfig").ready()
    cluster("status", folder, ok=False)
    cluster("start-api", folder)
    assert (folder / "burst53.kubeconfig").read_text(encoding="utf-8") == before
    kube = Kube(folder / "burst53.kubeconfig")
    wait("the default Service", lambda: kube.list("Service"))
    assert [obj["metadata"]["name"] for obj in kube.list("Service")] == ["kubernetes"]


def test_a_second_up_in_the_same_folder_is_refused(folder):
    cluster("up", folder, ok=False)
    cluster("status", folder)


def test_kept_data_start_another_cluster_whose_end_leaves_no_process_and_no_file(folder, tmp_path):
    Kube(folder / "admin.kubeconfig").create(fixtures.namespace("kept"))
    cluster("save", folder, str(tmp_path / "data"))
    other = tmp_path / "run"
    cluster("up", other, "--no-controllers", "--data", str(tmp_path / "data"))
    try:
        Kube(other / "admin.kubeconfig").get("Namespace", name="kept")
        state = json.loads((other / "cluster.json").read_text(encoding="utf-8"))
    finally:
        cluster("down", other)
    assert not other.exists()
    assert not any(process.is_alive(record) for record in state["processes"].values())
    cluster("down", other)


def test_a_failed_start_says_why_and_leaves_nothing(tmp_path):
    run = subprocess.run([SCRIPT, "up", "--no-controllers", "--dir", tmp_path / "run", "--api-flag=--no-such-flag"],
                         capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode != 0 and "no-such-flag" in run.stderr
    assert not (tmp_path / "run").exists()
