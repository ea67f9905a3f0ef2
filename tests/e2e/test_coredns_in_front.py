# SPDX-License-Identifier: Apache-2.0
"""CoreDNS with NodeLocal DNSCache's Corefile (force_tcp) in front of burst53: 5,000 questions a second, each another
name so that its cache never helps, and no connection fails (DESIGN 5)."""

import os
import re
import signal
import subprocess

import pytest

import lab

COREDNS = lab.TOP / "build" / "cluster" / "bin" / "coredns"
LOCAL = "198.18.0.10"
RATE = 5000
LONG = os.environ.get("B53_LONG") == "1"
SECONDS = 60 if LONG else 10


def nodelocal_corefile():
    """What NodeLocal DNSCache runs with (tests/data/corefiles), its addresses those of the lab."""
    text = (lab.TOP / "tests" / "data" / "corefiles" / "nodelocaldns.Corefile").read_text(encoding="utf-8")
    block = text[:text.index("in-addr.arpa:53")]  # the cluster's names
    changes = [("169.254.20.10 10.96.0.10", LOCAL), ("10.96.171.7", lab.SERVICE[4]), (r"    health .*\n", ""),
               (r"    prometheus .*\n", "    prometheus 127.0.0.1:9253\n"), (r"    loop\n", "")]
    for old, new in changes:
        assert re.search(old, block), old
        block = re.sub(old, new, block)
    assert "force_tcp" in block and "errors" in block
    return block


@pytest.fixture(name="coredns", params=["own", "kernel"])
def _coredns(request, tmp_path):
    """A running one on the client's side, in the modes that differ in TCP; its log."""
    if lab.current != request.param:
        lab.up(request.param)
    if not COREDNS.exists():
        pytest.skip("no CoreDNS (scripts/setup makes it)")
    conf, log = tmp_path / "Corefile", tmp_path / "log"
    conf.write_text(nodelocal_corefile(), encoding="utf-8")
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("cli"), str(COREDNS), "-conf", str(conf)],
                                   stdout=out, stderr=out)
    ready = ["dig", f"@{LOCAL}", "cluster.local", "SOA", "+tries=1", "+time=1"]
    lab.wait_for(lambda: "status: NOERROR" in lab.inside("cli", *ready).stdout, 10)
    yield log
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def kernel_counts():
    """What CoreDNS' kernel counts: connections to burst53 that were reset or not taken; questions that CoreDNS' own
    socket had no room for."""
    names = ("TcpAttemptFails", "TcpEstabResets", "TcpExtTCPAbortOnTimeout", "UdpRcvbufErrors")
    text = lab.inside("cli", "nstat", "-az", *names).stdout
    found = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith(names)}
    return [found[name] for name in names[:3]], found["UdpRcvbufErrors"]


def test_no_connection_fails(coredns, tmp_path):
    questions = tmp_path / "questions"
    names = (f"10-{n >> 16}-{n >> 8 & 255}-{n & 255}.default.pod.cluster.local A\n" for n in range(RATE * SECONDS + 5000))
    questions.write_text("".join(names), encoding="utf-8")
    before, start = kernel_counts(), coredns.stat().st_size
    done = lab.inside("cli", "dnsperf", "-s", LOCAL, "-d", questions, "-Q", RATE, "-l", SECONDS, "-q", 500, "-c", 4,
                      timeout=SECONDS + 120)
    sent, lost = (int(re.search(rf"Queries {word}: +(\d+)", done.stdout).group(1)) for word in ("completed", "lost"))
    codes = re.search(r"Response codes: +(.*)", done.stdout).group(1)
    after = kernel_counts()
    print(f"\n{sent} answered, {lost} lost of which {after[1] - before[1]} before CoreDNS, {codes}")
    assert sent >= (0.9 if LONG else 0.1) * RATE * SECONDS and lost <= after[1] - before[1]
    assert codes == f"NOERROR {sent} (100.00%)"
    with coredns.open(encoding="utf-8") as log:
        log.seek(start)
        assert "ERROR" not in log.read()
    assert after[0] == before[0]
