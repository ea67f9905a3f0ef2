# SPDX-License-Identifier: Apache-2.0
"""Two burst53 that somebody points at each other: every packet put in ends after three at most (proto:F11, H2, H20;
CVE-2024-2169). Nothing that comes by network ends a process."""

import contextlib
import random
import signal
import socket
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether

import frames
import lab

OTHER = {4: "198.18.0.54", 6: "fd00:53::54"}
ROUNDS = 20
NEIGHBOURS = (135, 136)  # ICMPv6 types: who asks where somebody is does not count


@pytest.fixture(name="pair", scope="module")
def _pair():
    """The lab's instance, and one more in the client's place."""
    lab.up("own")
    run_dir = f"{lab.RUN_DIR}-other"
    command = ["ip", "netns", "exec", lab.netns_name("cli"), str(lab.BUILD / "cli" / "burst53"), "run", "--config", "/dev/null",
               "--conf", str(lab.DATA / "lab.Corefile"), "--dump", str(lab.DATA / "lab.json"), "--port", "af_packet:eth0",
               "--no-huge", "--memory", "128", "--run-dir", run_dir, "--state-dir", f"/tmp/{lab.PREFIX}-other",
               "--address", f"{OTHER[4]}/24", "--address", f"{OTHER[6]}/64"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        lab.wait_for(lambda: all("status: NOERROR" in lab.inside("far", "dig", f"@{a}", "cluster.local", "SOA", "+tries=1",
                                                                   "+time=1").stdout for a in OTHER.values()), 15)
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(15)
    lab.down()


def spoofed(family, to_role, seed):
    """Packets to one instance in the name of the other: all kinds that may make somebody answer."""
    rng = random.Random(seed)
    ends = (OTHER[family], lab.SERVICE[family]) if to_role == "srv" else (lab.SERVICE[family], OTHER[family])
    ether = Ether(src=frames.mac_of("cli" if to_role == "srv" else "srv"), dst=frames.mac_of(to_role))
    ip = ether / (IP(src=ends[0], dst=ends[1]) if family == 4 else IPv6(src=ends[0], dst=ends[1]))
    good = frames.question()
    messages = [good, frames.question("missing.default.svc.cluster.local"), frames.question("example.com"),
                *[frames.question(flags=op << 11) for op in (1, 2, 4, 5, 6, 15)],  # NOTIMP
                *[frames.question(flags=0x8000 | rcode) for rcode in range(6)],  # responses
                good + b"x", good[:-3], good[:5] + b"\2" + good[6:], good[:11] + b"\1" + good[12:],  # FORMERR
                good[:6], b"", bytes(rng.randrange(256) for _ in range(60)), bytes(rng.randrange(128) for _ in range(40))]
    packets = [ip / UDP(sport=sport, dport=53) / message for message in messages for sport in (53, 5353, 40000)]
    packets += [ip / UDP(sport=53, dport=dport) / good for dport in (9, 5353, 40000)]
    packets += [ip / TCP(sport=sport, dport=dport, flags=flags) for sport in (53, 40000) for dport in (53, 80)
                for flags in ("S", "SA", "A", "R", "F", "SF", "")]
    packets.append(ip / (ICMP() if family == 4 else ICMPv6EchoRequest()) / b"ping")
    return [bytes(p) for p in packets]


@contextlib.contextmanager
def tap(port):
    """Everything that passes a port of the bridge, both ways."""
    with lab.netns("rtr"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, frames.SO_RCVBUFFORCE, 1 << 24)
        sock.bind((port, frames.ETH_P_ALL))
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("br0", 0))
    with sock, out:
        yield sock, out


def is_between(frame, family):
    """An IP packet from one to the other, neighbour discovery left out."""
    if family == 4:
        ends = [socket.inet_aton(a) for a in (OTHER[4], lab.SERVICE[4])]
        return frame[12:14] == b"\x08\0" and frame[26:30] in ends and frame[30:34] in ends
    ends = [socket.inet_pton(socket.AF_INET6, a) for a in (OTHER[6], lab.SERVICE[6])]
    return (frame[12:14] == b"\x86\xdd" and frame[22:38] in ends and frame[38:54] in ends and
            not (frame[20] == 58 and frame[54] in NEIGHBOURS))


def count_until_quiet(seen, family, quiet_s=0.04):
    """Packets between the two until there was none for a moment, or it does not end."""
    count, end = 0, time.monotonic() + 3 + 10 * quiet_s
    seen.settimeout(quiet_s)
    with contextlib.suppress(TimeoutError):
        while time.monotonic() < end:
            count += is_between(seen.recv(65536), family)
    return count


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("to_role", ["srv", "cli"])
def test_no_packet_makes_more_than_two(pair, family, to_role):
    rounds = [spoofed(family, to_role, seed) for seed in range(ROUNDS)]
    total = 0
    with tap(f"{to_role}0") as (seen, out):
        for kind in zip(*rounds):
            for packet in kind:
                out.send(packet)
            passed = count_until_quiet(seen, family)
            if not ROUNDS <= passed <= 3 * ROUNDS:  # a slow machine? Once more, with time
                count_until_quiet(seen, family, 2)
                for packet in kind:
                    out.send(packet)
                passed = count_until_quiet(seen, family, 2)
            assert ROUNDS <= passed <= 3 * ROUNDS, kind[0].hex()
            total += passed
    print(f"\n{ROUNDS * len(rounds[0])} packets put in, {total} passed")
    assert pair.poll() is None
    assert lab.dig("cluster.local", "SOA", family=family, role="far")[0] == "NOERROR"
