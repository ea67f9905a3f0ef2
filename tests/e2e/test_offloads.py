# SPDX-License-Identifier: Apache-2.0
"""Checksums: veth hands over partial ones while the client offloads them, complete ones when it does not. And what is
longer than a packet: TCP of 6 and 40 kB without a stall."""

import copy
import json
import socket
import struct
import time

import pytest

import frames
import lab

WEB = "web.default.svc.cluster.local"


@pytest.fixture(params=["on", "off"])
def offload(request):
    """The client's transmit and segmentation offloads."""
    lab.inside("cli", "ethtool", "-K", "eth0", "tx", request.param, "gso", request.param, check=True)
    yield request.param
    lab.inside("cli", "ethtool", "-K", "eth0", "tx", "on", "gso", "on", check=True)


@pytest.mark.parametrize("family", [4, 6])
def test_answers_whatever_the_client_offloads(mode, offload, family):
    for role in ("cli", "far"):
        assert lab.dig(WEB, family=family, role=role)[0] == "NOERROR"
        assert len(lab.dig("many.shop.svc.cluster.local", "A", "+tcp", family=family, role=role)[2]) == 100


@pytest.mark.parametrize("family", [4, 6])
def test_replies_have_complete_checksums(mode, family):
    """dig in the client's kernel drops a reply with a wrong one; receive offload would hide it."""
    lab.inside("cli", "ethtool", "-K", "eth0", "rx", "off", check=True)
    assert lab.dig(WEB, family=family)[0] == "NOERROR"
    lab.inside("cli", "ethtool", "-K", "eth0", "rx", "on", check=True)


def large_dump(path, sizes):
    """lab.json with headless services of so many endpoints, made of the one of a hundred."""
    doc = json.loads((lab.DATA / "lab.json").read_text(encoding="utf-8"))
    service, piece = (next(i for i in doc["items"] if i["metadata"]["name"] == name) for name in ("many", "many-a"))
    for name, count in sizes.items():
        large, slices = copy.deepcopy(service), copy.deepcopy(piece)
        large["metadata"].update(name=name, uid=f"00000000-0000-4000-8000-{count:012d}")
        slices["metadata"].update(name=f"{name}-a", uid=f"00000000-0000-4000-9000-{count:012d}",
                                  labels={"kubernetes.io/service-name": name})
        slices["endpoints"] = [{"addresses": [f"10.{100 + n // 250}.0.{n % 250 + 1}"], "conditions": {"ready": True}}
                               for n in range(count)]
        doc["items"] += [large, slices]
    path.write_text(json.dumps(doc), encoding="utf-8")


def fetch_s(role, family, name):
    """Seconds for one answer over TCP, and its size."""
    query = frames.question(f"{name}.shop.svc.cluster.local")
    with lab.netns(role):
        start = time.monotonic()
        with socket.create_connection((lab.SERVICE[family], 53), timeout=60) as sock:
            sock.sendall(struct.pack(">H", len(query)) + query)
            got = frames.tcp_message(sock)
        return time.monotonic() - start, len(got)


@pytest.mark.parametrize("kind", ["own", "shared", "kernel", "xdp"])
def test_large_messages_take_milliseconds(kind, tmp_path):
    dump = tmp_path / "dump.json"
    large_dump(dump, {"six": 375, "forty": 2500})
    lab.up(kind, "--dump", dump)
    slow = []
    for state in ("on", "off"):
        lab.inside("cli", "ethtool", "-K", "eth0", "tx", state, "gso", state, "tso", state, "gro", state, check=True)
        for role in ("cli", "far", "srv"):
            for family in (4, 6):
                for name, size in (("six", 6000), ("forty", 40000)):
                    got = [fetch_s(role, family, name) for _ in range(5)]
                    assert {s for _, s in got} <= set(range(size, size + 200)), got
                    # Without its offloads a stream stalls for a retransmission's time, 200 ms, each time.
                    if min(t for t, _ in got) > min(lab.at_most(0.02), 0.15):
                        slow.append((state, role, family, name, got))
    assert not slow
    lab.down()
