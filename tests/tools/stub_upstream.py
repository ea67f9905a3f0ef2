#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The upstream that the captured answers of CoreDNS were made with: what a name gets is in its first label.

usage: stub_upstream.py [ADDRESS [PORT]]        (127.0.0.1 5399; serves UDP and TCP until it is stopped)
"""

import contextlib
import re
import selectors
import socket
import struct
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ZONE = "example.net."


def soa(owner, ttl, minimum):
    base = "" if owner == "." else owner
    return dns.rrset.from_text(owner, ttl, "IN", "SOA", f"ns.{base} h.{base} 7 1 1 1 {minimum}")


class Answers:
    """From a query to a reply. Counts the questions: addresses vary with how many came before."""

    def __init__(self):
        self.count = 0
        self.lock = threading.Lock()

    def address(self):
        with self.lock:
            self.count += 1
            return f"198.51.100.{(self.count - 1) % 250 + 1}"

    def reply(self, query):
        """The reply, or None for silence."""
        name = query.question[0].name.to_text().lower()
        kind = query.question[0].rdtype
        reply = dns.message.make_response(query, recursion_available=True)
        first = name.split(".")[0]
        word = re.fullmatch(r"([a-z]+)(\d*)", first)
        handler = getattr(self, "on_" + word.group(1), None) if word else None
        if handler is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority = [soa(".", 120, 86400)]
            return reply
        number = int(word.group(2)) if word.group(2) else None
        return handler(reply, name, kind, number)

    def add_a(self, reply, name, kind, ttl):
        if kind == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(name, ttl, "IN", "A", self.address()))
        else:
            reply.authority.append(soa(ZONE, 900, 900))
        return reply

    def on_www(self, reply, name, kind, number):
        addresses = {dns.rdatatype.A: ("A", "203.0.113.5"), dns.rdatatype.AAAA: ("AAAA", "2001:db8::5")}
        if kind in addresses:
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", *addresses[kind]))
        else:
            reply.authority.append(soa(ZONE, 900, 900))
        return reply

    def on_alias(self, reply, name, kind, number):
        reply.answer.append(dns.rrset.from_text(name, 77, "IN", "CNAME", "www.example.net."))
        return reply if kind == dns.rdatatype.CNAME else self.on_www(reply, "www.example.net.", kind, None)

    def on_ttl(self, reply, name, kind, number):
        return self.add_a(reply, name, kind, number or 0)

    def on_aa(self, reply, name, kind, number):
        reply.flags |= dns.flags.AA
        return self.add_a(reply, name, kind, 60)

    def on_nx(self, reply, name, kind, number):
        reply.set_rcode(dns.rcode.NXDOMAIN)
        ttl = 60 if number is None else number
        reply.authority.append(soa(ZONE, ttl, ttl))
        return reply

    def on_nosoa(self, reply, name, kind, number):
        reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    def on_nodata(self, reply, name, kind, number):
        reply.authority.append(soa(ZONE, 900, 900))
        return reply

    def on_sf(self, reply, name, kind, number):
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply

    def on_refused(self, reply, name, kind, number):
        reply.set_rcode(dns.rcode.REFUSED)
        return reply

    def on_tc(self, reply, name, kind, number):
        reply.flags |= dns.flags.TC
        return reply

    def on_drop(self, reply, name, kind, number):
        return None

    def on_slow(self, reply, name, kind, number):
        time.sleep(1.5)
        return self.add_a(reply, name, kind, 60)

    def on_many(self, reply, name, kind, number):
        texts = [f"198.51.100.{n}" for n in range(1, 101)]
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *texts))
        return reply

    def on_evil(self, reply, name, kind, number):
        """Records for a name of the cluster, in all sections (rel:P10)."""
        victim = "kubernetes.default.svc.cluster.local."
        reply.answer = [dns.rrset.from_text(name, 600, "IN", "CNAME", victim), dns.rrset.from_text(victim, 600, "IN", "A", "6.6.6.6")]
        reply.authority = [dns.rrset.from_text("cluster.local.", 600, "IN", "NS", victim), dns.rrset.from_text(victim, 600, "IN", "A", "6.6.6.6")]
        reply.additional = [dns.rrset.from_text(victim, 600, "IN", "A", "6.6.6.6")]
        return reply

    def on_mix(self, reply, name, kind, number):
        reply.answer.append(dns.rrset.from_text(name, 600, "IN", "CNAME", "t.example.net."))
        self.add_a(reply, "t.example.net.", kind, 40)
        reply.authority.append(dns.rrset.from_text(ZONE, 9000, "IN", "NS", "ns.example.net."))
        return reply


class StubUpstream:
    """Serves on one address over UDP and TCP in threads. `answer` gets (query bytes, is_tcp) and returns reply
    bytes, a list of them, or None; `seen` keeps (bytes, client port, is_tcp) of each query."""

    def __init__(self, answer=None, address="127.0.0.1", port=0):
        self.answers = Answers()
        self.answer = answer or self.standard
        self.seen = []
        self.udp, self.tcp = self.bind(address, port)
        self.address, self.port = self.udp.getsockname()[:2]
        self.tcp.listen(256)
        self.n_conns = 0
        self.is_stopping = False
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def bind(address, port):
        """One port for both; port 0 takes one that is free for both."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        while True:
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            tcp = socket.socket(family, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind((address, port))
                tcp.bind((address, udp.getsockname()[1]))
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()
                if port:
                    raise

    def standard(self, wire, is_tcp):
        query = dns.message.from_wire(wire)
        reply = self.answers.reply(query)
        return None if reply is None else self.fit(reply, query, is_tcp)

    @staticmethod
    def fit(reply, query, is_tcp):
        """The bytes; over UDP cut to what the client takes."""
        limit = 65535 if is_tcp else max(512, query.payload if query.edns >= 0 else 512)
        wire = reply.to_wire(max_size=65535)
        if len(wire) <= limit:
            return wire
        reply.answer = []
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def replies(self, wire, is_tcp):
        try:
            out = self.answer(wire, is_tcp)
        except Exception as e:  # a query that cannot be read: tests look at what was seen
            print("stub upstream:", repr(e), file=sys.stderr)
            return []
        return out if isinstance(out, list) else [] if out is None else [out]

    def on_udp(self, wire, client):
        for reply in self.replies(wire, False):
            with contextlib.suppress(OSError):  # stopped while a slow answer was under way
                self.udp.sendto(reply, client)

    def on_tcp(self, sock):
        with sock:
            while True:
                head = self.read(sock, 2)
                wire = head and self.read(sock, struct.unpack(">H", head)[0])
                if not wire:
                    return
                self.seen.append((wire, sock.getpeername()[1], True))
                for reply in self.replies(wire, True):
                    with contextlib.suppress(OSError):  # who has heard enough closes
                        sock.sendall(struct.pack(">H", len(reply)) + reply)

    @staticmethod
    def read(sock, n):
        data = b""
        while len(data) < n:
            try:
                more = sock.recv(n - len(data))
            except OSError:
                return None
            if not more:
                return None
            data += more
        return data

    def take(self, sock):
        if sock is self.udp:
            wire, client = sock.recvfrom(65535)
            self.seen.append((wire, client[1], False))
            # Slow answers must not delay the others.
            if wire[13:17] == b"slow":
                threading.Thread(target=self.on_udp, args=(wire, client), daemon=True).start()
            else:
                self.on_udp(wire, client)
            return
        conn, _ = sock.accept()
        self.n_conns += 1
        threading.Thread(target=self.on_tcp, args=(conn,), daemon=True).start()

    def run(self):
        selector = selectors.DefaultSelector()
        for sock in (self.udp, self.tcp, self.woken):
            selector.register(sock, selectors.EVENT_READ)
        while not self.is_stopping:
            for key, _ in selector.select():
                if key.fileobj is not self.woken:
                    self.take(key.fileobj)

    def stop(self):
        self.is_stopping = True
        self.wake.send(b"x")
        self.thread.join()
        for sock in (self.udp, self.tcp, self.wake, self.woken):
            sock.close()

    def names(self):
        """The names that were asked for, in order, without the root: a forwarder that waited too long on a busy machine looks
        whether we live."""
        names = [dns.message.from_wire(wire).question[0].name.to_text() for wire, _, _ in self.seen]
        return [name for name in names if name != "."]


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 5399
    stub = StubUpstream(address=address, port=port)
    print(f"stub upstream on {stub.address} port {stub.port}", flush=True)
    try:
        stub.thread.join()
    except KeyboardInterrupt:
        stub.stop()


if __name__ == "__main__":
    main()
