# SPDX-License-Identifier: Apache-2.0
"""`log` and `errors`: the lines that CoreDNS writes, for queries that only a worker saw too (k8s:2.13, DESIGN 7)."""

import re
import subprocess
import time

import dns.flags
import dns.message
import pytest

import lab
import scrape

COREDNS = lab.TOP / "build" / "cluster" / "bin" / "coredns"
COREFILE = """.:53 {
    errors {
        consolidate 2s ".* i/o timeout$" warning
    }
    log . {combined}
    hosts {
        198.18.9.9 static.example
        fallthrough
    }
    prometheus :9153
    forward . 198.18.0.10:5300
    cache 30
}
example.org:53 {
    log example.org "{name} {type} of {remote} is {rcode}, {unknown} {/meta}" {
        class denial
    }
    log sub.example.org
    hosts {
        198.18.9.8 www.example.org
        198.18.9.8 www.sub.example.org
        fallthrough
    }
    forward . 198.18.0.10:5300
}
"""
PORT = re.compile(r"^(\[INFO\] \S+):\d+ - ")
TIME = re.compile(r" (\d+) (\d+(?:\.\d+)?)s( .*)?$")


def lines():
    """What stands in the lab's log as CoreDNS writes it."""
    return [line for line in lab.log().splitlines() if line.startswith("[")]


@pytest.fixture(scope="module", params=["own", "kernel"], name="logged")
def _logged(request, tmp_path_factory):
    """A lab that logs, and an upstream; what is logged up to then is not looked at."""
    corefile = tmp_path_factory.mktemp("log") / "Corefile"
    corefile.write_text(COREFILE, encoding="utf-8")
    lab.up(request.param, "--corefile", corefile)
    upstream = scrape.Upstream(5300)
    time.sleep(0.5)  # what the lab asked until it was up
    yield request.param, corefile
    upstream.close()
    lab.down()


QUESTIONS = [
    {"name": "static.example"},
    {"name": "STATIC.example", "want_dnssec": True},
    {"name": "static.example", "tcp": True, "use_edns": True, "payload": 4096},
    {"name": "www.outside.example"},
    {"name": "nx.outside.example", "kind": "AAAA", "flags": 0},
    {"name": "sf.outside.example", "kind": "TXT"},
    {"name": "nx.other.example", "kind": "TYPE4711"},
    {"name": "static.example", "use_edns": True, "payload": 100},
]


def new_lines(before, n):
    """The lines behind the first `before`, at least n of them."""
    return lab.wait_for(lambda: lines()[before:] if len(lines()) >= before + n else None, 3)


def normal(line):
    """Without what differs from one run to the next: the client's port, the time; and the size, which CoreDNS tells
    before names are compressed."""
    line = PORT.sub(r"\1:PORT - ", line)
    return TIME.sub(lambda m: f" SIZE TIME{m[3] or ''}", line)


@pytest.mark.skipif(not COREDNS.exists(), reason="needs the CoreDNS that scripts/setup builds")
def test_lines_are_those_of_coredns(logged, tmp_path):
    ours, theirs = [], []
    for i, question in enumerate(QUESTIONS):
        before = len(lines())
        scrape.ask(id=1000 + i, **question)
        ours.append(normal(new_lines(before, 1)[0]))
    corefile = tmp_path / "Corefile"
    corefile.write_text(COREFILE.replace("    prometheus :9153\n", ""), encoding="utf-8")
    with open(tmp_path / "log", "wb") as out:
        coredns = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("far"), str(COREDNS), "-conf", str(corefile)],
                                   stdout=out, stderr=subprocess.STDOUT)
    try:
        theirs = coredns_lines(tmp_path / "log")
    finally:
        coredns.terminate()
        coredns.wait(10)
    assert ours == theirs


def coredns_lines(path):
    """The same questions to CoreDNS, at a client's address that is the same."""
    lab.inside("far", "ip", "addr", "add", "198.18.0.53/32", "dev", "lo", check=True)
    found = []
    try:
        for i, question in enumerate(QUESTIONS):
            before = len(query_lines(path))
            lab.wait_for(lambda i=i, question=question: asked_far(i, question), 5)
            found.append(normal(lab.wait_for(lambda before=before: query_lines(path)[before:], 3)[0]))
    finally:
        lab.inside("far", "ip", "addr", "del", "198.18.0.53/32", "dev", "lo")
    return [line.replace("198.19.0.10", "198.18.0.10").replace("198.18.0.53:PORT", "198.18.0.10:PORT") for line in found]


def query_lines(path):
    """CoreDNS' lines about queries."""
    return [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
            if line.startswith("[INFO]") and '"' in line]


def asked_far(i, question):
    """Whether CoreDNS answered."""
    try:
        scrape.ask(id=1000 + i, role="far", **question)
        return True
    except OSError:
        return False


def test_zones_formats_and_classes_choose_the_line(logged):
    before = len(lines())
    scrape.ask("www.example.org")  # a success, of which example.org's log writes nothing
    scrape.ask("nx.example.org", kind="AAAA")
    scrape.ask("www.sub.example.org")  # the first log that holds the name counts
    found = new_lines(before, 1)
    time.sleep(0.2)
    assert lines()[before:] == found
    assert found == ["[INFO] nx.example.org. AAAA of 198.18.0.10 is NXDOMAIN, {unknown} -"]


def test_every_query_has_its_line(logged):
    before = len(lines())
    for i in range(200):
        scrape.ask("static.example", id=i)
    found = new_lines(before, 200)
    assert [int(re.search(r" - (\d+) ", line)[1]) for line in found] == list(range(200))


def all_told(before, metrics, result):
    """A scrape, once every query is logged or counted and the last second's line is there."""
    now = scrape.metrics()
    new = lines()[before:]
    left_out = now.total("burst53_log_left_out_total") - metrics.total("burst53_log_left_out_total")
    said = sum(int(re.search(r": (\d+) queries", line)[1]) for line in new if "left out" in line)
    logged_lines = sum(line.startswith("[INFO]") for line in new)
    return now if said == left_out and logged_lines + left_out >= result["right"] + result["wrong"] else None


def test_what_is_too_much_is_counted_and_said(logged):
    mode, _ = logged
    if mode == "kernel":
        pytest.skip("one thread per socket; the load is made for workers")
    before, metrics, start = len(lines()), scrape.metrics(), time.monotonic()
    result = lab.checker("--server", lab.SERVICE[4], "--seconds", 3, "--rate", 6000, lab.DATA / "checked.txt")
    seconds = time.monotonic() - start
    after = lab.wait_for(lambda: all_told(before, metrics, result))
    logged_lines = [line for line in lines()[before:] if line.startswith("[INFO]")]
    left_out = after.total("burst53_log_left_out_total") - metrics.total("burst53_log_left_out_total")
    assert result["right"] + result["wrong"] <= len(logged_lines) + left_out <= result["sent"]
    assert 1900 <= len(logged_lines) <= (seconds + 2) * 2000
    said = [int(re.search(r": (\d+) queries", line)[1]) for line in lines()[before:] if "left out" in line]
    assert sum(said) == left_out and 1 <= len(said) <= seconds + 3


def test_errors_are_told_and_consolidated(logged):
    lab.inside("cli", "nft", "add table inet quiet; add chain inet quiet in { type filter hook input priority 0; };"
               " add rule inet quiet in udp dport 5300 drop", check=True)
    try:
        before = len(lines())
        for i in range(3):
            scrape.ask(f"slow{i}.timeout.example", timeout=8)
        found = lab.wait_for(lambda: [line for line in lines()[before:] if "errors like" in line], 6)
    finally:
        lab.inside("cli", "nft", "delete table inet quiet")
    assert re.fullmatch(r"\[WARNING\] plugin/errors: [123] errors like '\.\* i/o timeout\$' occurred in last 2s", found[0])
