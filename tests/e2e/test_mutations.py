# SPDX-License-Identifier: Apache-2.0
"""Mutated messages and frames against the running server, under ASan and UBSan when there is such a build: it lives,
keeps silent where it must, and counts each frame once. In the long run a hundred times as many."""

import collections
import json
import os
import subprocess
from pathlib import Path

import pytest

import frames
import lab

LONG = os.environ.get("B53_LONG") == "1"
FACTOR = 100 if LONG else 1
RATE = 25_000
ASAN = Path(os.environ.get("B53_BUILD_ASAN") or "/nonexistent")
HAS_ASAN = (ASAN / "cli" / "burst53").exists()
NOISE = 200  # frames of the client's kernel: neighbour discovery


def mutate(kind, count, seed):
    """Runs the mutator in the client's namespace; its numbers."""
    command = ["ip", "netns", "exec", lab.netns_name("cli"), str(lab.BUILD / "tests" / "e2e" / "mutate"), "--interface",
               "eth0", "--to-mac", frames.served_mac(), "--mode", kind, "--count", str(count), "--rate", str(RATE),
               "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 2 * count / RATE, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def silence_icmp():
    """The client's kernel knows nothing of our source ports: its errors would be more frames to count."""
    lab.inside("cli", "nft", "add table inet quiet; add chain inet quiet out { type filter hook output priority 0; }; "
               "add rule inet quiet out icmp type destination-unreachable drop; "
               "add rule inet quiet out icmpv6 type destination-unreachable drop", check=True)


def totals():
    """Frames of others that came in, and how they ended."""
    facts = lab.status()
    ends = collections.Counter()
    for worker in facts["workers"]:
        ends.update({key: worker[key] for key in ("rx", "replies", "other", "punts", "dropped", "exceptions")})
    # A packet socket also shows what its own host sends.
    ends["own"] = facts["drops"].get("eth_source", 0)
    return ends


def is_counted(before):
    """Whether what came in since then equals how it ended: each frame has one end."""
    now = totals()
    now.subtract(before)
    return now["rx"] == now["replies"] + now["other"] + now["punts"] + now["dropped"] + now["exceptions"]


def check(kind, count, seed):
    """One run and everything that must hold after it."""
    lab.packet_drops()
    before, pids = totals(), lab.pids()
    result = mutate(kind, count, seed)
    lab.wait_for(lambda: is_counted(before), 60)
    came = totals()
    came.subtract(before)
    lost = lab.packet_drops()
    print(f"\n{kind}: {result}, came {came['rx'] - came['own']}, lost by the socket {lost}, ends {dict(came)}")
    assert result["wrong"] == 0 and result["strange"] == 0, result
    assert result["replies"] > 0
    assert lab.pids() == pids, "a process died"
    # The driver's fan-out keeps pieces of IPv4 datagrams to put them together: mutated ones wait for ever.
    expected = result["sent"] - result["fragments"]
    assert expected <= came["rx"] - came["own"] + lost <= expected + NOISE * FACTOR
    assert lab.dig("web.default.svc.cluster.local")[2] == ["A 10.96.0.80"]


@pytest.fixture(name="server", params=["lab", "forward"])
def _server(request):
    """A lab of the most watchful build there is: without anything outside, and with an upstream that nobody plays."""
    lab.up("own", "--corefile", lab.DATA / f"{request.param}.Corefile", build=ASAN if HAS_ASAN else None)
    silence_icmp()
    yield request.param
    lab.down()


def test_mutated_messages(server):
    """proto:H2 and all that a message can have wrong."""
    check("messages", (1_000_000 if server == "lab" else 50_000) * FACTOR, 1)


def test_mutated_frames(server):
    """proto:I1-I10: what breaks a rule of Ethernet, IP or UDP is never answered."""
    check("frames", (100_000 if server == "lab" else 10_000) * FACTOR, 2)
