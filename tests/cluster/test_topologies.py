# SPDX-License-Identifier: Apache-2.0
"""The four topologies of docs/migration.md: a real API server takes every manifest they name, and their addresses are
the announced ones."""

import re
import subprocess

import pytest
import yaml

import lab
import tools

ANYCAST = tools.TOP / "deploy" / "anycast"
ROWS = ["source address seen", "DNAT, connection tracking", "`autopath @kubernetes`", "policies to change", "return route",
        "who removes a dead node", "rollback"]


def topologies():
    """Text of each, by its title."""
    text = (tools.TOP / "docs" / "migration.md").read_text(encoding="utf-8")
    parts = re.split(r"^### (\d\. .*)$", text.split("## Four topologies\n")[1].split("\n## ")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def manifests(text):
    """Files that it applies or names."""
    return sorted(set(re.findall(r"deploy/[\w/.-]+\.yaml", text)))


TEXTS = topologies()


@pytest.mark.parametrize("title", TEXTS)
def test_the_api_server_takes_what_it_names(cluster, title):
    files = manifests(TEXTS[title])
    assert files
    for file in files:
        text = (tools.TOP / file).read_text(encoding="utf-8")
        told = cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
        assert told.count("(server dry run)") == len([d for d in yaml.safe_load_all(text) if d]), told


def test_there_are_four_and_each_has_all_rows():
    assert [title[:2] for title in TEXTS] == ["1.", "2.", "3.", "4."]
    for title, text in TEXTS.items():
        rows = re.findall(r"^\| (?!\|)([^|]+?) \| [^|]{4,} \|$", text, re.M)
        assert rows == ROWS, title


def load(name):
    return yaml.safe_load((ANYCAST / name).read_text(encoding="utf-8"))


def test_every_example_has_the_addresses_that_are_announced(tmp_path):
    announced = sorted(re.findall(r"^\s*route ([0-9a-f:.]+)/(?:32|128)\b", (ANYCAST / "bird.conf").read_text(encoding="ascii"), re.M))
    assert len(announced) == 2
    assert sorted(load("kubelet.conf")["clusterDNS"]) == announced
    assert sorted(load("trial.yaml")["spec"]["dnsConfig"]["nameservers"]) == announced
    blocks = load("policy.yaml")["spec"]["egress"][0]["to"]
    assert sorted(b["ipBlock"]["cidr"].split("/")[0] for b in blocks) == announced
    assert load("kube-dns-slice.yaml")["endpoints"][0]["addresses"] == [a for a in announced if ":" not in a]
    corefile = tmp_path / "Corefile"
    corefile.write_text(load("node-local-dns.yaml")["data"]["Corefile"], encoding="utf-8")
    for line in re.findall(r"forward \. (.*)", corefile.read_text(encoding="utf-8")):
        assert sorted(line.split()) == announced
    done = subprocess.run([lab.BUILD / "cli" / "burst53", "check", "--no-files", corefile], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
