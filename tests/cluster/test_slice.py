# SPDX-License-Identifier: Apache-2.0
"""A slice of our own behind the cluster's DNS Service: the real controllers leave it alone through canary, cut-over
and rollback, as docs/nodes.md says."""

import json
import os
import re
import subprocess
import time

import pytest
import yaml

import fixtures
import lab
import tools

SPACE, NAME = "kube-system", "kube-dns-trial"
OURS = "kube-dns-burst53"
SELECTOR = {"app": NAME}
QUIET_S = 3  # the controllers act within a second of a change


def our_slice():
    """The manifest of deploy/anycast, for the trial's Service."""
    obj = yaml.safe_load((lab.TOP / "deploy" / "anycast" / "kube-dns-slice.yaml").read_text(encoding="utf-8"))
    obj["metadata"]["labels"]["kubernetes.io/service-name"] = NAME
    return obj


def slices(api):
    """Slices of the Service by who manages them."""
    found = {}
    for obj in api.list("EndpointSlice", SPACE, f"kubernetes.io/service-name={NAME}"):
        manager = obj["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
        found.setdefault(manager, []).append(obj)
    return found


def controllers_addresses(api):
    """What the selector's slices hold."""
    return {address for obj in slices(api).get("endpointslice-controller.k8s.io", [])
            for end in obj["endpoints"] or [] for address in end["addresses"]}


def scale(api, replicas):
    """Returns when the controllers' slices have that many."""
    api.scale("Deployment", SPACE, NAME, replicas)
    lab.wait_for(lambda: len(controllers_addresses(api)) == replicas, 60)


@pytest.fixture(name="old")
def _old(cluster, tmp_path):
    """The controllers of the old Endpoints, which the shared cluster goes without: one mirrors them into slices."""
    with open(tmp_path / "controllers.log", "wb") as log:
        process = subprocess.Popen(
            [tools.BIN / "kube-controller-manager", f"--kubeconfig={cluster.admin}", "--leader-elect=false",
             "--controllers=endpoints-controller,endpointslice-mirroring-controller", "--secure-port=0",
             "--use-service-account-credentials=false"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    yield cluster
    process.terminate()
    process.wait(10)


def has_endpoints(cluster):
    """Whether the old object exists."""
    return bool(cluster.kubectl("-n", SPACE, "get", "endpoints", NAME, "--ignore-not-found", "-o", "name"))


@pytest.fixture(name="trial")
def _trial(old):
    """CoreDNS' Service and Deployment under another name."""
    cluster = old
    api = cluster.kube
    api.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": SPACE},
                "spec": {"replicas": 2, "selector": {"matchLabels": SELECTOR},
                         "template": {"metadata": {"labels": SELECTOR},
                                      "spec": {"terminationGracePeriodSeconds": 0,
                                               "containers": [{"name": "coredns", "image": "none"}]}}}})
    api.create(fixtures.service(SPACE, NAME, [fixtures.port("dns", 53, "UDP"), fixtures.port("dns-tcp", 53)],
                                selector=SELECTOR))
    lab.wait_for(lambda: len(controllers_addresses(api)) == 2, 60)
    lab.wait_for(lambda: has_endpoints(cluster), 20)
    yield cluster
    api.delete("Service", SPACE, NAME)
    api.delete("Deployment", SPACE, NAME)
    for objects in slices(api).values():
        for obj in objects:
            api.delete("EndpointSlice", SPACE, obj["metadata"]["name"], missing_ok=True)


def documented(cluster, folder, what):
    """Runs a block of docs/nodes.md with the trial's Service in place of the cluster's."""
    text = (tools.TOP / "docs" / "nodes.md").read_text(encoding="utf-8")
    block = re.search(rf"^<!-- slice: {what} -->\n```\n(.*?)\n```$", text, re.M | re.S)[1]
    block = block.replace('{"k8s-app":"kube-dns"}', json.dumps(SELECTOR))
    block = re.sub(r"(service|endpoints|service-name=)( ?)kube-dns(?![-\w])", rf"\1\2{NAME}", block)
    if not (folder / "kubectl").exists():
        (folder / "kubectl").symlink_to(tools.BIN / "kubectl")
    env = {**os.environ, "KUBECONFIG": str(cluster.admin), "PATH": f"{folder}:{os.environ['PATH']}", "KUBECACHEDIR": str(folder / "cache")}
    done = subprocess.run(["bash", "-euc", block], env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_controllers_leave_our_slice_alone(trial, tmp_path):
    """Canary, cut-over, rollback."""
    api = trial.kube
    version = api.create(our_slice())["metadata"]["resourceVersion"]

    def is_untouched():
        return api.get("EndpointSlice", SPACE, OURS)["metadata"]["resourceVersion"] == version

    # Canary: both slices, and the selector's goes on following the pods.
    scale(api, 4)
    scale(api, 1)
    assert set(slices(api)) == {"endpointslice-controller.k8s.io", "burst53"} and is_untouched()

    # Cut-over: no selector, then what it left behind goes, and does not come back.
    documented(trial, tmp_path, "cut-over")
    api.scale("Deployment", SPACE, NAME, 3)
    time.sleep(QUIET_S)
    assert set(slices(api)) == {"burst53"} and is_untouched()

    # Rollback: the selector is back, and its slice with it; ours goes when we take it away.
    documented(trial, tmp_path, "rollback")
    assert set(slices(api)) == {"endpointslice-controller.k8s.io"}
    scale(api, 2)
    assert set(slices(api)) == {"endpointslice-controller.k8s.io"}
