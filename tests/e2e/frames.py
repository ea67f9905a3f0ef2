# SPDX-License-Identifier: Apache-2.0
"""Frames by scapy from the client's interface, and what comes back."""

import contextlib
import socket
import struct
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

import lab

CLIENT = {4: "198.18.0.10", 6: "fd00:53::10"}
ETH_P_ALL = 3
SIGN_PORT = 40998
SO_RCVBUFFORCE = 33
PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 8, 16


def mac_of(role):
    """Hardware address of a namespace's eth0."""
    return lab.inside(role, "cat", "/sys/class/net/eth0/address", check=True).stdout.strip()


def question(name="web.default.svc.cluster.local", kind=1, ident=0x1234, flags=0x0100):
    """A query's bytes."""
    wire = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"
    return struct.pack(">6H", ident, flags, 1, 0, 0, 0) + wire + struct.pack(">2H", kind, 1)


def datagram(payload, family=4, sport=40000, dport=53):
    """A whole frame to the served address."""
    ip = IP(src=CLIENT[4], dst=lab.SERVICE[4]) if family == 4 else IPv6(src=CLIENT[6], dst=lab.SERVICE[6])
    return Ether(src=mac_of("cli"), dst=served_mac()) / ip / UDP(sport=sport, dport=dport) / payload


def served_mac():
    """Where frames for the served address go: the port's own address."""
    return mac_of("srv")


def raw_socket():
    """Everything that passes the client's interface."""
    with lab.netns("cli"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.setsockopt(lab.SOL_PACKET, PACKET_AUXDATA, 1)
        sock.bind(("eth0", ETH_P_ALL))
    return sock


def tcp_message(sock):
    """One DNS message of a stream. (MSG_WAITALL does not wait on sockets with a time-out.)"""
    data = b""
    while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
        more = sock.recv(65537)
        assert more, f"the stream ended after {len(data)} bytes"
        data += more
    return data[2:]


def receive(sock):
    """One frame; a tag, which the kernel takes off, stands where it was."""
    frame, control, _, _ = sock.recvmsg(65536, 64)
    for level, kind, data in control:
        if (level, kind) == (lab.SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                frame = frame[:12] + struct.pack(">HH", tpid or 0x8100, tci) + frame[12:]
    return frame


def exchange(frames, seconds=0.3):
    """Sends frames and a question of ours behind them, and returns what comes from others until that is answered, however
    slow the machine is, and for some time more."""
    sign = bytes(datagram(question(ident=0x5353), sport=SIGN_PORT))
    own = bytes.fromhex(mac_of("cli").replace(":", ""))
    with raw_socket() as sock:
        for frame in frames:
            sock.send(bytes(frame))
        got, now = [], time.monotonic()
        asked, limit, end = now, now + 60, None
        sock.send(sign)
        while end is None or now < end:
            sock.settimeout(max((end or asked + 1) - now, 0.001))
            with contextlib.suppress(TimeoutError):
                frame = receive(sock)
                if is_sign(frame):
                    end = end or time.monotonic() + seconds
                elif frame[6:12] != own:
                    got.append(Ether(frame))
            now = time.monotonic()
            assert end or now < limit, "not even a question is answered"
            if end is None and now >= asked + 1:
                asked = now
                sock.send(sign)
        return got


def is_sign(frame):
    """The answer to the question behind the frames."""
    return frame[12:14] == b"\x08\0" and frame[23] == 17 and frame[34:38] == struct.pack(">HH", 53, SIGN_PORT)


def replies(frames, sport=40000, seconds=0.3):
    """DNS replies to a source port."""
    return [f for f in exchange(frames, seconds) if UDP in f and f[UDP].sport == 53 and f[UDP].dport == sport]
