# SPDX-License-Identifier: Apache-2.0
"""Asks the monitor of a lab over HTTP and reads metrics; an upstream to forward to, and questions."""

import http.client
import re
import socket
import socketserver
import threading

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

import lab

PORTS = {"/health": 8080, "/ready": 8181, "/metrics": 9153}
SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def get(path, host="127.0.0.1", timeout=5):
    """(status, body) of a place of the server."""
    with lab.netns("srv"):
        connection = http.client.HTTPConnection(host, PORTS[path], timeout=timeout)
        connection.connect()
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, body


class Metrics:
    """One scrape."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            found = SAMPLE.match(line)
            if found and not line.startswith("#"):
                self.samples.append((found[1], dict(LABEL.findall(found[2] or "")), float(found[3])))

    def total(self, name, **labels):
        """Sum of the samples with these labels."""
        return sum(v for n, have, v in self.samples if n == name and labels.items() <= have.items())

    def find(self, name, **labels):
        """The samples with these labels."""
        return [(have, v) for n, have, v in self.samples if n == name and labels.items() <= have.items()]

    def names(self):
        """Of all metrics that have a sample."""
        return {n for n, _, _ in self.samples}


def metrics():
    """A scrape of the lab."""
    status, text = get("/metrics")
    assert status == 200
    return Metrics(text)


class Upstream:
    """Answers every question: names that begin with nx do not exist, those with sf fail; counts what came."""

    def __init__(self, port, address="198.18.0.10", role="cli"):
        self.asked = {"udp": 0, "tcp": 0}
        owner = self

        class Udp(socketserver.BaseRequestHandler):
            """A datagram."""

            def handle(self):
                data, sock = self.request
                owner.asked["udp"] += 1
                sock.sendto(reply(data), self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            """A connection, until it ends."""

            def handle(self):
                while True:
                    head = self.request.recv(2, socket.MSG_WAITALL)
                    if len(head) < 2:
                        return
                    data = self.request.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
                    owner.asked["tcp"] += 1
                    out = reply(data)
                    self.request.sendall(len(out).to_bytes(2, "big") + out)

        class TcpServer(socketserver.ThreadingTCPServer):
            """One thread per connection."""
            allow_reuse_address = True
            daemon_threads = True

        with lab.netns(role):
            self.servers = [socketserver.UDPServer((address, port), Udp), TcpServer((address, port), Tcp)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        """Stops both."""
        for server in self.servers:
            server.shutdown()
            server.server_close()


def reply(data):
    """What the upstream says."""
    query = dns.message.from_wire(data)
    out = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name
    first = name.labels[0]
    soa = dns.rrset.from_text(name.parent(), 60, "IN", "SOA", "ns.example. h.example. 1 7200 1800 86400 60")
    if first.startswith(b"nx"):
        out.set_rcode(dns.rcode.NXDOMAIN)
        out.authority.append(soa)
    elif first.startswith(b"sf"):
        out.set_rcode(dns.rcode.SERVFAIL)
    elif query.question[0].rdtype == dns.rdatatype.A:
        out.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "192.0.2.7"))
    else:
        out.authority.append(soa)
    return out.to_wire()


def ask(name, kind="A", family=4, tcp=False, timeout=2, role="cli", **more):
    """(query's size, reply's size, reply) of one question, from the client unless told otherwise."""
    flags = more.pop("flags", dns.flags.RD)
    query = dns.message.make_query(name, kind, **more)
    query.flags = flags
    with lab.netns(role):
        sock = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6,
                                     socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with sock:
        if tcp:
            sock.settimeout(timeout)
            sock.connect((lab.SERVICE[family], 53))
            wire = query.to_wire()
            sock.sendall(len(wire).to_bytes(2, "big") + wire)
            size = int.from_bytes(sock.recv(2, socket.MSG_WAITALL), "big")
            data = sock.recv(size, socket.MSG_WAITALL)
        else:
            wire = query.to_wire()
            sock.settimeout(timeout)
            sock.connect((lab.SERVICE[family], 53))
            sock.send(wire)
            data = sock.recv(65535)
    return len(wire), len(data), dns.message.from_wire(data)
