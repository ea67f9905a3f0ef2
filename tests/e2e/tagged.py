# SPDX-License-Identifier: Apache-2.0
"""A client behind an 802.1Q tag. Kernels may lack VLAN devices: the client's interface is a TAP, and a thread carries its frames
between the TAP and the link, the tag put in and taken out."""

import contextlib
import fcntl
import os
import select
import struct
import threading

import frames
import lab

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
CLIENT = ["198.18.0.10/24", "fd00:53::10/64"]


def put(frame, tag):
    """The frame with the tag."""
    return frame[:12] + struct.pack(">HH", 0x8100, tag) + frame[12:]


def carry(tap, raw, tag, stop):
    """Both ways until stop has something to read."""
    own = bytes.fromhex(frames.mac_of("cli").replace(":", ""))
    while True:
        ready = select.select([tap, raw, stop], [], [])[0]
        if stop in ready:
            return
        if tap in ready:
            raw.send(put(os.read(tap, 65536), tag))
        if raw in ready:
            frame = frames.receive(raw)
            if frame[12:14] == b"\x81\0" and frame[6:12] != own and struct.unpack(">H", frame[14:16])[0] & 0xFFF == tag:
                os.write(tap, frame[:12] + frame[16:])


@contextlib.contextmanager
def client(tag):
    """The client's addresses on a TAP whose frames have the tag on eth0; for good, so the lab is to be made anew after it."""
    for role in ("cli", "srv"):  # the carrier can neither cut nor sum
        lab.inside(role, "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off", check=True)
    # An XDP program sees no tag that the card took off; a bridge over veth hands it on beside the frame.
    lab.inside("rtr", "ethtool", "-K", "srv0", "txvlan", "off", check=True)
    mac = frames.mac_of("cli")
    with lab.netns("cli"):
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"tagged", IFF_TAP | IFF_NO_PI))
    lab.inside("cli", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1", check=True)
    lab.inside("cli", "ip", "addr", "flush", "dev", "eth0", check=True)
    lab.inside("cli", "ip", "link", "set", "tagged", "address", mac, "up", check=True)
    for address in CLIENT:
        more = ["nodad"] if ":" in address else []
        lab.inside("cli", "ip", "addr", "add", address, "dev", "tagged", *more, check=True)
    stop, end = os.pipe()
    with frames.raw_socket() as raw:
        thread = threading.Thread(target=carry, args=(tap, raw, tag, stop))
        thread.start()
        try:
            yield
        finally:
            os.write(end, b".")
            thread.join(10)
            for fd in (tap, stop, end):
                os.close(fd)
