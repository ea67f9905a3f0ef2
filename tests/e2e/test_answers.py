# SPDX-License-Identifier: Apache-2.0
"""What dig and kdig see of data/lab.json: every kind of name, both families, on the link, behind a router, on the node."""

import socket

import pytest

import lab

ZONE = "cluster.local."
WEB = "web.default.svc." + ZONE
DB = "db.default.svc." + ZONE
ROWS = [
    (WEB, "A", "NOERROR", ["A 10.96.0.80"]),
    (WEB, "AAAA", "NOERROR", ["AAAA fd00:96::80"]),
    ("kube-dns.kube-system.svc." + ZONE, "A", "NOERROR", ["A 10.96.0.10"]),
    (DB, "A", "NOERROR", [f"A 10.244.1.{n}" for n in (11, 12, 13)]),
    (DB, "AAAA", "NOERROR", ["AAAA fd00:244::11", "AAAA fd00:244::12", "AAAA fd00:244::13"]),
    ("db-1." + DB, "A", "NOERROR", ["A 10.244.1.12"]),
    ("_http._tcp." + WEB, "SRV", "NOERROR", ["SRV 0 50 80 " + WEB]),
    ("_nope._tcp." + WEB, "SRV", "NXDOMAIN", []),
    ("80.0.96.10.in-addr.arpa.", "PTR", "NOERROR", ["PTR " + WEB]),
    ("11.1.244.10.in-addr.arpa.", "PTR", "NOERROR", ["PTR db-0." + DB]),
    ("docs.shop.svc." + ZONE, "A", "NOERROR", ["A 10.96.0.80", "CNAME " + WEB]),
    ("10-244-9-9.default.pod." + ZONE, "A", "NOERROR", ["A 10.244.9.9"]),
    ("dns-version." + ZONE, "TXT", "NOERROR", ['TXT "1.1.0"']),
    ("missing.default.svc." + ZONE, "A", "NXDOMAIN", []),
    (WEB, "TXT", "NOERROR", []),
    ("kubernetes.default.svc." + ZONE, "AAAA", "NOERROR", []),
    ("example.com.", "A", "SERVFAIL", []),
]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("role", ["cli", "far", "srv"])
def test_every_kind_of_name(mode, role, family):
    wrong = []
    for name, kind, rcode, answers in ROWS:
        got = lab.dig(name, kind, family=family, role=role)
        if (got[0], got[2]) != (rcode, answers):
            wrong.append((name, kind, got))
        if rcode in ("NOERROR", "NXDOMAIN") and "aa" not in got[1]:
            wrong.append((name, kind, "not authoritative"))
    assert not wrong


@pytest.mark.parametrize("family", [4, 6])
def test_headless_srv_has_targets_and_addresses(mode, family):
    rcode, _, answers = lab.dig("_pg._tcp." + DB, "SRV", family=family)
    assert rcode == "NOERROR"
    assert {a.split()[-1] for a in answers} == {f"db-{n}.{DB}" for n in range(3)}
    assert {a.split()[3] for a in answers} == {"5432"}


@pytest.mark.parametrize("family", [4, 6])
def test_kdig_agrees(mode, family):
    assert lab.dig(WEB, "A", family=family, program="kdig")[::2] == ("NOERROR", ["A 10.96.0.80"])
    assert lab.dig("no." + ZONE, "A", family=family, program="kdig")[0] == "NXDOMAIN"


def test_the_clients_spelling_comes_back(mode):
    out = lab.inside("cli", "dig", "@198.18.0.53", "WeB.Default.SVC.cluster.LOCAL", "+noall", "+answer").stdout
    assert out.startswith("WeB.Default.SVC.cluster.LOCAL.")


def test_a_large_answer_is_cut_over_udp(mode):
    many = "many.shop.svc." + ZONE
    _, flags, small = lab.dig(many, "A", "+ignore", "+bufsize=512")
    assert "tc" in flags and 0 < len(small) < 35
    _, flags, more = lab.dig(many, "A", "+ignore", "+bufsize=4096")
    assert "tc" in flags and len(small) < len(more) < 100


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("role", ["cli", "far", "srv"])
def test_tcp_gives_it_whole(mode, role, family):
    _, flags, answers = lab.dig("many.shop.svc." + ZONE, "A", "+tcp", family=family, role=role)
    assert "tc" not in flags and len(answers) == 100


def test_tcp_says_the_same(mode):
    for name, kind, rcode, answers in ROWS:
        assert lab.dig(name, kind, "+tcp")[::2] == (rcode, answers), name


def test_only_dns_listens(mode):
    """Another TCP port is refused by a host that is there."""
    for port in (22, 80, 5353, 9153):
        with lab.netns("cli"), socket.socket() as sock:
            sock.settimeout(20)
            with pytest.raises(ConnectionRefusedError):
                sock.connect((lab.SERVICE[4], port))


def test_the_address_does_nothing_else(own):
    """Whoever scans all TCP ports finds one; UDP elsewhere is told so or is not told anything."""
    open_ports = []
    with lab.netns("cli"):
        for port in range(1, 65536):
            with socket.socket() as sock:
                sock.settimeout(20)
                if sock.connect_ex((lab.SERVICE[4], port)) == 0:
                    open_ports.append(port)
        assert open_ports == [53]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for port in range(1, 65536, 97):
                sock.sendto(b"\0" * 40, (lab.SERVICE[4], port))
            sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                sock.recv(100)
