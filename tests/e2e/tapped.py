# SPDX-License-Identifier: Apache-2.0
"""A dnstap collector (fstrm_capture of Debian's fstrm-bin) and a reader of what it wrote: frame streams of protocol
buffers, decoded here by the numbers of dnstap's fields."""

import socket
import struct
import subprocess

import lab

CONTENT = "protobuf:dnstap.Dnstap"
DNSTAP = {1: "identity", 2: "version", 3: "extra", 14: "message", 15: "type"}
MESSAGE = {1: "type", 2: "family", 3: "protocol", 4: "query_address", 5: "response_address", 6: "query_port", 7: "response_port",
           8: "query_sec", 9: "query_nsec", 10: "query_message", 12: "response_sec", 13: "response_nsec", 14: "response_message"}
QUERY, RESPONSE = 5, 6
FORWARDER_QUERY, FORWARDER_RESPONSE = 7, 8


def varint(data, at):
    """A number and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data, names):
    """A protocol buffer as a dict by names; a field that has none is an error."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        name, wire = names[key >> 3], key & 7
        assert name not in found and wire in (0, 2, 5)
        if wire == 0:
            found[name], at = varint(data, at)
            continue
        size = 4
        if wire == 2:
            size, at = varint(data, at)
        piece = data[at:at + size]
        assert len(piece) == size
        found[name] = piece if wire == 2 else struct.unpack("<I", piece)[0]
        at += size
    return found


def frames(data):
    """The whole data frames so far of a file of frame streams."""
    found, at = [], 0
    while at + 4 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        at += 4
        if size == 0:  # a control frame
            if at + 4 > len(data):
                break
            at += 4 + struct.unpack_from(">I", data, at)[0]
            continue
        if at + size > len(data):
            break
        found.append(data[at:at + size])
        at += size
    return found


def decode(frame):
    """One dnstap message, its envelope's texts with it."""
    outer = fields(frame, DNSTAP)
    assert outer.pop("type") == 1
    return {**outer, **fields(outer.pop("message"), MESSAGE)}


def address(piece):
    """As text."""
    return socket.inet_ntop(socket.AF_INET if len(piece) == 4 else socket.AF_INET6, piece)


class Collector:
    """fstrm_capture on a socket (a path) or, in the server's namespace, on a port."""

    def __init__(self, out, path=None, port=None):
        self.out = out
        where = ["-u", str(path)] if path else ["-a", "127.0.0.1", "-p", str(port)]
        self.process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), "stdbuf", "-o0", "fstrm_capture", "-t", CONTENT, *where,
                                         "-w", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if path:
            lab.wait_for(path.is_socket)
            path.chmod(0o777)

    def close(self):
        """Ends it: what it has goes into the file."""
        self.process.terminate()
        self.process.wait(60)

    def messages(self):
        """What the file holds."""
        return [decode(f) for f in frames(self.out.read_bytes())] if self.out.exists() else []
