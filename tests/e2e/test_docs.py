# SPDX-License-Identifier: Apache-2.0
"""Commands in the documents work, and the metrics they name are there."""

import os
import re

import pytest

import documents
import lab

COREFILE = """.:53 {
    errors
    health 198.18.0.1:8080
    ready 198.18.0.1:8181
    prometheus 198.18.0.1:9153
    kubernetes cluster.local in-addr.arpa ip6.arpa
    hosts {
        192.0.2.1 static.example
        fallthrough
    }
    forward . 198.18.0.10
    cache 30
    reload
}
"""
COMMANDS_OF_AN_INSTANCE = "status query dump history drain reload top"


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory):
    """A lab, and a folder with a Corefile and a burst53 that finds the lab's instance."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "Corefile").write_text(COREFILE, encoding="utf-8")
    script = (f'#!/bin/sh\ncommand=$1\nshift\ncase " {COMMANDS_OF_AN_INSTANCE} " in *" $command "*) '
              f'set -- "$@" --run-dir {lab.RUN_DIR} ;; esac\nexec {lab.BUILD}/cli/burst53 "$command" "$@"\n')
    (folder / "burst53").write_text(script, encoding="utf-8")
    (folder / "burst53").chmod(0o755)
    lab.up("own", "--corefile", folder / "Corefile")
    lab.wait_for(lambda: lab.run(folder / "burst53", "status").returncode == 0)
    yield folder
    lab.down()


@pytest.mark.parametrize("where, text", documents.blocks(lab.TOP, "lab"), ids=lambda value: value.split("\n")[0][:30])
def test_a_block_of_the_documents_runs(where, text, served):
    path = f"{served}:{os.environ['PATH']}"
    commands = text.replace("dig @", f"ip netns exec {lab.netns_name('cli')} dig @")
    done = lab.run("bash", "-euc", commands, cwd=served, env={**os.environ, "PATH": path})
    assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"
    assert done.stdout.strip()


def numbers(row):
    """Of a row of a table."""
    return [float(n) for n in re.findall(r"\d+(?:\.\d+)?", row)]


def test_the_arithmetic_of_a_fleet_is_right():
    """Each row of docs/operations.md is the measured one in proportion, and that is the one of docs/nodes.md."""
    text = (lab.TOP / "docs" / "operations.md").read_text(encoding="utf-8").split("<!-- table: fleet -->")[1].split("\n\n")[1]
    rows = [numbers(line) for line in text.splitlines()[2:]]
    nodes = (lab.TOP / "docs" / "nodes.md").read_text(encoding="utf-8")
    count, watches, synced, sent, cpu, _, change, _, again, last = numbers(re.search(r"^\| 50 \| .*$", nodes, re.M)[0])
    measured = [count, watches, synced, sent, cpu, change, again, last]
    assert [row[0] for row in rows] == [50, 100, 250, 500]
    for row in rows:
        for told, one in zip(row, measured):
            assert told == pytest.approx(one * row[0] / count, rel=0.015), row


def test_there_are_blocks_to_run():
    assert len(documents.blocks(lab.TOP, "lab")) >= 2
    assert len(documents.blocks(lab.TOP, "kubectl")) >= 1


def test_every_metric_of_the_documents_is_served(served):
    assert lab.dig("www.example.net", "A")[0] is not None
    text = lab.inside("srv", "curl", "--silent", "--max-time", "3", "http://198.18.0.1:9153/metrics").stdout
    there = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    missing = documents.metrics(lab.TOP) - there
    assert len(there) > 50 and not missing, missing
