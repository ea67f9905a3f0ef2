# SPDX-License-Identifier: Apache-2.0
"""The outside world of the test: a DNS server for up.test with fixed answers, over UDP and TCP."""

import argparse
import socketserver
import struct
import threading
import time

from dnswire import CD, RD, TYPES, labels_of, read_name, to_wire

ADDRESS4, ADDRESS6 = bytes([203, 0, 113, 5]), bytes.fromhex("20010db8000000000000000000000005")
SOA_RDATA = to_wire("ns.up.test") + to_wire("admin.up.test") + struct.pack("!IIIII", 1, 3600, 600, 86400, 120)


def record(name, rtype, ttl, rdata):
    """A record, uncompressed."""
    return to_wire(name) + struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata


def addresses(name, qtype, ttl=300):
    """A or AAAA of a name that has both."""
    if qtype == TYPES["A"]:
        return [record(name, qtype, ttl, ADDRESS4)]
    return [record(name, qtype, ttl, ADDRESS6)] if qtype == TYPES["AAAA"] else []


def answer_of(name, labels, qtype):
    """(rcode, answer records, whether an SOA goes along)."""
    first = labels[0] if labels[-2:] == ["up", "test"] else ""
    if first == "sf":
        return 2, [], False
    if first == "refused":
        return 5, [], False
    if first in ("www", "web"):
        return 0, addresses(name, qtype), True
    if first.startswith("ttl") and first[3:].isdigit():
        return 0, addresses(name, qtype, int(first[3:])), True
    if first == "nodata":
        return 0, [], True
    if first == "many" and qtype == TYPES["A"]:
        return 0, [record(name, qtype, 60, bytes([203, 0, 113, i])) for i in range(1, 61)], True
    if first in ("alias", "chain"):
        target = "www.up.test" if first == "alias" else "alias.up.test"
        out = [record(name, TYPES["CNAME"], 77, to_wire(target))]
        if qtype in (TYPES["CNAME"], TYPES["ANY"]):
            return 0, out, True
        if first == "chain":
            out.append(record("alias.up.test", TYPES["CNAME"], 77, to_wire("www.up.test")))
        return 0, out + addresses("www.up.test", qtype), True
    return 3, [], True


def respond(data, limit):
    """The reply to a query, cut to the limit."""
    ident, flags, count = struct.unpack_from("!HHH", data)
    if flags & 0x8000 or count != 1:
        return b""
    wire, at = read_name(data, 12)
    qtype = int.from_bytes(data[at:at + 2], "big")
    labels = labels_of(wire)
    if labels and labels[0].startswith("slow"):
        time.sleep(1)
    rcode, answers, has_soa = answer_of(wire_text(wire), labels, qtype)
    zone = "up.test" if labels[-2:] == ["up", "test"] else ""
    authority = [record(zone, TYPES["SOA"], 120, SOA_RDATA)] if has_soa and not answers else []
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if data[10:12] != b"\0\0" else b""
    out_flags = 0x8080 | flags & (RD | CD) | rcode
    body = data[12:at + 4] + b"".join(answers + authority) + opt
    if len(body) + 12 > limit:
        answers, authority, out_flags = [], [], out_flags | 0x0200
        body = data[12:at + 4] + opt
    return struct.pack("!HHHHHH", ident, out_flags, 1, len(answers), len(authority), 1 if opt else 0) + body


def wire_text(wire):
    """Dotted text of a name, case kept."""
    out, at = [], 0
    while wire[at]:
        out.append(wire[at + 1:at + 1 + wire[at]].decode("latin-1"))
        at += 1 + wire[at]
    return ".".join(out)


class OverUdp(socketserver.BaseRequestHandler):
    """One datagram."""

    def handle(self):
        data, sock = self.request
        reply = respond(data, 1232) if len(data) > 12 else b""
        if reply:
            sock.sendto(reply, self.client_address)


class OverTcp(socketserver.StreamRequestHandler):
    """One connection."""

    timeout = 20

    def handle(self):
        while True:
            size = self.rfile.read(2)
            data = self.rfile.read(int.from_bytes(size, "big")) if len(size) == 2 else b""
            if len(data) <= 12:
                return
            reply = respond(data, 65535)
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def main():
    """Serves until it is stopped."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--port", type=int, default=5399)
    parse.add_argument("--address", default="127.0.0.1")
    args = parse.parse_args()
    address = (args.address, args.port)
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = socketserver.ThreadingUDPServer.daemon_threads = True
    udp = socketserver.ThreadingUDPServer(address, OverUdp)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    socketserver.ThreadingTCPServer(address, OverTcp).serve_forever()


if __name__ == "__main__":
    main()
