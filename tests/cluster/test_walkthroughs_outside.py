# SPDX-License-Identifier: Apache-2.0
"""Walkthroughs that need names outside the cluster, and the one that edits the Corefile in its ConfigMap."""

import contextlib
import json
import re
import sys
import time

import fixtures
import pytest
from handle import TOP
from pod import Pod

ZONE = "cluster.local"
SVC = f"default.svc.{ZONE}"
UPSTREAM = "198.18.8.99"
STUB = TOP / "tests" / "differential" / "upstream.py"
# Walkthrough 14, with ports and the node's resolv.conf of this test.
TUTORIAL = """.:53 {
    log
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :9153
    forward . NODE_RESOLV_CONF
    cache 30
    loop
    reload
    loadbalance
}
"""


@pytest.fixture(name="node", scope="module")
def _node(cluster, tmp_path_factory):
    """burst53 with the tutorial's Corefile; the node's own resolv.conf names an upstream."""
    folder = tmp_path_factory.mktemp("node")
    with Pod("out", "198.18.8.53", folder) as pod:
        pod.run("ip", "addr", "add", f"{UPSTREAM}/32", "dev", "lo")
        pod.start([sys.executable, "-B", STUB, "--address", UPSTREAM, "--port", "53"])
        deadline = time.monotonic() + 10
        while "NOERROR" not in pod.run("dig", f"@{UPSTREAM}", "www.up.test", "+tries=1", "+time=1"):
            assert time.monotonic() < deadline
        conf = pod.etc / "upstream.conf"  # the slow path's own user has to read it
        conf.write_text(f"nameserver {UPSTREAM}\n", encoding="ascii")
        pod.start_burst53(TUTORIAL.replace("NODE_RESOLV_CONF", str(conf)), cluster.ours)
        pod.resolv_conf([SVC, f"svc.{ZONE}", ZONE])
        pod.wait_ready()
        yield pod


def test_3_nslookup_of_an_outside_name(node):
    for _ in range(3):  # forwarded, then cached
        out = node.run("nslookup", "www.up.test")
        assert "Non-authoritative answer:" in out
        assert re.search(r"^Address: 203\.0\.113\.5$", out, re.M) and re.search(r"^Address: 2001:db8::5$", out, re.M)


def test_14_everything_in_the_tutorials_corefile_works(node, cluster):
    assert "kubernetes.default" in node.run("nslookup", "kubernetes")
    address = cluster.kube.get("Service", "default", "kubernetes")["spec"]["clusterIP"]
    assert re.search(r"\s30\s+IN\s+PTR\s+kubernetes\.", node.run("dig", "-x", address))
    assert "10.244.1.2" in node.run("dig", "+short", f"10-244-1-2.default.pod.{ZONE}")
    assert node.run("curl", "-s", "http://127.0.0.1:8080/health") == "OK"
    deadline = time.monotonic() + 5
    while node.run("curl", "-s", "http://127.0.0.1:8181/ready") != "OK":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    node.run("dig", "www.up.test")
    ttls = []
    for _ in range(2):
        ttls.append(int(re.search(r"^www\.up\.test\.\s+(\d+)", node.run("dig", "www.up.test"), re.M).group(1)))
        time.sleep(1.1)
    assert 30 >= ttls[0] > ttls[1]  # cache 30
    page = node.run("curl", "-s", "http://127.0.0.1:9153/metrics")
    for name in ("coredns_dns_requests_total", "coredns_cache_hits_total", "coredns_dns_responses_total"):
        assert re.search(rf"^{name}\{{.*[1-9]", page, re.M), name
    assert "status: NXDOMAIN" in node.run("dig", "no-such.up.test")
    assert "status: NOERROR" in node.run("dig", "+tcp", "www.up.test")


def project(folder, text):
    """Writes a ConfigMap's volume as the kubelet does: a new folder, and a link that is swapped."""
    stamp = folder / f"..{time.monotonic_ns()}"
    stamp.mkdir()
    (stamp / "Corefile").write_text(text, encoding="ascii")
    link = folder / "..next"
    link.symlink_to(stamp.name)
    link.rename(folder / "..data")
    with contextlib.suppress(FileExistsError):
        (folder / "Corefile").symlink_to("..data/Corefile")
    return folder / "Corefile"


def ttl_of(pod, name):
    """The TTL of a name's first record; None without one."""
    found = re.search(rf"^{re.escape(name)}\.\s+(\d+)\s", pod.run("dig", f"@{pod.address}", name, "+tries=1", "+time=1"), re.M)
    return int(found.group(1)) if found else None


COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 30
    }
    reload 2s 1s
}
"""


def test_12_an_edit_of_the_config_map_takes_effect_without_restart(cluster, tmp_path):
    labels = {"k8s-app": "kube-dns"}
    where = {"namespace": "kube-system"}
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", **where}, "data": {"Corefile": COREFILE}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", **where, "labels": labels},
         "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
             "metadata": {"labels": labels}, "spec": {"containers": [{"name": "coredns", "image": "burst53"}]}}}},
        fixtures.service("kube-system", "kube-dns", [fixtures.port("dns", 53, "UDP"), fixtures.port("dns-tcp", 53),
                                                     fixtures.port("metrics", 9153)], selector=labels)]
    cluster.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    deadline = time.monotonic() + 20
    while len(cluster.kubectl("get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns", "-o", "name").split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "ttl 30" in cluster.kubectl("-n", "kube-system", "describe", "cm", "coredns")
    volume = tmp_path / "volume"
    volume.mkdir()
    conf = project(volume, COREFILE)
    name = f"kubernetes.{SVC}"
    with Pod("edit", "198.18.8.54", tmp_path / "pod") as pod:
        pod.start_burst53(COREFILE, cluster.ours, "--conf", conf)
        pod.wait_ready()
        assert ttl_of(pod, name) == 30
        patch = {"data": {"Corefile": COREFILE.replace("ttl 30", "ttl 7")}}
        cluster.kubectl("-n", "kube-system", "patch", "cm", "coredns", "--type=merge", "-p", json.dumps(patch))
        edited = json.loads(cluster.kubectl("-n", "kube-system", "get", "cm", "coredns", "-o", "json"))["data"]["Corefile"]
        project(volume, edited)
        deadline = time.monotonic() + 15
        while ttl_of(pod, name) != 7:
            assert time.monotonic() < deadline, pod.log()[-2000:]
            time.sleep(0.2)
        # A file with a mistake changes nothing, and says where.
        project(volume, edited.replace("ttl 7", "ttl soon"))
        deadline = time.monotonic() + 15
        while not re.search(r"Corefile:5:\d+", pod.log()):
            assert time.monotonic() < deadline, pod.log()[-2000:]
            time.sleep(0.2)
        assert ttl_of(pod, name) == 7
        assert pod.servers[0].poll() is None
