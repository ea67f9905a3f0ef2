# SPDX-License-Identifier: Apache-2.0
"""Questions as frames, sent and answered outside of any kernel's UDP: what dig hides is seen."""

import threading
import time

from scapy.all import DNS, DNSQR, IP, UDP, AsyncSniffer, Ether, IPv6, conf, raw, sendp

import netns
from server import LINK, WEB, inside, wait_for

FIRST_PORT = 20000


def query(nic, family, destination, number, name=None, kind="A"):
    """A question as a frame; its number is in its port. Of two numbers one has a name that is there."""
    layer = IP(src=nic.client[4], dst=nic.served[4]) if family == 4 else IPv6(src=nic.client[6], dst=nic.served[6])
    return Ether(src=conf_mac(nic), dst=destination) / layer / UDP(sport=FIRST_PORT + number, dport=53) / DNS(
        id=number, qd=DNSQR(qname=name or (WEB if number % 2 else f"n{number}.default.svc.cluster.local"), qtype=kind))


def conf_mac(nic):
    """MAC of the interface outside."""
    return inside(LINK, "cat", f"/sys/class/net/{nic.tap}/address").stdout.strip()


def recomputed(frame):
    """The same frame with checksums of scapy's."""
    copy = frame.copy()
    for layer in (IP, UDP):
        if layer in copy:
            del copy[layer].chksum
    return Ether(raw(copy))


def broken(frame):
    """A query with a wrong checksum."""
    copy = recomputed(frame)
    copy[UDP].chksum ^= 0x0101
    return copy


def exchange(server, frames, *, replies, dropped):
    """Sends frames, waits until the workers counted so many replies and wrong checksums; the replies that came."""
    nic = server.port.nic
    before = server.status()["drops"].get("udp_checksum", 0)
    replied = server.counted("replies")
    with netns.entered(LINK):
        conf.sniff_promisc = False
        started = threading.Event()
        seen = []
        sniffer = AsyncSniffer(iface=nic.tap, filter="udp src port 53", started_callback=started.set, prn=seen.append)
        sniffer.start()
        assert started.wait(60)
        sendp(frames, iface=nic.tap, inter=0.005, verbose=False)
        wait_for(lambda: server.status()["drops"].get("udp_checksum", 0) - before >= dropped)
        wait_for(lambda: server.counted("replies") - replied >= replies)
        wait_for(lambda: len(seen) >= replies)
        time.sleep(1)  # for what should not come
        return [p for p in sniffer.stop() if UDP in p and FIRST_PORT < p[UDP].dport < FIRST_PORT + 1000]
