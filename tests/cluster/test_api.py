# SPDX-License-Identifier: Apache-2.0
"""What an API server does to its clients: rights that are missing, watches that end at once, a compacted etcd, no
streaming lists. burst53 runs on kernel sockets in a namespace that plays a pod."""

import contextlib
import time

import fixtures
import pytest
from asking import NOT_READY
from between import Between
from handle import Cluster
from kube import wait
from pod import Pod

ZONE = "cluster.local"
COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods verified
        ttl 30
    }
}
"""
RULE = '{apiGroups: [\\"%s\\"], resources: [\\"%s\\"], verbs: [\\"list\\", \\"watch\\"]}'


@pytest.fixture(name="cluster", scope="module")
def _cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("api") / "run").up("--no-controllers")
    yield cluster
    cluster.down()


@contextlib.contextmanager
def serving(kubeconfig, folder, is_ready=True):
    """burst53 in a pod."""
    with Pod("api", "198.18.6.53", folder / "pod") as pod:
        pod.start_burst53(COREFILE, kubeconfig)
        if is_ready:
            pod.wait_ready()
        yield pod


def make(cluster, name):
    """A service; (its name in DNS, its address)."""
    made = cluster.kube.create(fixtures.service("default", name, [fixtures.port("http", 80)]))
    return f"{name}.default.svc.{ZONE}.", made["spec"]["clusterIP"]


def drop(cluster, name):
    """No service any more."""
    cluster.kube.delete("Service", "default", name)


def is_not_ready(reply):
    """SERVFAIL, and why."""
    return reply.rcode == "SERVFAIL" and NOT_READY in reply.errors


def stays_not_ready(pod, seconds):
    """It never answers from a part of the data."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, kind in ((f"kubernetes.default.svc.{ZONE}.", "A"), (f"no.{ZONE}.", "A"), ("1.0.96.10.in-addr.arpa.", "PTR")):
            reply = pod.asker.ask(name, kind)
            assert is_not_ready(reply), f"{name} {kind}: {reply}"
        time.sleep(0.02)


def says_rule(pod, group, resource):
    """Whether the log names the rule that the ClusterRole lacks."""
    return any(RULE % (group, resource) in line and line.startswith("error") for line in pod.log().splitlines())


def test_missing_rights_are_named_and_nothing_is_answered_until_they_are_granted(cluster, tmp_path):
    role = cluster.kube.get("ClusterRole", None, "burst53")
    binding = cluster.kube.get("ClusterRoleBinding", None, "burst53")
    cluster.kube.delete("ClusterRoleBinding", None, "burst53")
    with serving(cluster.ours, tmp_path, is_ready=False) as pod:
        pod.asker.wait(f"kubernetes.default.svc.{ZONE}.", "A", is_not_ready, 5)
        for group, resource in (("", "namespaces"), ("", "services"), ("", "pods"), ("discovery.k8s.io", "endpointslices")):
            wait(f"the rule for {resource}", lambda g=group, r=resource: says_rule(pod, g, r), 5)
        stays_not_ready(pod, 0.5)
        # What upgrades from old manifests lack: the rule for EndpointSlices alone.
        cluster.kube.patch("ClusterRole", None, "burst53", {"rules": [
            rule for rule in role["rules"] if rule["resources"] != ["endpointslices"]]})
        bound = {key: binding[key] for key in ("apiVersion", "kind", "roleRef", "subjects")}
        cluster.kube.create({**bound, "metadata": {"name": "burst53"}})
        wait("the rest to be read", lambda: "synced resource=services" in pod.log(), 15)
        stays_not_ready(pod, 0.5)
        cluster.kube.patch("ClusterRole", None, "burst53", {"rules": role["rules"]})
        took = pod.asker.wait_data(f"kubernetes.default.svc.{ZONE}.", "A", ["10.96.0.1"], 40)
        print(f"answers {took:.1f} s after the grant")
        name, address = make(cluster, "granted")
        pod.asker.wait_data(name, "A", [address], 5)


def test_rights_that_are_withdrawn_later_change_no_answer(cluster, tmp_path):
    binding = cluster.kube.get("ClusterRoleBinding", None, "burst53")
    name, address = make(cluster, "before")
    with Between(cluster) as between, serving(between.kubeconfig(tmp_path / "kubeconfig"), tmp_path) as pod:
        pod.asker.wait_data(name, "A", [address], 5)
        cluster.kube.delete("ClusterRoleBinding", None, "burst53")
        between.cut()
        between.mend()
        wait("the rule", lambda: says_rule(pod, "", "services"), 15)
        assert pod.asker.ask(name).data("A") == {address}
        bound = {key: binding[key] for key in ("apiVersion", "kind", "roleRef", "subjects")}
        cluster.kube.create({**bound, "metadata": {"name": "burst53"}})
        name, address = make(cluster, "after")
        pod.asker.wait_data(name, "A", [address], 40)


def test_watches_that_end_after_a_second_lose_nothing_and_are_not_asked_for_in_a_frenzy(cluster, tmp_path):
    seconds, kinds = 6, 4
    with Between(cluster, watch_s=1) as between, \
            serving(between.kubeconfig(tmp_path / "kubeconfig"), tmp_path) as pod:
        start = time.monotonic()
        before = between.requests
        number = 0
        while time.monotonic() - start < seconds:
            name, address = make(cluster, f"short-{number}")
            assert pod.asker.wait_data(name, "A", [address], 5) < 4
            drop(cluster, f"short-{number}")
            pod.asker.wait_rcode(name, "A", "NXDOMAIN", 5)
            number += 1
        asked = between.requests - before
        print(f"{number} services came and went, {asked} requests in {time.monotonic() - start:.0f} s")
        assert asked <= kinds * (time.monotonic() - start) * 2
        assert not [line for line in pod.log().splitlines() if line.startswith("error")]


def test_a_compacted_etcd_makes_it_read_everything_again(cluster, tmp_path):
    """Cut off while objects come and go; when the way is free again the old version is gone (410)."""
    gone, its_address = make(cluster, "gone")
    with Between(cluster) as between, serving(between.kubeconfig(tmp_path / "kubeconfig"), tmp_path) as pod:
        pod.asker.wait_data(gone, "A", [its_address], 5)
        between.cut()
        drop(cluster, "gone")
        come, address = make(cluster, "come")
        cluster.script("stop-api")
        cluster.compact()
        cluster.script("start-api")
        assert pod.asker.ask(gone).data("A") == {its_address}
        between.mend()
        took = pod.asker.wait_data(come, "A", [address], 30)
        pod.asker.wait_rcode(gone, "A", "NXDOMAIN", 5)
        print(f"converged {took:.1f} s after the way was free")
        assert "reason=gone" in pod.log()


def test_paged_lists_where_streaming_ones_are_off(tmp_path_factory):
    """More objects than a page holds, a change while they are read, and a restart of the API server."""
    folder = tmp_path_factory.mktemp("paged")
    cluster = Cluster(folder / "run").up("--no-controllers", "--feature", "WatchList=false")
    try:
        plan = fixtures.Plan(services=10, endpoints=1300, namespaces=2, slice_size=1)
        fixtures.load(cluster.kube, plan)
        with serving(cluster.ours, folder) as pod:
            assert "paged" in pod.log() or "streaming" in pod.log()
            for i in (4, 9):  # the headless ones
                name = f"svc-{i}.load-{i % 2}.svc.{ZONE}."
                assert len(pod.asker.ask(name, tcp=True).data("A")) == plan.endpoints_of(i)[1]
            name, address = make(cluster, "paged")
            assert pod.asker.wait_data(name, "A", [address], 5) < 1
            cluster.script("stop-api")
            cluster.script("start-api")
            cluster.kube.delete("EndpointSlice", "load-0", "svc-4-7")
            name = f"svc-4.load-0.svc.{ZONE}."
            fewer = plan.endpoints_of(4)[1] - 1
            wait("the deletion", lambda: len(pod.asker.ask(name, tcp=True).data("A")) == fewer, 30)
    finally:
        cluster.down()
