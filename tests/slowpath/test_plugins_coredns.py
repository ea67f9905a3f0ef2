# SPDX-License-Identifier: Apache-2.0
"""rewrite, template and whoami beside the real CoreDNS: same Corefile, same upstream, same questions."""

import os
import pathlib
import socket
import subprocess
import sys
import zlib

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import slow
from plugin_cases import CASES, random_case

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
COREDNS = pathlib.Path(os.environ.get("B53_COREDNS", TOP / "build" / "cluster" / "bin" / "coredns"))

sys.path.insert(0, str(TOP / "tests" / "tools"))
import stub_upstream  # noqa: E402

pytestmark = pytest.mark.skipif(not COREDNS.exists(), reason="scripts/setup brings CoreDNS")

last_id = 0
STANDARD_OPTIONS = (10, 12)  # cookies and padding: not what rules set


def options_text(query):
    """The EDNS options that reached the upstream."""
    texts = [f"{int(o.otype)}:{o.to_wire().hex()}" for o in query.options if int(o.otype) not in STANDARD_OPTIONS]
    return " ".join(texts) or "none"


def records(name, kind, query):
    """What the upstream has for a name: a function of the question alone."""
    tail = name.split(".", 1)[1] or "net."
    value = zlib.crc32(name.encode())
    return {
        "A": [f"198.51.{value % 250}.{value // 250 % 250}"],
        "AAAA": [f"2001:db8::{value % 65536:x}"],
        "MX": [f"10 mx.{tail}", "20 mx.example.org."],
        "NS": [f"ns.{tail}", "ns.example.net."],
        "SRV": [f"1 2 3 srv.{tail}"],
        "PTR": [f"ptr.{tail}"],
        "DNAME": [f"dname.{tail}"],
        "NAPTR": [f'1 2 "s" "SIP+D2U" "" naptr.{tail}'],
        "SOA": [f"ns.{tail} h.{tail} 1 2 3 4 5"],
        "TXT": [f'"{options_text(query)}"'],
    }.get(kind, [])


def answer(wire, is_tcp):
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query, recursion_available=True)
    name = query.question[0].name.to_text().lower()  # CoreDNS forwards the client's spelling
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    soa = dns.rrset.from_text(".", 900, "IN", "SOA", "ns.net. h.net. 7 1 1 1 60")  # above every name
    first = name.split(".")[0]
    if first in ("nx", "nodata", "sf"):
        reply.set_rcode({"nx": 3, "nodata": 0, "sf": 2}[first])
        reply.authority = [soa] if first != "sf" else []
        return reply.to_wire()
    hops = 0
    while first == "alias" and hops < 3 and kind not in ("CNAME", "ANY"):
        target = "t." + name.split(".", 1)[1] if not name.split(".", 1)[1].startswith("alias") else name.split(".", 1)[1]
        reply.answer.append(dns.rrset.from_text(name, 77, "IN", "CNAME", target))
        name, first, hops = target, target.split(".")[0], hops + 1
    texts = records(name, kind, query)
    reply.answer += [dns.rrset.from_text(name, 60 + hops, "IN", kind, *texts)] if texts else []
    reply.authority = [] if texts else [soa]
    return reply.to_wire()


@pytest.fixture(scope="module")
def stub():
    upstream = stub_upstream.StubUpstream(answer)
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = slow.Slowpath(tmp_path_factory.mktemp("slow"))
    running.generation = 0
    yield running
    assert running.process.poll() is None, running.log_text()
    assert running.stop() == 0, running.log_text()


class CoreDns:
    """The real one, with a Corefile. A port that was free may be taken when it gets there, for a moment by a question of
    somebody to an upstream: then it is started with another one."""

    def __init__(self, folder, text):
        self.path = folder / "coredns.log"
        self.process = None
        for _ in range(5):
            self.port = slow.free_port()
            (folder / "Corefile").write_text(text.replace(":53", f":{self.port}"))
            with open(self.path, "w", encoding="utf-8") as log:
                self.process = subprocess.Popen([str(COREDNS), "-conf", str(folder / "Corefile")], stdout=log, stderr=log)
            assert slow.wait_until(lambda: self.is_up() or self.process.poll() is not None, 60), self.said()
            if self.process.poll() is None:
                return
        raise AssertionError(self.said())

    def said(self):
        self.stop()
        return self.path.read_text(encoding="utf-8")

    def is_up(self):
        """It prints its version when all servers listen. Who answers on the port could be somebody else."""
        return "CoreDNS-1." in self.path.read_text(encoding="utf-8")

    def stop(self):
        self.process.kill()
        self.process.wait(60)


def ask(sock, port, wire, seconds):
    """The first reply, None for silence. CoreDNS sends two when a template answers REFUSED, NOTIMP or FORMERR."""
    global last_id
    last_id = last_id % 65535 + 1
    sock.settimeout(seconds)
    sock.sendto(last_id.to_bytes(2, "big") + wire[2:], ("127.0.0.1", port))
    while True:
        try:
            data = sock.recv(65535)
        except TimeoutError:
            return None
        if int.from_bytes(data[:2], "big") == last_id:
            return dns.message.from_wire(data)


def section(rrsets):
    return sorted(
        (r.name.to_text().lower(), dns.rdatatype.to_text(r.rdtype), r.ttl, d.to_text().lower()) for r in rrsets for d in r)


def shape(reply, edns):
    """What has to be the same, order aside. Not the question: CoreDNS leaves the rewritten one in the reply when all
    rules that applied say `continue` and change no answer. Nor errors to who sent no OPT: CoreDNS adds one."""
    flags = [f for f in dns.flags.to_text(reply.flags).split() if f in ("QR", "AA", "TC", "RD", "CD")]
    errors = [(int(o.otype), o.to_wire().hex()) for o in reply.options if int(o.otype) == 15 and edns is not None]
    return {"rcode": dns.rcode.to_text(reply.rcode()), "flags": flags,
            "answer": section(reply.answer), "authority": section(reply.authority),
            "additional": section(reply.additional), "ede": errors}


def questions(case):
    for name in case.names:
        for kind in case.types:
            for edns in case.edns:
                for rdclass in case.classes:
                    yield name, kind, edns, rdclass


def differences(case, sock, coredns_port, port):
    """(questions asked, what differed)."""
    different, n = [], 0
    for name, kind, edns, rdclass in questions(case):
        options = {"want_dnssec": True} if edns == "do" else {"use_edns": edns}
        wire = slow.question(name, kind, rdclass=rdclass, **options)
        for _ in range(3):  # a busy machine may let one of them wait too long for the upstream
            want, reply = ask(sock, coredns_port, wire, 5), ask(sock, port, wire, 60)
            assert reply is not None
            if want is None:  # it never ends following an alias to itself
                return n, different
            want, got = shape(want, edns), shape(reply, edns)
            if want == got:
                break
        n += 1
        assert reply.question[0].to_text() == dns.message.from_wire(wire).question[0].to_text()
        if want != got:
            different.append((name, kind, rdclass, edns, {k: (want[k], got[k]) for k in want if want[k] != got[k]}))
    return n, different


def compare(case, server, stub, folder):
    behind = f"forward . {stub.address}:{stub.port}" if case.forward else ""
    text = f".:53 {{\n{case.directives}\n{behind}\n}}\n"
    coredns = CoreDns(folder, text)
    try:
        server.generation += 1
        server.serve_corefile(text, generation=server.generation)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            n, different = differences(case, sock, coredns.port, server.port)
    finally:
        coredns.stop()
    print(f"{case.name}: {n} questions, {len(different)} differ")
    assert not different, text + "\n".join(map(str, different[:10]))


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_answers_are_those_of_coredns(case, server, stub, tmp_path):
    compare(case, server, stub, tmp_path)


@pytest.mark.parametrize("seed", range(int(os.environ.get("B53_PLUGIN_SEEDS", "10"))))
def test_answers_are_those_of_coredns_for_rules_by_chance(seed, server, stub, tmp_path):
    compare(random_case(seed), server, stub, tmp_path)
