# SPDX-License-Identifier: Apache-2.0
"""burst53 compare between the real CoreDNS and burst53 on kernel sockets: the go of a migration, and a no go."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "cli"))

from played import BURST53, Instance, free_port  # noqa: E402  pylint: disable=wrong-import-position

COREDNS = TOP / "build" / "cluster" / "bin" / "coredns"
FIXTURE = TOP / "tests" / "data" / "conformance" / "fixture.json"
NAMES = """\
WEB.default.svc.cluster.local A
svc1.TESTNS.svc.cluster.local A AAAA SRV ANY AXFR TYPE65
x.10-0-0-1.testns.pod.cluster.local A
1-2-3-4.testns.pod.cluster.local A AAAA SRV
Cluster.local NS SOA
201.0.96.10.in-addr.arpa PTR
missing.testns.svc.cluster.local SOA A
svc.cluster.local TXT
www.example.org A
"""


class Pair:
    """One cluster, two servers."""

    def __init__(self, folder):
        self.burst53 = Instance(folder, "pods insecure\n  ttl 30")
        for resource, objects in json.loads(FIXTURE.read_text(encoding="utf-8")).items():
            for obj in objects if resource != "serviceimports" else ():
                self.burst53.api.put(resource, obj)
        self.port = free_port()
        self.log = folder / "coredns.log"
        self.conf = folder / "coredns.Corefile"
        self.child = None

    def start(self, more, options="pods insecure\n  ttl 30"):
        """Starts CoreDNS with more plugins than burst53's Corefile has."""
        self.conf.write_text(self.burst53.corefile(self.port, options, "log\n " + more), encoding="utf-8")
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([str(COREDNS), "-conf", str(self.conf)], stdout=log, stderr=log,
                                          env={**os.environ, "no_proxy": "*"})
        for port in (self.port, self.burst53.port):  # both have read everything when the last service is there
            self.burst53.until(lambda port=port: self.has_last(port), 60)

    @staticmethod
    def has_last(port):
        """Whether a server knows the last service of the fixture."""
        query = dns.message.make_query("zn.testns.svc.cluster.local", "A")
        try:
            return dns.query.udp(query, "127.0.0.1", timeout=1, port=port).rcode() == 0
        except (OSError, dns.exception.Timeout):
            return False

    def compare(self, *words, **more):
        """A comparison."""
        return subprocess.run([str(w) for w in (
            BURST53, "compare", "--a", f"127.0.0.1:{self.port}", "--b", f"127.0.0.1:{self.burst53.port}", "--qps", 5000,
            "--run-dir", self.burst53.run_dir, *words)], capture_output=True, text=True, check=False, timeout=300, **more)

    def quirks(self, *words, **more):
        """The quirks of a comparison that ends with go, or would if no question had been left out."""
        done = self.compare(*words, "--json", **more)
        doc = json.loads(done.stdout)
        assert done.returncode == (doc["not_asked"] > 0), done.stdout[-4000:] + done.stderr
        assert doc["unexplained"] == 0 and doc["silent"] == 0
        return doc["asked"], {row["quirk"] for row in doc["quirks"]}

    def close(self):
        """Ends both."""
        if self.child:
            self.child.terminate()
            self.child.wait(20)
        self.burst53.close()


@pytest.fixture(name="pair")
def _pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def test_all_names_are_go_with_and_without_edns_and_over_tcp(pair):
    pair.start("")
    asked, quirks = pair.quirks("live")
    assert asked > 3000 and quirks <= {"25"}
    assert pair.quirks("live", "--tcp")[1] == set()
    assert pair.quirks("live", "--edns", "4096")[1] <= {"20"}
    assert pair.quirks("live", "--types", "SOA,NS,TXT,PTR,ANY,HTTPS", "--limit", "8000")[1] == {"1"}
    assert pair.quirks("--names", "-", input=NAMES)[1] == {"1", "2", "6", "7", "8"}
    # What CoreDNS has written to its log meanwhile asks the same again.
    assert pair.quirks("--log", pair.log)[1] == {"1", "2", "6", "7", "8", "25"}


def test_a_cache_in_front_of_coredns_is_explained(pair):
    pair.start("cache 30")
    pair.quirks("live")
    pair.burst53.until(lambda: "27" in pair.quirks("live", "--limit", "300")[1], 20)


def test_another_ttl_is_no_go(pair):
    pair.start("", "pods insecure\n  ttl 60")
    done = pair.compare("live", "--show", "50", "--limit", "50", "--wait", "300")
    assert done.returncode == 1 and done.stdout.endswith("no go\n") and "ttl: A 60, B 30" in done.stdout
