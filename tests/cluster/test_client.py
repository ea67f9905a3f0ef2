# SPDX-License-Identifier: Apache-2.0
"""The API client alone (tests/kube/probe.c) on a real API server: streamed and paged lists, an API server that is killed,
an etcd that is emptied, and a dump that holds the same as the watch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kube")]
BUILD = Path(os.environ.get("B53_BUILD", HERE.parents[1] / "build" / "release"))
os.environ.setdefault("B53_KUBE_PROBE", str(BUILD / "tests" / "kube" / "kube_probe"))

import fixtures  # noqa: E402
from kube import Kube  # noqa: E402
from probing import PROBE, Probe  # noqa: E402

SCRIPT = HERE.parents[1] / "scripts" / "cluster"
KINDS = ("namespaces", "services", "endpointslices", "pods")


def cluster(command, folder, *args):
    """Runs scripts/cluster."""
    subprocess.run([SCRIPT, command, "--dir", folder, *args], capture_output=True, check=True, timeout=180)


@pytest.fixture(name="folder", scope="module", params=["streamed", "paged"])
def _folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client") / "run"
    flags = ["--feature", "WatchList=false"] if request.param == "paged" else []
    cluster("up", folder, "--no-controllers", *flags)
    yield folder
    cluster("down", folder)


@pytest.fixture(name="probe")
def _probe(folder):
    kinds = [word for kind in KINDS for word in ("--kind", kind)]
    one = Probe("--kubeconfig", str(folder / "burst53.kubeconfig"), *kinds, "--timing", "shrink_objects=1000")
    for _ in KINDS:
        one.wait("synced", timeout_s=20)
    yield one
    one.quit()


def test_every_change_arrives(folder, probe):
    kube = Kube(folder / "admin.kubeconfig")
    paged = probe.stats()["refused"]
    assert bool(paged) == (probe.stats()["list_client_error"] > 0)
    kube.create(fixtures.namespace("one"))
    probe.wait("put live namespaces /one")
    kube.create(fixtures.service("one", "svc", [fixtures.port("http", 80)], clusterIP="None"))
    probe.wait("put live services one/svc")
    kube.create(fixtures.endpoint_slice("one", "svc-1", "svc", [fixtures.endpoint("10.1.0.1", pod=("one", "p"))],
                                        [("http", 80, "TCP")]))
    probe.wait("put live endpointslices one/svc-1")
    kube.patch("EndpointSlice", "one", "svc-1", {"endpoints": [{"addresses": ["10.1.0.1"], "conditions": {
        "ready": False}}]})
    probe.wait("put live endpointslices one/svc-1")
    probe.say("show endpointslices")
    assert "endpoint=" not in probe.wait("object endpointslices one/svc-1")
    kube.delete("EndpointSlice", "one", "svc-1")
    probe.wait("del live endpointslices one/svc-1")


def test_an_api_server_that_is_killed_and_comes_back(folder, probe):
    kube = Kube(folder / "admin.kubeconfig")
    cluster("stop-api", folder, "--kill")
    probe.until(lambda s: s["failing"] == 1, kind="namespaces", timeout_s=20)
    before = probe.names("namespaces")
    cluster("start-api", folder)
    kube.create(fixtures.namespace("two"))
    probe.wait("put live namespaces /two", timeout_s=30)
    assert set(probe.names("namespaces")) == {*before, "/two"}


def test_a_dump_holds_what_the_watch_holds(folder, probe, tmp_path):
    kube = Kube(folder / "admin.kubeconfig")
    fixtures.load(kube, fixtures.Plan(services=40, endpoints=200, namespaces=3, pods=False))
    listed = {kind: sorted(f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}" for o in kube.list(name))
              for kind, name in (("services", "Service"), ("endpointslices", "EndpointSlice"))}
    probe.until(lambda s: s["objects"] == len(listed["services"]))
    probe.until(lambda s: s["objects"] == len(listed["endpointslices"]), kind="endpointslices")
    path = tmp_path / "dump.json"
    cluster("dump", folder, str(path))
    for kind, names in listed.items():
        probe.say(f"show {kind}")
        probe.wait("done show")
        live = sorted(line for line in probe.seen if line.startswith(f"object {kind} "))
        saved = subprocess.run([PROBE, "--quiet", "1", "--kind", kind, "--dump", str(path)], capture_output=True, text=True,
                               check=True, timeout=60).stdout.splitlines()
        assert sorted(line for line in saved if line.startswith("object")) == sorted(set(live))[-len(names):]
        assert [line.split()[2] for line in saved if line.startswith("object")] == names


def test_an_etcd_that_was_emptied_is_noticed(folder, probe):
    cluster("start-api", folder, "--wipe")
    probe.until(lambda s: s["relist_backwards"] + s["relist_gone"] >= 1 and s["failing"] == 0, kind="namespaces",
                timeout_s=40)
    probe.until(lambda s: s["objects"] == 4, kind="namespaces", timeout_s=20)
    assert probe.names("namespaces") == ["/default", "/kube-node-lease", "/kube-public", "/kube-system"]
