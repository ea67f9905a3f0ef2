# SPDX-License-Identifier: Apache-2.0
"""NodeLocal DNSCache's role with its own command line (k8s:2.15), and walkthrough 7."""

import os
import signal
import subprocess
import sys
import time

import pytest

import lab

NODE = f"{lab.PREFIX}-node"
LOCAL = "169.254.25.10"
UPSTREAM = "198.18.7.53"
STUB = lab.TOP / "tests" / "tools" / "stub_upstream.py"
BASE = lab.DATA / "nodelocal.Corefile.base"


def on_node(*words, **more):
    """A command on the node."""
    return lab.run("ip", "netns", "exec", NODE, *words, **more)


def listening():
    """What listens on the node."""
    return on_node("ss", "-Hlntu").stdout


def rules():
    """The node's nft tables."""
    return on_node("nft", "list", "ruleset").stdout


def assert_rules():
    """What node-cache has in iptables' raw and filter tables (k8s:2.15)."""
    text = rules()
    for rule in (f"ip daddr {LOCAL} meta l4proto {{ tcp, udp }} th dport 53 notrack", f"ip saddr {LOCAL} meta l4proto {{ tcp, udp }} th sport 53 notrack"):
        assert rule in text, text
    for hook in ("prerouting", "output"):
        assert f"hook {hook} priority raw" in text, text


def assert_gone():
    """Neither address nor rule nor socket is left on the node."""
    assert "burst53_nodelocal" not in rules()
    assert LOCAL not in on_node("ip", "addr").stdout
    assert "nodelocaldns" not in on_node("ip", "link").stdout
    assert LOCAL not in listening()


def ends(child):
    """SIGTERM, as kubelet does it."""
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0


def is_quiet():
    """Whether nothing runs on the node any more but the stub: who ends still has the run directory."""
    return LOCAL not in listening() and len(lab.run("ip", "netns", "pids", NODE).stdout.split()) == 1


def metric(text):
    """The number behind a metric whose name and labels start so; 0 when there is none."""
    page = on_node("curl", "-s", "-m", "2", f"http://{LOCAL}:9254/metrics").stdout
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(text))


@pytest.fixture(name="node")
def _node():
    """A namespace that plays the node; the cluster's DNS and everybody else's is a stub."""
    lab.run("ip", "netns", "del", NODE)
    lab.run("ip", "netns", "add", NODE, check=True)
    lab.run("ip", "-n", NODE, "link", "set", "lo", "up", check=True)
    lab.run("ip", "-n", NODE, "addr", "add", f"{UPSTREAM}/32", "dev", "lo", check=True)
    try:
        with subprocess.Popen(["ip", "netns", "exec", NODE, sys.executable, str(STUB), UPSTREAM, "53"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as stub:
            yield
            stub.send_signal(signal.SIGTERM)
    finally:
        lab.run("ip", "netns", "del", NODE)


@pytest.fixture(name="start")
def _start(node, tmp_path):  # pylint: disable=unused-argument
    """Starts node-cache as kubespray does; what is still running in the end is stopped."""
    running = []

    def start(*words):
        command = ["ip", "netns", "exec", NODE, lab.BUILD / "cli" / "burst53", "-localip", LOCAL, "-conf", tmp_path / "Corefile",
                   "-basecorefile", BASE, "-upstreamsvc", "coredns", "-run-dir", tmp_path / "run", *words]
        with open(tmp_path / "log", "ab") as log:
            child = subprocess.Popen([str(w) for w in command], stdout=log, stderr=log,  # pylint: disable=consider-using-with
                                     env={**os.environ, "COREDNS_SERVICE_HOST": UPSTREAM, "STUB": UPSTREAM})
        running.append(child)
        lab.wait_for(lambda: on_node("curl", "-s", "-m", "1", f"http://{LOCAL}:9254/health").stdout == "OK"
                     and on_node("dig", f"@{LOCAL}", "www.example.net", "+tries=1", "+time=1").returncode == 0, 60)
        return child

    yield start
    for child in running:
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(60)


def test_walkthrough_7_kubesprays_arguments(start):
    child = start()
    text = listening()
    for place in (f"{LOCAL}:53", f"{LOCAL}:9254"):
        assert place in text
    assert LOCAL in on_node("ip", "addr").stdout
    assert_rules()
    first = on_node("dig", f"@{LOCAL}", "ttl300.cluster.local", "A", "+tries=1", "+time=2").stdout
    assert "status: NOERROR" in first
    misses = metric("coredns_cache_misses_total")
    assert metric("coredns_proxy_request_duration_seconds_count") > 0
    hits = metric("coredns_cache_hits_total")
    again = on_node("dig", f"@{LOCAL}", "ttl300.cluster.local", "A", "+tries=1", "+time=2").stdout
    assert "status: NOERROR" in again
    assert metric("coredns_cache_hits_total") == hits + 1
    assert metric("coredns_cache_misses_total") == misses > 0
    ends(child)
    assert_gone()


def test_cluster_names_go_over_tcp(start):
    start()
    with subprocess.Popen(["ip", "netns", "exec", NODE, "timeout", "6", "tcpdump", "-ni", "lo", "-c", "1", "tcp", "and", "dst", "host",
                           UPSTREAM, "and", "dst", "port", "53"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as dump:
        dump.stderr.readline()  # it listens
        time.sleep(0.2)
        assert "NOERROR" in on_node("dig", f"@{LOCAL}", "ttl77.cluster.local", "A", "+tries=1", "+time=2").stdout
        assert UPSTREAM in dump.communicate(timeout=10)[0]


def test_what_somebody_takes_away_is_made_again(start):
    start("-syncinterval", "1s")
    on_node("ip", "addr", "del", f"{LOCAL}/32", "dev", "lo")
    on_node("nft", "flush", "ruleset")
    lab.wait_for(lambda: LOCAL in on_node("ip", "addr").stdout and "burst53_nodelocal" in rules(), 10)
    page = lab.wait_for(lambda: on_node("curl", "-s", "-m", "2", "http://127.0.0.1:9353/metrics").stdout)
    assert 'coredns_nodecache_setup_errors_total{errortype="interface_check"} 1' in page


def test_skipteardown_leaves_link_and_rules_and_the_next_one_takes_them_over(start):
    ends(start("-skipteardown"))
    assert_rules()
    assert LOCAL in on_node("ip", "addr").stdout
    child = start()
    assert on_node("ip", "addr").stdout.count(f"inet {LOCAL}/") == 1
    assert rules().count("table inet burst53_nodelocal") == 1
    ends(child)
    assert_gone()


def test_what_a_killed_one_left_is_taken_over_and_removed_at_the_end(start):
    for _ in range(2):
        child = start()
        child.kill()
        child.wait(60)
        lab.wait_for(is_quiet, 60)  # its processes end with it
        assert_rules()
        assert LOCAL in on_node("ip", "addr").stdout
    child = start()
    assert_rules()
    assert on_node("ip", "addr").stdout.count(f"inet {LOCAL}/") == 1
    assert rules().count("table inet burst53_nodelocal") == 1
    ends(child)
    assert_gone()


def test_a_link_and_rules_of_somebody_else_are_left_alone(start):
    on_node("ip", "addr", "add", f"{LOCAL}/32", "dev", "lo")
    child = start("-setupinterface=false", "-setupiptables=false")
    assert "burst53_nodelocal" not in rules()
    assert "status: NOERROR" in on_node("dig", f"@{LOCAL}", "ttl300.cluster.local", "A", "+tries=1", "+time=2").stdout
    ends(child)
    assert LOCAL in on_node("ip", "addr").stdout
