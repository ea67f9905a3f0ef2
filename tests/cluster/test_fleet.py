# SPDX-License-Identifier: Apache-2.0
"""What a fleet costs the API server: N control processes start in the same moment, follow changes, and survive a
restart of the server. The table of docs/nodes.md is what this prints with B53_LONG=1."""

import concurrent.futures
import os
import time

import pytest

import fixtures
import lab
from conftest import HERE
from fleet import Fleet, changed, read_api
from handle import Cluster

SIZES = (1, 10, 50) if os.environ.get("B53_LONG") == "1" else (1, 10)
SERVICES, ENDPOINTS = 1000, 5000
CHANGES = 50


@pytest.fixture(scope="module", name="plain")
def _plain(tmp_path_factory):
    """A server without controllers: nothing but the fleet speaks to it."""
    cluster = Cluster(tmp_path_factory.mktemp("fleet") / "run").up("--no-controllers")
    cluster.script("load", "--services", SERVICES, "--endpoints", ENDPOINTS)
    yield cluster
    cluster.down()


def change(api, name):
    """CHANGES services, ten a second."""
    for i in range(CHANGES):
        api.create(fixtures.service("default", f"{name}-{i}", [fixtures.port("p", 80)]))
        time.sleep(0.1)



@pytest.mark.parametrize("number", SIZES)
def test_a_fleet_costs_watches_and_little_else(plain, tmp_path, number):
    """Three watches each, one pass over the objects at the start, nothing while nothing changes."""
    api = plain.kube
    fleet = Fleet(tmp_path, plain.ours, HERE / "live.Corefile")
    before = read_api(api)
    try:
        fleet.start(number)
        synced_s = fleet.wait_synced(120)
        first = read_api(api)
        time.sleep(3)
        idle = changed(read_api(api), first)
        change(api, f"fleet-{number}")
        lab.wait_for(lambda: changed(read_api(api), first)["watch_bytes"] >= 400 * CHANGES * number, 20)
        busy = changed(read_api(api), first)
        memory_mb, _ = fleet.memory_mb()
        plain.script("stop-api")
        time.sleep(1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            starting = pool.submit(plain.script, "start-api")
            first_s, last_s = fleet.wait_again(90)
            starting.result()
        again = read_api(api)  # a new process: all of it is of the restart
    finally:
        fleet.stop()
    start_cost = changed(first, before)
    mb = start_cost["watch_bytes"] + start_cost["list_bytes"]
    print(f"\n| {number} | {first['watches'] - before['watches']:.0f} | {synced_s:.1f} s | {mb / 1e6:.1f} MB | "
          f"{start_cost['cpu_s']:.2f} s | {idle['watch_bytes'] / 1e3:.1f} kB | {busy['watch_bytes'] / CHANGES / 1e3:.1f} kB | "
          f"{memory_mb:.0f} MB | {(again['watch_bytes'] + again['list_bytes']) / 1e6:.1f} MB | "
          f"{last_s - first_s:.1f} s |")
    assert first["watches"] - before["watches"] == 3 * number
    assert start_cost["lists"] <= 3 * number
    assert idle["lists"] == 0 and idle["watch_bytes"] < 5000 * number
    # A server that restarts has forgotten the versions of its predecessor: everything is fetched once more, and once
    # only. 3 MB are of its own watches.
    assert again["watch_bytes"] + again["list_bytes"] < 1.3 * mb + 3e6
