# SPDX-License-Identifier: Apache-2.0
"""Mutated messages and frames against the running server: it lives, keeps silent where it must, and counts each
frame once (100,000 frames and 1,000,000 messages, ten times as many in the long run)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import frames
import lab

LONG = os.environ.get("B53_LONG") == "1"
COUNTS = {"frames": 100_000, "messages": 1_000_000}
FACTOR = 10 if LONG else 1
RATE = 40_000


def mutate(kind, seed):
    """Runs the mutator in the client's namespace; its numbers."""
    command = ["ip", "netns", "exec", lab.netns_name("cli"), str(lab.BUILD / "tests" / "e2e" / "mutate"), "--interface",
               "eth0", "--to-mac", frames.served_mac(), "--mode", kind, "--count", str(COUNTS[kind] * FACTOR),
               "--rate", str(RATE), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def silence_icmp():
    """The client's kernel knows nothing of our source ports: its errors would be more frames to count."""
    lab.inside("cli", "nft", "add table inet quiet; add chain inet quiet out { type filter hook output priority 0; }; "
               "add rule inet quiet out icmp type destination-unreachable drop; "
               "add rule inet quiet out icmpv6 type destination-unreachable drop", check=True)


def totals():
    """Frames in, and how they ended, over all workers."""
    facts = lab.status()
    frames_in = sum(w["rx"] for w in facts["workers"])
    ends = sum(w["replies"] + w["other"] + w["punts"] + w["dropped"] + w["exceptions"] for w in facts["workers"])
    return frames_in, ends, facts["port_drops"]["missed"] + facts["port_drops"]["no_buffer"]


def check(kind, seed):
    """One run and everything that must hold after it."""
    before, pids = totals(), lab.pids()
    result = mutate(kind, seed)
    lab.wait_for(lambda: totals()[0] - totals()[1] == before[0] - before[1], 3)
    after = totals()
    print(f"\n{kind}: {result}, in {after[0] - before[0]}, lost by the port {after[2] - before[2]}")
    assert result["wrong"] == 0 and result["strange"] == 0, result
    assert result["replies"] > 0
    assert lab.pids() == pids, "a process died"
    received = after[0] - before[0] + after[2] - before[2]
    # The driver's fan-out keeps IPv4 fragments to put them together: mutated ones wait for ever.
    least = 0.98 if kind == "frames" else 0.999
    assert result["sent"] * least <= received <= result["sent"] * 1.01 + 2000
    assert lab.dig("web.default.svc.cluster.local")[2] == ["A 10.96.0.80"]


@pytest.fixture(name="server", params=["release", "sanitized"])
def _server(request):
    """A lab of the build under test, and of the one with ASan and UBSan when there is one."""
    asan = Path(os.environ.get("B53_BUILD_ASAN", "/nonexistent"))
    if request.param == "sanitized" and not (asan / "cli" / "burst53").exists():
        pytest.skip("no sanitized build (B53_BUILD_ASAN)")
    lab.up("own", build=asan if request.param == "sanitized" else None)
    yield
    lab.down()


def test_mutated_messages_and_frames(server):
    silence_icmp()
    check("messages", 1)
    check("frames", 2)
