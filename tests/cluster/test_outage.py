# SPDX-License-Identifier: Apache-2.0
"""The API server goes away and comes back, over a DPDK port: no answer changes meanwhile, even if every part dies; other
data on the same address are found and converged to."""

import os
import time

import fixtures
import lab
import pytest
from asking import Asker
from conftest import HERE, MODES
from handle import Cluster

LONG = os.environ.get("B53_LONG") == "1"
AWAY_S = 30 if LONG else 10
CONFIRM_S = 10  # control confirms a list that lost this many objects (kube_timing_default)
MANY = 150
SPACE = "default"
ZONE = f"{SPACE}.svc.cluster.local."


@pytest.fixture(name="cluster", scope="module")
def _cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("outage") / "run").up("--no-controllers")
    yield cluster
    cluster.down()


@pytest.fixture(name="served", scope="module", params=MODES)
def _served(request, cluster):
    lab.up(request.param, "--corefile", HERE / "live.Corefile", "--kubeconfig", cluster.ours)
    yield cluster
    lab.down()


@pytest.fixture(name="asker")
def _asker(served):
    del served
    return Asker(lab.SERVICE[4], lab.netns_name("cli"))


@pytest.fixture(name="questions")
def _questions(served, asker, tmp_path):
    """MANY services; the checker's file with each one's address."""
    made = served.kube.bulk(served.kube.apply, [fixtures.service(SPACE, f"known-{i}", [fixtures.port("http", 80)])
                                                for i in range(MANY)])
    lines = [f"{obj['metadata']['name']}.{ZONE} A NOERROR {obj['spec']['clusterIP']}" for obj in made]
    for obj in made:
        asker.wait_data(f"{obj['metadata']['name']}.{ZONE}", "A", [obj["spec"]["clusterIP"]])
    path = tmp_path / "checked.txt"
    path.write_text("\n".join(lines) + f"\nnothing.{ZONE} A NXDOMAIN\n", encoding="utf-8")
    return path


def check(seconds, questions):
    """2,000 checked questions a second: none lost, none wrong."""
    result = lab.checker("--seconds", seconds, questions)
    assert (result["lost"], result["wrong"], result["stray"]) == (0, 0, 0), result
    assert result["sent"] >= 1990 * seconds, result
    return result


def test_the_api_away_changes_no_answer_and_other_data_are_found(served, asker, questions):
    served.script("stop-api", "--kill")
    result = check(AWAY_S, questions)
    print(f"API away for {AWAY_S} s: {result['sent']} questions, {result['lost']} lost, {result['wrong']} wrong")
    for part in [part for part, pid in lab.pids().items() if pid and part not in ("supervisor", "control")]:
        lab.kill(part)
        took = asker.wait(f"known-3.{ZONE}", "A", lambda reply: reply.rcode == "NOERROR", 5)
        print(f"{part} killed without an API: answers after {took:.2f} s")
        check(1, questions)
    served.script("start-api", "--wipe")
    back = time.monotonic()
    address = served.create_soon(fixtures.service(SPACE, "reborn", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
    # All but a few objects are gone: control takes that for true when a second list says so.
    asker.wait_data(f"reborn.{ZONE}", "A", [address], 20 + CONFIRM_S)
    asker.wait_rcode(f"known-3.{ZONE}", "A", "NXDOMAIN", 20)
    print(f"other data: converged {time.monotonic() - back:.1f} s after the API server was ready")
    assert asker.ask("kubernetes.default.svc.cluster.local.").data("A") == {"10.96.0.1"}
    address = served.kube.create(fixtures.service(SPACE, "next", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
    assert asker.wait_data(f"next.{ZONE}", "A", [address], 5) < 1


def test_a_control_that_starts_without_an_api_and_then_finds_the_same_data_changes_nothing(served, asker, questions):
    generation = lab.status()["control"]["generation"]
    served.script("stop-api")
    lab.kill("control")
    check(2, questions)
    served.script("start-api")
    address = served.create_soon(fixtures.service(SPACE, "again", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
    took = asker.wait_data(f"again.{ZONE}", "A", [address], 30)
    print(f"the same data: followed again {took:.1f} s after the API server was ready")
    check(1, questions)
    assert lab.status()["control"]["generation"] - generation < 10, "what did not change is not published again"
