# SPDX-License-Identifier: Apache-2.0
"""What a card does and what software does instead, asked the same: the results are compared with each other."""

import ipaddress

import pytest
from scapy.all import Ether, Raw, raw

from exchanges import FIRST_PORT, broken, exchange, query
from conftest import bind
from server import LINK, WEB, Server, dig, inside, wait_for

# Answers without a serial: those of two starts are the same bytes. Lengths are even and odd, in both families.
QUESTIONS = [(WEB, "A"), (WEB.capitalize(), "A"), ("_http._tcp." + WEB, "SRV"), ("kubernetes.default.svc.cluster.local", "A"),
             ("10-244-1-10.default.pod.cluster.local", "A"), ("dns-version.cluster.local", "TXT")]
# DPDK's key for virtio, which is that of the specification of receive-side scaling; queues take turns in its table.
KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
TABLE = 128


def toeplitz(data):
    """The hash as it is specified: the key, shifted to each bit that is set, exclusive or."""
    key, width, out = int.from_bytes(KEY, "big"), 8 * len(KEY), 0
    for i in range(8 * len(data)):
        if data[i // 8] >> (7 - i % 8) & 1:
            out ^= key >> (width - 32 - i) & 0xFFFFFFFF
    return out


def test_the_hash_here_is_the_specified_one():
    """Two of the published examples."""
    four = bytes([66, 9, 149, 187, 161, 142, 100, 80]) + (2794).to_bytes(2, "big") + (1766).to_bytes(2, "big")
    assert toeplitz(four) == 0x51CCC178 and toeplitz(four[:8]) == 0x323E8FC2


def asked(server, family):
    """The same questions each time, good and broken, and frames for a group that is nobody's: (replies in the order of
    their questions, wrong checksums dropped, frames that came in)."""
    nic, mac = server.port.nic, server.opened()[0]["mac"].lower()
    dropped, received = server.status()["drops"].get("udp_checksum", 0), server.counted("rx")
    frames = [query(nic, family, mac, n, *QUESTIONS[n % len(QUESTIONS)]) for n in range(1, 37)]
    frames += [broken(query(nic, family, mac, n)) for n in range(101, 111)]
    # Neither IP nor ours: only filters see it.
    frames += [Ether(dst="01:00:5e:01:02:03", src="02:00:00:00:00:01", type=0x88B5) / Raw(b"x" * 60)] * 40
    replies = exchange(server, frames, replies=36, dropped=10)
    in_order = [raw(p) for p in sorted(replies, key=lambda p: p["UDP"].dport)]
    return in_order, server.status()["drops"].get("udp_checksum", 0) - dropped, server.counted("rx") - received


@pytest.mark.parametrize("name", ["e1000e", "vf"])
def test_a_card_and_software_give_the_same_bytes(machine, ports, name):
    """Checksums by the card and without it: every reply the same to the bit, the same queries dropped. A filter of groups
    by the card and without it: the same answers, and what the one keeps outside comes in with the other."""
    if name not in ports:
        pytest.skip("NO SR-IOV: there is no QEMU of bookworm-backports, the virtual function is not tested")
    port = ports[name]
    bind(machine, port.device)
    results = {}
    for way in ("card", "software"):
        server = Server(machine, port, environment="BURST53_OFFLOADS=off" if way == "software" else "").start()
        wait_for(server.is_ready)
        said = server.opened()[0]
        assert [said[key] for key in ("rx_checksums", "tx_checksums", "multicast")] == (
            ["ip4,udp", "udp", "list"] if way == "card" else ["software", "software", "all"])
        inside(LINK, "ip", "neigh", "flush", "dev", port.nic.tap)
        assert dig(port.nic) and dig(port.nic, family=6)  # who is found by broadcasts and groups
        results[way] = [asked(server, family) for family in (4, 6)]
        server.stop()
    for by_card, by_software in zip(results["card"], results["software"]):
        assert len(by_card[0]) == 36 and by_card[0] == by_software[0]
        assert by_card[1] == by_software[1] == 10
        print(name, "frames in: card", by_card[2], "software", by_software[2])
        if name == "e1000e":  # groups of a virtual function are its physical one's affair
            assert by_software[2] - by_card[2] > 20
    assert {len(reply) % 2 for by_card in results["card"] for reply in by_card[0]} == {0, 1}


def queue_of(nic, family, number):
    """Where the hash sends the question with this number."""
    addresses = b"".join(ipaddress.ip_address(text).packed for text in (nic.client[family], nic.served[family]))
    ports = (FIRST_PORT + number).to_bytes(2, "big") + (53).to_bytes(2, "big")
    return toeplitz(addresses + ports) % TABLE % 2


@pytest.mark.parametrize("family", [4, 6])
def test_a_card_spreads_clients_as_the_hash_says(machine, ports, family):
    """Two queues: of questions whose ports all hash to one, the other's worker sees none."""
    port = ports["virtio"]
    bind(machine, port.device)
    server = Server(machine, port).start()
    wait_for(server.is_ready)
    said = server.opened()[0]
    assert said["hash"] == "udp4,udp6" and dig(port.nic, family=family)
    for queue in (0, 1):
        numbers = [n for n in range(1, 200) if queue_of(port.nic, family, n) == queue][:30]
        before = [worker["replies"] for worker in server.status()["workers"]]
        frames = [query(port.nic, family, said["mac"].lower(), n) for n in numbers]
        assert len(exchange(server, frames, replies=30, dropped=0)) == 30
        replies = [worker["replies"] - was for worker, was in zip(server.status()["workers"], before)]
        assert replies == ([30, 0] if queue == 0 else [0, 30])
    server.stop()
