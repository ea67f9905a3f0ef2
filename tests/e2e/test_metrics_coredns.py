# SPDX-License-Identifier: Apache-2.0
"""/metrics beside CoreDNS' own, with one Corefile and the same questions: names, types, labels and buckets are equal, and
so are the numbers that do not depend on time."""

import re
import subprocess

import pytest

import lab
import scrape

COREDNS = lab.TOP / "build" / "cluster" / "bin" / "coredns"
COREFILE = """static.example:53 {
    hosts {
        198.18.9.9 static.example
    }
    prometheus :9153
}
.:53 {
    errors
    health
    prometheus :9153
    forward . 198.18.0.10:5300
    cache 30
    reload
}
"""
QUESTIONS = [
    (5, {"name": "static.example"}), (3, {"name": "static.example", "kind": "AAAA"}),
    (4, {"name": "one.example"}), (2, {"name": "one.example", "want_dnssec": True}), (6, {"name": "nx.example"}),
    (2, {"name": "static.example", "tcp": True}), (3, {"name": "two.example", "kind": "TYPE4711"}),
]
pytestmark = pytest.mark.skipif(not COREDNS.exists(), reason="needs the CoreDNS that scripts/setup builds")

# What CoreDNS counts and burst53 has no like of.
NOT_HERE = {
    "coredns_dns_https_responses_total", "coredns_dns_https3_responses_total", "coredns_dns_quic_responses_total",
}
# Numbers that must be equal, by the labels that they are added up by.
EQUAL = {
    "coredns_dns_requests_total": ("server", "zone", "view", "proto", "family", "type"),
    "coredns_dns_responses_total": ("server", "zone", "view", "rcode"),
    "coredns_dns_do_requests_total": ("server", "zone", "view"),
    "coredns_dns_request_duration_seconds_count": ("server", "zone", "view"),
    "coredns_dns_request_size_bytes_count": ("server", "zone", "view", "proto"),
    "coredns_dns_response_size_bytes_count": ("server", "zone", "view", "proto"),
    "coredns_dns_request_size_bytes_sum": ("server", "zone", "view", "proto"),
    "coredns_cache_hits_total": ("server", "type", "zones", "view"),
    "coredns_cache_requests_total": ("server", "zones", "view"),
    "coredns_cache_misses_total": ("server", "zones", "view"),
    "coredns_cache_entries": ("server", "type", "zones", "view"),
    "coredns_proxy_request_duration_seconds_count": ("proxy_name", "to", "rcode"),
}


class Scrape(scrape.Metrics):
    """A scrape with its types."""

    def types(self):
        """Type by family."""
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", self.text, re.M))

    def labels(self, family):
        """The sets of label names of a family, without le."""
        names = {family, family + "_bucket"}
        return {tuple(sorted(set(labels) - {"le"})) for n, labels, _ in self.samples if n in names}

    def bounds(self, family):
        """Upper bounds of a histogram."""
        return {float(labels["le"]) for n, labels, _ in self.samples if n == family + "_bucket"}

    def sums(self, name, by):
        """Numbers by labels, without zeros."""
        found = {}
        for n, labels, value in self.samples:
            if n == name:
                key = tuple(labels.get(label) for label in by)
                found[key] = found.get(key, 0) + value
        return {key: value for key, value in found.items() if value}


def get(role):
    """A scrape of whoever listens in a namespace."""
    done = lab.inside(role, "curl", "-sf", "http://127.0.0.1:9153/metrics")
    return Scrape(done.stdout) if done.returncode == 0 else None


def ask_all(role):
    """The questions, so often."""
    for times, question in QUESTIONS:
        for _ in range(times):
            scrape.ask(role=role, **question)


def difference(before, after, name, by):
    """How numbers grew."""
    first = before.sums(name, by)
    return {k: v - first.get(k, 0) for k, v in after.sums(name, by).items() if v != first.get(k, 0)}


@pytest.fixture(scope="module", name="scrapes")
def _scrapes(tmp_path_factory):
    """(ours before, ours after, theirs before, theirs after)"""
    folder = tmp_path_factory.mktemp("coredns")
    corefile = folder / "Corefile"
    corefile.write_text(COREFILE, encoding="utf-8")
    lab.up("own", "--corefile", corefile)
    upstream = scrape.Upstream(5300)
    lab.inside("far", "ip", "addr", "add", "198.18.0.53/32", "dev", "lo", check=True)
    with open(folder / "log", "wb") as out:
        coredns = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("far"), str(COREDNS), "-conf", str(corefile)],
                                   stdout=out, stderr=subprocess.STDOUT)
    try:
        lab.wait_for(lambda: get("far"), 10)
        found = []
        for role, client in (("srv", "cli"), ("far", "far")):
            found.append(get(role))
            ask_all(client)
            found.append(get(role))
        yield found
    finally:
        coredns.terminate()
        coredns.wait(10)
        upstream.close()
        lab.down()


def test_every_family_is_there_with_its_type(scrapes):
    ours, theirs = scrapes[1].types(), scrapes[3].types()
    families = {name for name in theirs if name.startswith("coredns_")} - NOT_HERE
    assert len(families) > 20
    wrong = {name: (theirs[name], ours.get(name)) for name in families if theirs[name] != ours.get(name)}
    assert not wrong


def test_labels_and_buckets_are_equal(scrapes):
    ours, theirs = scrapes[1], scrapes[3]
    wrong = {}
    for name, kind in theirs.types().items():
        if not name.startswith("coredns_") or name in NOT_HERE or not theirs.labels(name):
            continue
        if ours.labels(name) != theirs.labels(name):
            wrong[name] = (ours.labels(name), theirs.labels(name))
        if kind == "histogram" and ours.bounds(name) != theirs.bounds(name):
            wrong[name + " buckets"] = (ours.bounds(name), theirs.bounds(name))
    assert not wrong


@pytest.mark.parametrize("name", EQUAL)
def test_numbers_are_equal(scrapes, name):
    by = EQUAL[name]
    ours, theirs = difference(*scrapes[:2], name, by), difference(*scrapes[2:], name, by)
    assert ours == theirs and ours
