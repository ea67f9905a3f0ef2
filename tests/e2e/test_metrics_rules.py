# SPDX-License-Identifier: Apache-2.0
"""What single directives count: equal to CoreDNS' numbers where it has them, lines that send queries to the slow path, and
the warnings of `burst53 status` that come of it."""

import contextlib
import subprocess

import dns.exception
import pytest

import lab
import scrape
from test_metrics_coredns import COREDNS, difference, get

COREFILE = """.:53 {
    prometheus :9153
    local
    dns64 {
        allow_ipv4
    }
    acl blocked.example {
        block
    }
    acl filtered.example {
        filter
    }
    acl dropped.example {
        drop
    }
    template IN A made.example {
        match ^a
        answer "{{ .Name }} 60 IN A 192.0.2.1"
        fallthrough
    }
    template IN A bad.example {
        answer "{{ .Name }} 60 IN A nowhere"
    }
    template IN A worse.example {
        answer "{{ index .Match 9 }}"
    }
    forward . 198.18.0.10:5300
}
"""
QUESTIONS = [
    (3, "a.made.example", "A"), (2, "b.made.example", "A"), (1, "a.bad.example", "A"), (2, "x.worse.example", "A"),
    (2, "a.blocked.example", "A"), (1, "b.blocked.example", "MX"), (2, "filtered.example", "A"), (1, "dropped.example", "A"),
    (2, "localhost.example", "A"), (1, "localhost", "A"), (2, "www.example", "AAAA"), (3, "www.example", "A"),
]
EQUAL = {
    "coredns_template_matches_total": ("server", "zone", "view", "class", "type"),
    "coredns_template_template_failures_total": ("server", "zone", "view", "class", "type", "section"),
    "coredns_template_rr_failures_total": ("server", "zone", "view", "class", "type", "section"),
    "coredns_acl_blocked_requests_total": ("server", "zone", "view"),
    "coredns_acl_filtered_requests_total": ("server", "zone", "view"),
    "coredns_acl_dropped_requests_total": ("server", "zone", "view"),
    "coredns_dns64_requests_translated_total": ("server",),
    "coredns_local_localhost_requests_total": (),
}
AUTOPATH = """.:53 {
    prometheus :9153
    kubernetes cluster.local {
        pods verified
    }
    autopath @kubernetes
}
"""


ACL = """.:53 {
    prometheus :9153
    acl {
        allow type A net 198.18.0.0/15 127.0.0.0/8
        block type MX
    }
    acl part.example {
        filter type TXT
    }
    forward . 198.18.0.10:5300
}
"""
ACL_QUESTIONS = [(3, "a.example", "A"), (2, "a.example", "MX"), (1, "part.example", "TXT"), (4, "part.example", "AAAA"), (2, "b.example", "TXT")]


def ask_all(role, questions):
    for times, name, kind in questions:
        for _ in range(times):
            with contextlib.suppress(dns.exception.Timeout, TimeoutError):
                scrape.ask(name, kind, role=role, timeout=1 if name.startswith("dropped") else 20)


@contextlib.contextmanager
def asked(folder, text, questions):
    """(ours before, ours after, theirs before, theirs after)"""
    corefile = folder / "Corefile"
    corefile.write_text(text, encoding="utf-8")
    lab.up("own", "--corefile", corefile)
    upstream = scrape.Upstream(5300)
    lab.inside("far", "ip", "addr", "add", "198.18.0.53/32", "dev", "lo", check=True)
    with open(folder / "log", "wb") as out:
        coredns = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("far"), str(COREDNS), "-conf", str(corefile)],
                                   stdout=out, stderr=subprocess.STDOUT)
    try:
        lab.wait_for(lambda: get("far"), 60)
        found = []
        for role, client in (("srv", "cli"), ("far", "far")):
            found.append(get(role))
            ask_all(client, questions)
            found.append(get(role))
        yield found
    finally:
        coredns.terminate()
        coredns.wait(60)
        upstream.close()
        lab.down()


@pytest.fixture(scope="module", name="scrapes")
def _scrapes(tmp_path_factory):
    with asked(tmp_path_factory.mktemp("coredns"), COREFILE, QUESTIONS) as found:
        yield found


@pytest.mark.skipif(not COREDNS.exists(), reason="needs the CoreDNS that scripts/setup builds")
@pytest.mark.parametrize("name", EQUAL)
def test_numbers_are_those_of_coredns(scrapes, name):
    by = EQUAL[name]
    ours, theirs = difference(*scrapes[:2], name, by), difference(*scrapes[2:], name, by)
    assert ours == theirs and ours


@pytest.mark.skipif(not COREDNS.exists(), reason="needs the CoreDNS that scripts/setup builds")
def test_what_acl_lets_pass_is_counted(tmp_path):
    with asked(tmp_path, ACL, ACL_QUESTIONS) as found:
        name, by = "coredns_acl_allowed_requests_total", ("server", "view")
        ours, theirs = difference(*found[:2], name, by), difference(*found[2:], name, by)
    assert ours == theirs == {("dns://:53", ""): 9}


@pytest.mark.parametrize("mode", ["own", "kernel"])
def test_each_line_counts_what_it_sends_to_the_slow_path(mode, tmp_path):
    (tmp_path / "Corefile").write_text(
        ".:53 {\n prometheus :9153\n rewrite name exact old.example new.example\n template IN A made.example {\n"
        "  answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n }\n forward . 198.18.0.10:5300\n}\n", encoding="utf-8")
    lab.up(mode, "--corefile", tmp_path / "Corefile")
    upstream = scrape.Upstream(5300)
    try:
        before = get("srv")
        for name, times in (("old.example", 3), ("x.made.example", 2), ("www.example", 4)):
            for _ in range(times):
                scrape.ask(name, timeout=20)
        grown = difference(before, get("srv"), "burst53_rule_punts_total", ("zone", "directive", "line"))
    finally:
        upstream.close()
        lab.down()
    assert grown == {(".", "rewrite", "3"): 3, (".", "template", "4"): 2, (".", "forward", "7"): 4}


def test_autopath_for_clients_that_are_no_pods_is_told(tmp_path):
    (tmp_path / "Corefile").write_text(AUTOPATH, encoding="utf-8")
    lab.up("own", "--corefile", tmp_path / "Corefile")
    try:
        before = get("srv")
        for _ in range(3):
            scrape.ask("x.default.svc.cluster.local", timeout=20)
        after = get("srv")
        assert difference(before, after, "burst53_autopath_strangers_total", ("server",)) == {("dns://:53",): 3}
        assert after.total("burst53_autopath_pods_total") == 0
        assert [w["about"] for w in lab.status()["warnings"]] == ["autopath"]
        done = lab.run("promtool", "check", "metrics", input=after.text)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    finally:
        lab.down()
