# SPDX-License-Identifier: Apache-2.0
"""Ten generations a second: every reply is of one generation, and none goes back in time (DESIGN 3)."""

import os
import time

import fixtures
import lab

SECONDS, FOLDS = (60, 5) if os.environ.get("B53_LONG") == "1" else (10, 2)
NAME = "storm"
FIRST_PORT, PORTS = 1024, 60000  # as in tests/e2e/judge.h


def storm_slice(generation):
    """Four endpoints whose addresses and port say the generation."""
    ends = []
    for i in range(4):
        number = 4 * generation + i
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        ends.append(fixtures.endpoint(address, hostname=f"h{i}"))
    return fixtures.endpoint_slice("default", NAME, NAME, ends, [("p", FIRST_PORT + generation % PORTS, "TCP")])


def drive(api, until):
    """A new generation every 100 ms; returns the last one."""
    generation, due = 1, time.monotonic()
    while time.monotonic() < until:
        generation += 1
        api.replace(storm_slice(generation))
        due += 0.1
        time.sleep(max(due - time.monotonic(), 0))
    return generation


def test_swap_storm(live):
    api = live.kube
    api.create(fixtures.service("default", NAME, [fixtures.port("p", 80)], clusterIP="None"))
    api.create(storm_slice(1))
    name = f"{NAME}.default.svc.cluster.local."
    lab.wait_for(lambda: len(lab.dig(name)[2]) == 4, 10)
    before = lab.status()["control"]
    load = lab.checker("--seconds", SECONDS, "--storm", name, background=True)
    last = drive(api, time.monotonic() + SECONDS)
    result = lab.checker_result(load)
    after = lab.status()["control"]
    print(f"\nswap storm: {last} generations sent, {result['generations']} seen in {result['sent']} replies, "
          f"{after['folds'] - before['folds']} folds")
    assert (result["lost"], result["wrong"], result["stray"]) == (0, 0, 0), result
    assert result["generations"] > SECONDS * 8, result
    api.delete("EndpointSlice", "default", NAME)
    api.delete("Service", "default", NAME)
    assert after["folds"] - before["folds"] >= FOLDS, (before, after)
