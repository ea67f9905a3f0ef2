# SPDX-License-Identifier: Apache-2.0
"""Forwarding as CoreDNS does it (k8s:2.13 forward)."""

import pathlib
import socket
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

import slow

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import stub_upstream  # noqa: E402


@pytest.fixture
def stub():
    upstream = stub_upstream.StubUpstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def empty(tmp_path):
    running = slow.Slowpath(tmp_path)
    yield running
    assert running.process.poll() is None, running.log_text()
    assert running.stop() == 0, running.log_text()


def ask(server, name, kind="A", tcp=False, **edns):
    wire = slow.question(name, kind, **edns)
    reply = server.ask_tcp(wire) if tcp else server.ask_udp(wire, timeout=8)
    return None if reply is None else dns.message.from_wire(reply)


def forward(stub, options="", before=""):
    to = " ".join(f"{s.address}:{s.port}" for s in (stub if isinstance(stub, list) else [stub]))
    return f".:53 {{\n {before}\n forward . {to} {{\n {options}\n }}\n}}\n"


def texts(message):
    return [str(r) for rrset in message.answer for r in [rrset]]


@pytest.mark.parametrize("tcp", [False, True])
def test_answers_come_as_the_upstream_gave_them(empty, stub, tcp):
    empty.serve_corefile(forward(stub))
    reply = ask(empty, "www.example.net.", tcp=tcp)
    assert texts(reply) == ["www.example.net. 300 IN A 203.0.113.5"]
    assert dns.flags.to_text(reply.flags) == "QR RD RA"
    reply = ask(empty, "alias.example.net.", "AAAA", tcp=tcp)
    assert texts(reply) == ["alias.example.net. 77 IN CNAME www.example.net.", "www.example.net. 300 IN AAAA 2001:db8::5"]
    reply = ask(empty, "nx.example.net.", tcp=tcp)
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert str(reply.authority[0]) == "example.net. 60 IN SOA ns.example.net. h.example.net. 7 1 1 1 60"
    for name, rcode in (("sf.x.", "SERVFAIL"), ("refused.x.", "REFUSED"), ("nosoa.x.", "NXDOMAIN")):
        assert dns.rcode.to_text(ask(empty, name, tcp=tcp).rcode()) == rcode
    assert all(is_tcp == tcp for _, _, is_tcp in stub.seen)


def test_the_clients_spelling_of_the_name_comes_back(empty, stub):
    empty.serve_corefile(forward(stub))
    reply = empty.ask_udp(slow.question("wWw.eXample.NET."))
    assert reply[12:29] == b"\3wWw\7eXample\3NET\0"
    assert dns.message.from_wire(reply).answer


def test_flags_and_edns_of_the_question_go_along_and_no_more(empty, stub):
    empty.serve_corefile(forward(stub))
    query = dns.message.make_query("ttl9.example.net.", "A", use_edns=0, payload=4000)
    query.use_edns(0, dns.flags.DO, 4000, options=[
        dns.edns.GenericOption(10, b"12345678"), dns.edns.ECSOption("192.0.2.0", 24), dns.edns.GenericOption(65001, b"x"),
    ])
    query.flags |= dns.flags.CD
    reply = dns.message.from_wire(empty.ask_udp(query.to_wire()))
    assert reply.ednsflags & dns.flags.DO and reply.flags & dns.flags.CD and not reply.options
    sent = dns.message.from_wire(stub.seen[0][0])
    assert sent.flags & dns.flags.CD and sent.flags & dns.flags.RD and sent.ednsflags & dns.flags.DO
    assert sent.payload == 1232 and not sent.options
    ask(empty, "ttl8.example.net.")
    assert not dns.message.from_wire(stub.seen[1][0]).ednsflags & dns.flags.DO


def test_without_edns_the_answer_fits_512_bytes(empty, stub):
    empty.serve_corefile(forward(stub))
    reply = empty.ask_udp(slow.question("many.example.net."))
    assert len(reply) <= 512 and dns.message.from_wire(reply).flags & dns.flags.TC
    assert len(ask(empty, "many.example.net.", tcp=True).answer[0]) == 100


def test_tcp_is_used_when_it_is_forced(empty, stub):
    empty.serve_corefile(forward(stub, "force_tcp"))
    assert ask(empty, "www.example.net.").answer and ask(empty, "ttl1.example.net.").answer
    assert all(is_tcp for _, _, is_tcp in stub.seen)
    assert stub.n_conns <= 2  # kept for the next question of the same thread


def test_prefer_udp_asks_again_over_tcp_when_the_answer_is_cut(empty, stub):
    empty.serve_corefile(forward(stub, "prefer_udp"))
    assert ask(empty, "www.example.net.", tcp=True).answer
    assert [is_tcp for _, _, is_tcp in stub.seen] == [False]
    assert len(ask(empty, "many.example.net.", tcp=True).answer[0]) == 100
    assert [is_tcp for _, _, is_tcp in stub.seen] == [False, False, True]


def test_a_cut_answer_is_passed_on_to_udp_clients(empty, stub):
    empty.serve_corefile(forward(stub, before="cache 30"))
    for _ in range(2):
        assert ask(empty, "tc.example.net.").flags & dns.flags.TC
    assert len(stub.seen) == 2 and not any(is_tcp for _, _, is_tcp in stub.seen)


def test_excepted_names_and_names_outside_from_are_servfail(empty, stub):
    empty.serve_corefile(
        f"example.net:53 {{\n forward example.net {stub.address}:{stub.port} {{\n except a.example.net\n }}\n}}\n"
    )
    assert ask(empty, "www.example.net.").answer
    assert ask(empty, "www.a.example.net.").rcode() == dns.rcode.SERVFAIL
    assert ask(empty, "xa.example.net.").rcode() == dns.rcode.NXDOMAIN
    assert len(stub.seen) == 2


def test_stub_domains_have_their_own_upstream(empty, stub):
    other = stub_upstream.StubUpstream(address="127.0.0.2")
    try:
        empty.serve_corefile(
            forward(stub) + f"corp.example:53 {{\n forward . {other.address}:{other.port}\n}}\n"
        )
        assert ask(empty, "www.corp.example.").answer and ask(empty, "www.example.net.").answer
        assert other.names() == ["www.corp.example."] and stub.names() == ["www.example.net."]
    finally:
        other.stop()


def test_resolv_conf_files_are_read_and_their_changes_too(empty, tmp_path, stub):
    # The file names no port: 53 on addresses of this machine.
    second = None
    try:
        first = stub_upstream.StubUpstream(address="127.0.53.1", port=53)
        second = stub_upstream.StubUpstream(address="127.0.53.2", port=53)
    except OSError as e:
        pytest.skip(str(e))
    path = tmp_path / "resolv.conf"
    path.write_text("# comment\nsearch example.net\nnameserver 127.0.53.1\noptions ndots:5\n")
    try:
        empty.serve_corefile(f".:53 {{\n cache 30\n forward . {path}\n}}\n")
        assert ask(empty, "www.example.net.").answer
        assert len(first.seen) == 1
        path.write_text("nameserver 127.0.53.2\n")
        assert slow.wait_until(lambda: ask(empty, "www.example.net.") and len(second.seen) > 0, 12, 0.3)
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("policy,spread", [("sequential", "first"), ("round_robin", "even"), ("random", "some")])
def test_policies_choose_among_upstreams(empty, policy, spread):
    stubs = [stub_upstream.StubUpstream() for _ in range(3)]
    try:
        empty.serve_corefile(forward(stubs, f"policy {policy}"))
        for n in range(60):
            assert ask(empty, f"ttl{n}.example.net.").answer
        counts = [len(s.seen) for s in stubs]
        if spread == "first":
            assert counts == [60, 0, 0]
        elif spread == "even":
            assert counts == [20, 20, 20]
        else:
            assert min(counts) >= 5, counts
    finally:
        for s in stubs:
            s.stop()


def closed_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_a_dead_upstream_is_stepped_over_and_comes_back(empty, stub):
    silent = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: None)
    try:
        empty.serve_corefile(forward([silent, stub], "policy sequential\nmax_fails 1\nhealth_check 0.1s"))
        start = time.monotonic()
        assert ask(empty, "ttl1.example.net.").answer
        assert 1.5 < time.monotonic() - start < 3
        # More than one failed check of a second each, and it is left out.
        assert slow.wait_until(lambda: "upstream is down" in empty.log_text(), 10)
        start = time.monotonic()
        for n in range(20):
            assert ask(empty, f"ttl{n}0.example.net.").answer
        assert time.monotonic() - start < 1
        silent.answer = silent.standard
        assert slow.wait_until(lambda: "upstream is back" in empty.log_text(), 5)
        before = len(silent.seen)
        assert ask(empty, "ttl3.example.net.").answer
        assert slow.wait_until(lambda: len(silent.seen) > before, 1)
    finally:
        silent.stop()


def test_when_all_are_dead_the_answer_is_servfail_in_time(empty):
    silent = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: None)
    try:
        empty.serve_corefile(forward(silent, "max_fails 1\nhealth_check 0.1s"))
        start = time.monotonic()
        reply = ask(empty, "www.example.net.", use_edns=0)
        assert reply.rcode() == dns.rcode.SERVFAIL and reply.options[0].code == 22
        assert 3.5 < time.monotonic() - start < 5.2  # k8s:2.13: 4.0 s with one dead upstream
        assert slow.wait_until(lambda: "upstream is down" in empty.log_text(), 10)
        start = time.monotonic()
        assert ask(empty, "www.example.net.").rcode() == dns.rcode.SERVFAIL
        assert time.monotonic() - start < 1.8  # rel:P7
    finally:
        silent.stop()


def test_failfast_answers_at_once_when_all_are_down(empty):
    silent = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: None)
    try:
        empty.serve_corefile(forward(silent, "max_fails 1\nhealth_check 0.1s\nfailfast_all_unhealthy_upstreams"))
        ask(empty, "www.example.net.")
        assert slow.wait_until(lambda: "upstream is down" in empty.log_text(), 10)
        start = time.monotonic()
        assert ask(empty, "www.example.net.").rcode() == dns.rcode.SERVFAIL
        assert time.monotonic() - start < 0.3
    finally:
        silent.stop()


def test_a_refusing_upstream_costs_no_time(empty, stub):
    port = closed_port()
    empty.serve_corefile(f".:53 {{\n forward . 127.0.0.1:{port} {stub.address}:{stub.port} {{\n policy sequential\n }}\n}}\n")
    start = time.monotonic()
    for tcp in (False, True):
        assert ask(empty, "www.example.net.", tcp=tcp).answer
    assert time.monotonic() - start < 1


def test_failover_goes_on_and_keeps_the_last_answer(empty, stub):
    other = stub_upstream.StubUpstream(answer=lambda wire, is_tcp: stub_upstream.StubUpstream.fit(
        servfail(wire), dns.message.from_wire(wire), is_tcp))
    try:
        empty.serve_corefile(forward([other, stub], "policy sequential\nfailover SERVFAIL REFUSED"))
        assert ask(empty, "www.example.net.").answer
        assert ask(empty, "sf.example.net.").rcode() == dns.rcode.SERVFAIL
        assert ask(empty, "refused.example.net.").rcode() in (dns.rcode.REFUSED, dns.rcode.SERVFAIL)
    finally:
        other.stop()


def servfail(wire):
    reply = dns.message.make_response(dns.message.from_wire(wire))
    reply.set_rcode(dns.rcode.SERVFAIL)
    return reply


def test_next_asks_the_following_forward(empty, stub):
    other = stub_upstream.StubUpstream()
    try:
        empty.serve_corefile(
            f".:53 {{\n forward . {stub.address}:{stub.port} {{\n next NXDOMAIN\n }}\n"
            f" forward . {other.address}:{other.port}\n}}\n"
        )
        assert ask(empty, "nx.example.net.").rcode() == dns.rcode.NXDOMAIN
        assert ask(empty, "www.example.net.").answer
        assert stub.names() == ["nx.example.net.", "www.example.net."] and other.names() == ["nx.example.net."]
    finally:
        other.stop()


def test_max_concurrent_refuses_the_excess(empty, stub):
    empty.serve_corefile(forward(stub, "max_concurrent 5"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", empty.port))
        for n in range(8):
            sock.send(slow.question(f"slow.n{n}.example.net.", ident=n))
        rcodes = [dns.message.from_wire(sock.recv(512)).rcode() for _ in range(8)]
    assert rcodes.count(dns.rcode.REFUSED) == 3 and rcodes.count(dns.rcode.NOERROR) == 5
    assert "max_concurrent" in empty.log_text()
    assert ask(empty, "www.example.net.").answer


def test_upstreams_may_have_ipv6_addresses(empty):
    upstream = stub_upstream.StubUpstream(address="::1")
    try:
        empty.serve_corefile(f".:53 {{\n forward . [::1]:{upstream.port}\n}}\n")
        assert ask(empty, "www.example.net.").answer and ask(empty, "www.example.net.", tcp=True).answer
    finally:
        upstream.stop()


def test_slow_upstreams_delay_nobody_else(empty, stub):
    empty.serve_corefile(forward(stub))
    slow_one = threading.Thread(target=ask, args=(empty, "slow.example.net."))
    slow_one.start()
    time.sleep(0.1)
    start = time.monotonic()
    for n in range(20):
        assert ask(empty, f"ttl{n}.example.net.").answer
    assert time.monotonic() - start < 1
    slow_one.join()


def test_an_upstream_without_edns_is_asked_without(empty):
    def answer(wire, is_tcp):
        query = dns.message.from_wire(wire)
        if query.edns >= 0:
            return wire[:2] + b"\x81\x81" + wire[4:6] + b"\0" * 6 + wire[12:-11]  # FORMERR, no OPT
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.1"))
        return reply.to_wire()

    upstream = stub_upstream.StubUpstream(answer=answer)
    try:
        empty.serve_corefile(forward(upstream))
        assert ask(empty, "www.example.net.").answer
    finally:
        upstream.stop()


def test_pipelined_questions_are_answered_out_of_order(empty, stub):
    empty.serve_corefile(forward(stub, "prefer_udp"))
    with empty.tcp() as sock:
        sock.sendall(slow.framed(slow.question("slow.example.net.", ident=1)) + slow.framed(slow.question("www.example.net.", ident=2)))
        assert slow.read_message(sock)[:2] == b"\0\2"
        assert slow.read_message(sock)[:2] == b"\0\1"


def test_a_client_that_leaves_does_no_harm(empty, stub):
    empty.serve_corefile(forward(stub, "prefer_udp"))
    for _ in range(50):
        with empty.tcp() as sock:
            sock.sendall(slow.framed(slow.question("slow.example.net.")))
    time.sleep(1.8)
    assert ask(empty, "www.example.net.").answer
    assert slow.wait_until(lambda: empty.n_fds() < 40, 5)


def test_stopping_with_questions_under_way_is_clean(tmp_path, stub):
    running = slow.Slowpath(tmp_path)
    running.serve_corefile(forward(stub, "prefer_udp", "cache"))
    conns = [running.tcp() for _ in range(20)]
    for n, sock in enumerate(conns):
        sock.sendall(b"".join(slow.framed(slow.question(f"drop.n{n}x{k}.example.net.")) for k in range(20)))
    time.sleep(0.5)
    assert running.stop() == 0, running.log_text()
    for sock in conns:
        sock.close()


@pytest.fixture
def certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=dns.example", "-addext", "subjectAltName=DNS:dns.example,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True,
    )
    return key, cert


class TlsStub:
    """DNS over TLS in front of the stub's answers."""

    def __init__(self, key, cert):
        import ssl

        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.answers = stub_upstream.Answers()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.n_conns = 0
        self.names = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                conn, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            sock = self.context.wrap_socket(conn, server_side=True)
            self.n_conns += 1
            self.names.append(sock.server_hostname if hasattr(sock, "server_hostname") else None)
            while (wire := slow.read_message(sock)) is not None:
                query = dns.message.from_wire(wire)
                sock.sendall(slow.framed(self.answers.reply(query).to_wire()))
        except OSError:
            pass


def test_tls_upstreams_are_verified(empty, certificate, tmp_path):
    key, cert = certificate
    stub = TlsStub(key, cert)
    empty.serve_corefile(f".:53 {{\n forward . tls://127.0.0.1:{stub.port} {{\n tls {cert}\n tls_servername dns.example\n }}\n}}\n")
    for n in range(10):
        assert ask(empty, f"ttl{n}.example.net.").answer
    assert stub.n_conns <= 2
    empty.serve_corefile(f".:53 {{\n forward . tls://127.0.0.1:{stub.port} {{\n tls {cert}\n }}\n}}\n", 2)
    assert ask(empty, "ttl11.example.net.").answer  # by address
    for number, lines in ((3, f"tls {cert}\n tls_servername other.example"), (4, "tls")):
        empty.serve_corefile(f".:53 {{\n forward . tls://127.0.0.1:{stub.port} {{\n {lines}\n }}\n}}\n", number)
        assert ask(empty, "ttl12.example.net.").rcode() == dns.rcode.SERVFAIL
    stub.listening.close()
