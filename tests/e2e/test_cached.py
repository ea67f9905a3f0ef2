# SPDX-License-Identifier: Apache-2.0
"""Outside names over the wire: forwarded by the slow path, then answered by the workers (DESIGN 4)."""

import signal
import socket
import subprocess
import sys
import time

import dns.message
import dns.rcode
import pytest

import lab

STUB = lab.TOP / "tests" / "tools" / "stub_upstream.py"


@pytest.fixture(name="corefile", scope="module")
def _corefile(tmp_path_factory):
    """A Corefile that a test may change."""
    path = tmp_path_factory.mktemp("cached") / "Corefile"
    path.write_text((lab.DATA / "forward.Corefile").read_text(encoding="utf-8"), encoding="utf-8")
    return path


@pytest.fixture(name="outside", scope="module")
def _outside(corefile):
    """A lab with an upstream; its process."""
    lab.up("own", "--corefile", corefile)
    with subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), sys.executable, str(STUB)],
                          stderr=subprocess.DEVNULL) as stub:
        lab.wait_for(lambda: lab.dig("www.example.net")[0] == "NOERROR")
        yield stub
        stub.send_signal(signal.SIGTERM)
    lab.down()


def hits():
    """Outside answers that workers gave themselves."""
    return sum(w["cached"] for w in lab.status()["workers"])


def ttl(name, *words):
    """The TTL of the first answer."""
    out = lab.inside("cli", "dig", f"@{lab.SERVICE[4]}", name, "A", "+noall", "+answer", "+tries=1", "+time=1", *words).stdout
    return int(out.split()[1])


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name, kind, rcode", [("www.example.net", "A", "NOERROR"), ("alias.example.net", "AAAA", "NOERROR"),
                                               ("no-such.example.net", "A", "NXDOMAIN"), ("www.example.net", "TXT", "NOERROR")])
def test_the_third_question_is_answered_by_a_worker(outside, name, kind, rcode, family):
    assert outside.poll() is None
    first = lab.dig(name, kind, family=family)
    assert first[0] == rcode
    lab.dig(name, kind, family=family)
    lab.wait_for(lambda: lab.dig(name, kind, family=family) and hits() > 0)
    before = hits()
    for words in (["+noedns"], ["+bufsize=4096"], ["+cookie"]):
        again = lab.dig(name, kind, *words, family=family)
        assert (again[0], again[2]) == (first[0], first[2])
        assert "aa" not in again[1].split() and "ra" in again[1].split()
    assert hits() >= before + 3


def test_the_slow_path_is_not_needed_for_what_workers_hold_and_ttls_count_down(outside):
    assert outside.poll() is None
    name = "ttl300.example.net"
    for _ in range(3):
        lab.dig(name)
    lab.kill("slowpath", signal.SIGSTOP)
    try:
        first, start = ttl(name), time.monotonic()
        seen = [first]
        while time.monotonic() < start + 3.2:
            seen.append(ttl(name))
            time.sleep(0.2)
    finally:
        lab.kill("slowpath", signal.SIGCONT)
    assert all(a >= b for a, b in zip(seen, seen[1:])), seen
    assert seen[0] - seen[-1] in (3, 4), seen


def test_another_corefile_never_meets_an_old_answer(outside, corefile):
    assert outside.poll() is None
    name = "ttl200.example.net"
    for _ in range(4):
        assert lab.dig(name)[0] == "NOERROR"
    text = corefile.read_text(encoding="utf-8")
    corefile.write_text(text.replace(":5399", ":5398"), encoding="utf-8")  # nobody is there
    lab.kill("supervisor", signal.SIGUSR1)
    lab.wait_for(lambda: lab.dig(name, "A", "+time=6")[0] == "SERVFAIL", 20)
    corefile.write_text(text, encoding="utf-8")
    lab.kill("supervisor", signal.SIGUSR1)
    lab.wait_for(lambda: lab.dig(name)[0] == "NOERROR", 20)


CLUSTER = "kubernetes.default.svc.cluster.local"


def test_what_an_upstream_says_of_cluster_names_has_no_effect(outside):
    """rel:P10: neither on workers, nor on the slow path, nor on TCP."""
    assert outside.poll() is None
    before = lab.dig(CLUSTER)
    assert before[0] == "NOERROR"
    for _ in range(4):  # forwarded, kept, shared with the workers
        assert lab.dig("evil.example.net")[0] == "NOERROR"
    for words in ([], ["+tcp"], ["+cd"], ["+dnssec"]):
        for name in (CLUSTER, CLUSTER.upper()):
            again = lab.dig(name, "A", *words)
            assert again[0] == "NOERROR" and "6.6.6.6" not in str(again[2])
            assert "aa" in again[1].split()
    assert lab.dig(CLUSTER)[2] == before[2]
    assert lab.dig("cluster.local", "NS")[2] == lab.dig("cluster.local", "NS", "+tcp")[2]


def test_cluster_names_do_not_wait_for_upstreams_that_are_silent(outside):
    """rel:P7: hundreds of questions wait for the upstream while each cluster name is answered by a worker, and over TCP."""
    outside.send_signal(signal.SIGSTOP)
    try:
        with lab.netns("cli"):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # all come at once
        with sock:
            for n in range(400):
                sock.sendto(dns.message.make_query(f"ttl60.n{n}.example.net.", "A", id=n).to_wire(), (lab.SERVICE[4], 53))
            answered = [lab.dig(CLUSTER, "A", *words, "+tries=1", "+time=5")[0] for words in ([], ["+tcp"]) for _ in range(10)]
            sock.settimeout(60)
            rcodes = {dns.message.from_wire(sock.recv(4096)).rcode() for _ in range(400)}
        assert answered == ["NOERROR"] * 20
        assert rcodes == {dns.rcode.SERVFAIL}  # and none is lost
    finally:
        outside.send_signal(signal.SIGCONT)
    lab.wait_for(lambda: lab.dig("www.again.example.net")[0] == "NOERROR", 60)
