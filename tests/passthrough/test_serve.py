# SPDX-License-Identifier: Apache-2.0
"""Clients outside, the real processes inside, packets over a NIC that the kernel does not have any more."""

from scapy.all import IP, UDP, Ether, Raw, raw, sendp

import netns
import pytest
from exchanges import broken, exchange, query, recomputed
from server import FAR, LINK, WEB, WEB_A, dig, dnsperf, inside, wait_for

CHECKSUMS = {"net_e1000_em": ("ip4,udp", "udp"), "net_virtio": ("software", "software"),
             "net_e1000_igb_vf": ("ip4,udp", "udp")}


def test_the_port_is_the_device_behind_its_iommu(server):
    """What was probed, asserted: DPDK also starts well without any device."""
    port, machine = server.port, server.machine
    said, _ = server.opened()
    group = machine.sh(f"basename $(readlink /sys/bus/pci/devices/{port.device}/iommu_group)").strip()
    assert (said["device"], said["driver"], said["iommu_group"]) == (port.device, port.driver, group)
    assert said["iova"] == "va" and said["queues"] == str(port.workers)
    assert machine.sh(f"cat /sys/kernel/iommu_groups/{group}/type").startswith("DMA")
    machine.sh(f"[ -e /dev/vfio/{group} ] && [ ! -e /dev/vfio/noiommu-{group} ]")
    assert len(machine.sh(f"ls /sys/kernel/iommu_groups/{group}/devices").split()) == 1
    assert (said["rx_checksums"], said["tx_checksums"]) == CHECKSUMS[port.driver]
    assert said["multicast"] == ("all" if port.driver == "net_virtio" else "list")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("client", [LINK, FAR])
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_names_are_answered(server, family, client, transport):
    """On the link and behind a router, over UDP and TCP."""
    assert dig(server.port.nic, WEB, "A", transport, family=family, netns=client) == [WEB_A]


@pytest.mark.parametrize("family", [4, 6])
def test_neighbours_find_us_and_we_answer_echo(server, family):
    """ARP and solicitations go to broadcast and multicast addresses: the filters let them in."""
    nic = server.port.nic
    inside(LINK, "ip", "neigh", "flush", "dev", nic.tap)
    done = inside(LINK, "ping", "-c", "5", "-i", "0.2", "-w", "60", nic.served[family])
    assert " 5 received" in done.stdout, done.stdout
    neighbour = inside(LINK, "ip", "neigh", "show", nic.served[family], "dev", nic.tap).stdout
    assert server.opened()[0]["mac"].lower() in neighbour, neighbour


def test_the_port_is_not_promiscuous(server):
    """Frames for other stations and groups stay outside."""
    nic = server.port.nic
    before = server.counted("rx")
    frames = [Ether(dst="02:00:00:00:00:99", src="02:00:00:00:00:01") / Raw(b"x" * 60)] * 40
    if server.port.driver == "net_e1000_em":  # what reaches a virtual function, its physical one decides
        frames += [Ether(dst="01:00:5e:01:02:03", src="02:00:00:00:00:01") / Raw(b"x" * 60)] * 40
    with netns.entered(LINK):
        sendp(frames, iface=nic.tap, verbose=False)
    replies = server.counted("replies")
    assert dig(nic) == [WEB_A]  # what came before this question is counted when its answer is
    wait_for(lambda: server.counted("replies") > replies)
    assert server.counted("rx") - before < 30


def test_counters_are_the_clients(server, folder):
    """dnsperf and the workers count the same."""
    before = server.counted("replies")
    each = [worker["replies"] for worker in server.status()["workers"]]
    sent, completed = dnsperf(server.port.nic, folder)
    assert sent == completed >= 4000
    wait_for(lambda: server.counted("replies") - before == completed)
    for worker, was in zip(server.status()["workers"], each):
        # Sixteen clients spread over the queues by their ports.
        assert worker["replies"] - was > completed / server.port.workers / 4
    print(server.port.driver, "replies per worker", [w["replies"] for w in server.status()["workers"]])


@pytest.mark.parametrize("family", [4, 6])
def test_checksums_are_right_whoever_makes_them(server, family):
    """Hardware and software twins: every reply has the sum that a third program computes; of queries, only
    those with a right one are answered, and the others are counted."""
    nic = server.port.nic
    mac = server.opened()[0]["mac"].lower()
    before = server.status()["drops"].get("udp_checksum", 0)
    good = [query(nic, family, mac, n) for n in range(1, 41)]
    bad = [broken(query(nic, family, mac, n)) for n in range(101, 121)]
    replies = exchange(server, bad + good, replies=40, dropped=20)
    assert sorted(p[UDP].dport - 20000 for p in replies) == list(range(1, 41))
    for reply in replies:
        assert raw(recomputed(reply)[UDP])[6:8] == raw(reply[UDP])[6:8], reply.show(dump=True)
        if family == 4:
            assert recomputed(reply)[IP].chksum == reply[IP].chksum
    assert server.status()["drops"].get("udp_checksum", 0) - before == 20
