# SPDX-License-Identifier: Apache-2.0
"""`dnstap`: a collector is told of the queries and replies of its blocks, whoever answered, and whatever becomes of the
collector nobody who answers waits for it."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import dns.message
import pytest

import lab
import scrape
import tapped

COREFILE = """.:53 {
    dnstap %(folder)s/full.sock full {
        identity me
        version 9
        extra "{name} {type} {proto} {rcode} {/meta}"
    }
    dnstap tcp://127.0.0.1:6000
    dnstap %(folder)s/none.sock
    hosts {
        198.18.9.9 static.example
        fallthrough
    }
    prometheus :9153
    forward . 198.18.0.10:5300
    cache 30
}
quiet.example:53 {
    hosts {
        198.18.9.8 www.quiet.example
    }
}
"""
pytestmark = pytest.mark.skipif(shutil.which("fstrm_capture") is None, reason="needs fstrm_capture of fstrm-bin")


def connected(n):
    """Whether so many collectors are there."""
    return lambda: scrape.metrics().total("burst53_dnstap_connected") == n


@pytest.fixture(scope="module", params=["own", "kernel"], name="tapped_lab")
def _tapped_lab(request):
    """A lab with three collectors in its Corefile, and an upstream; the folder of the sockets."""
    folder = Path(tempfile.mkdtemp(prefix="b53tap"))
    folder.chmod(0o755)  # the monitor has no rights
    (folder / "Corefile").write_text(COREFILE % {"folder": folder}, encoding="utf-8")
    upstream = None
    try:
        lab.up(request.param, "--corefile", folder / "Corefile")
        upstream = scrape.Upstream(5300)
        yield folder
    finally:
        if upstream is not None:
            upstream.close()
        lab.down()
        shutil.rmtree(folder)


@pytest.fixture(name="collectors")
def _collectors(tapped_lab):
    """A collector on the socket and one on the port, both connected."""
    made = []
    try:
        made.append(tapped.Collector(tapped_lab / "full.out", path=tapped_lab / "full.sock"))
        made.append(tapped.Collector(tapped_lab / "plain.out", port=6000))
        lab.wait_for(connected(2))
        yield made
    finally:
        for one in made:
            one.close()
        for name in ("full.sock", "full.out", "plain.out"):
            (tapped_lab / name).unlink(missing_ok=True)
        lab.wait_for(connected(0))


QUESTIONS = [
    {"name": "static.example"},
    {"name": "static.example", "tcp": True},
    {"name": "a.outside.example"},
    {"name": "a.outside.example"},
    {"name": "a.outside.example"},
    {"name": "nx.outside.example", "kind": "AAAA"},
    {"name": "t.outside.example", "tcp": True},
    {"name": "www.quiet.example"},
]
FORWARDED = ["a.outside.example", "nx.outside.example", "t.outside.example"]
TOLD = [q for q in QUESTIONS if q["name"] != "www.quiet.example"]


def told(collectors, n):
    """What both collectors have, when they were told of n messages each."""
    lab.wait_for(lambda: scrape.metrics().total("burst53_dnstap_messages_total") >= told.before + 2 * n)
    time.sleep(0.2)  # nothing more comes
    for one in collectors:
        one.close()
    return [one.messages() for one in collectors]


def test_collectors_are_told_of_every_query_and_its_reply(tapped_lab, collectors):
    told.before = scrape.metrics().total("burst53_dnstap_messages_total")
    since = time.time()
    for i, question in enumerate(QUESTIONS):
        scrape.ask(id=2000 + i, **question)
    n = 2 * len(TOLD) + 2 * len(FORWARDED)
    full, plain = told(collectors, n)
    assert len(full) == len(plain) == n
    assert not [m for m in plain if "query_message" in m or "response_message" in m or "extra" in m]
    assert {m["identity"] for m in plain} == {socket.gethostname().encode()}
    assert all(m["version"].startswith(b"burst53-") for m in plain)
    clients = {(m["query_address"], m["query_port"]) for m in full if m["type"] == tapped.QUERY}
    for name in FORWARDED:
        check_forwarded(name, [m for m in full if m["type"] > tapped.RESPONSE and asked_name(m) == f"{name}."], since, clients)
    full = [m for m in full if m["type"] <= tapped.RESPONSE]
    for i, question in enumerate(QUESTIONS):
        ours = [m for m in full if dns.message.from_wire(m.get("query_message") or m["response_message"]).id == 2000 + i]
        if question not in TOLD:
            assert not ours
            continue
        query, reply = sorted(ours, key=lambda m: m["type"])
        check_pair(question, query, reply, since)
    assert scrape.metrics().total("burst53_dnstap_collectors") == 3 and tapped_lab.exists()


def asked_name(message):
    """The name in the question of a message's bytes."""
    return dns.message.from_wire(message.get("query_message") or message["response_message"]).question[0].name.to_text()


def check_forwarded(name, pair, since, clients):
    """The two messages of one question to the upstream."""
    assert [m["type"] for m in pair] == [tapped.FORWARDER_QUERY, tapped.FORWARDER_RESPONSE]
    query, reply = pair
    for m in pair:
        assert m["family"] == 1 and m["protocol"] == (2 if name.startswith("t.") else 1)
        assert (m["query_address"], m["query_port"]) in clients, "who made us ask"
        assert tapped.address(m["response_address"]) == "198.18.0.10" and m["response_port"] == 5300
    asked, said = (m[f"{which}_sec"] + m[f"{which}_nsec"] / 1e9 for m, which in ((query, "query"), (reply, "response")))
    assert since - 0.1 <= asked <= said + 0.001 <= time.time() + 0.1
    assert "response_sec" not in query and not query["query_message"][2] & 0x80 and reply["response_message"][2] & 0x80


def check_pair(question, query, reply, since):
    """The two messages of one question."""
    assert (query["type"], reply["type"]) == (tapped.QUERY, tapped.RESPONSE)
    kind, proto = question.get("kind", "A"), "tcp" if question.get("tcp") else "udp"
    for m in (query, reply):
        assert m["family"] == 1 and m["protocol"] == (2 if question.get("tcp") else 1)
        assert tapped.address(m["query_address"]) == "198.18.0.10" and tapped.address(m["response_address"]) == lab.SERVICE[4]
        assert m["response_port"] == 53 and m["query_port"] == query["query_port"] > 1023
        assert m["identity"] == b"me" and m["version"] == b"9"
        assert m["extra"].decode() == f"{question['name']}. {kind} {proto} - -"
        text = str(dns.message.from_wire(m.get("query_message") or m["response_message"]).question[0])
        assert text == f"{question['name']}. IN {kind}"
    asked, said = (m[f"{which}_sec"] + m[f"{which}_nsec"] / 1e9 for m, which in ((query, "query"), (reply, "response")))
    assert since - 0.1 <= asked <= said + 0.001 <= time.time() + 0.1
    assert abs(reply["query_sec"] + reply["query_nsec"] / 1e9 - asked) < 0.01
    assert "response_sec" not in query and not query["query_message"][2] & 0x80 and reply["response_message"][2] & 0x80


def test_messages_can_be_read_by_dnstap_read(tapped_lab, collectors):
    if shutil.which("dnstap-read") is None:
        pytest.skip("needs dnstap-read of bind9-utils")
    told.before = scrape.metrics().total("burst53_dnstap_messages_total")
    scrape.ask(id=1, name="static.example")
    told(collectors, 2)
    text = subprocess.run(["dnstap-read", str(tapped_lab / "full.out")], capture_output=True, text=True, timeout=60, check=True).stdout
    assert " CQ 198.18.0.10:" in text and " CR 198.18.0.10:" in text and "static.example/IN/A" in text


def ask_some(n, start):
    """Seconds that n answers took."""
    begin = time.monotonic()
    for i in range(n):
        scrape.ask(id=start + i, name="static.example")
    return time.monotonic() - begin


def test_without_a_collector_queries_are_answered_and_messages_counted(tapped_lab):
    assert tapped_lab.exists()
    lab.wait_for(connected(0))
    before = scrape.metrics().total("burst53_dnstap_left_out_total")
    ask_some(20, 3000)
    lab.wait_for(lambda: scrape.metrics().total("burst53_dnstap_left_out_total") >= before + 3 * 2 * 20)
    assert "no collector, messages are left out until there is one" in lab.log()


def test_a_collector_that_comes_late_or_again_is_found(tapped_lab):
    for _ in range(2):
        late = tapped.Collector(tapped_lab / "late.out", path=tapped_lab / "full.sock")
        try:
            lab.wait_for(connected(1))
        finally:
            late.close()
            (tapped_lab / "full.sock").unlink(missing_ok=True)
        lab.wait_for(connected(0))
        ask_some(1, 4000)
    (tapped_lab / "late.out").unlink(missing_ok=True)


@contextlib.contextmanager
def listening(path, mode=0o777):
    """Somebody at the socket who is no collector of fstrm's."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        try:
            path.chmod(mode)
            server.listen()
            server.settimeout(120)
            yield server
        finally:
            path.unlink()


@pytest.mark.parametrize("words", [b"", b"\0\0\0\0\0\0\0\x04\0\0\0\x63", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 4096],
                         ids=["nothing", "another_frame", "http", "noise"])
def test_a_collector_that_talks_nonsense_harms_nobody(tapped_lab, words):
    with listening(tapped_lab / "full.sock") as server, server.accept()[0] as odd:
        odd.sendall(words)
        ask_some(5, 5000)
    assert lab.pids()["monitor"] != 0 and scrape.metrics().total("burst53_dnstap_connected") == 0


def accept(server):
    """The collector's side of the agreement; then it reads nothing."""
    stream = server.accept()[0]
    stream.settimeout(60)
    stream.recv(4096)  # READY
    kind = tapped.CONTENT.encode()
    body = (1).to_bytes(4, "big") + (1).to_bytes(4, "big") + len(kind).to_bytes(4, "big") + kind  # ACCEPT, content type
    stream.sendall(bytes(4) + len(body).to_bytes(4, "big") + body)
    return stream


def test_a_collector_that_does_not_read_is_left_behind(tapped_lab):
    with listening(tapped_lab / "full.sock") as server, accept(server):
        lab.wait_for(connected(1))
        starts = lab.pids()["monitor"]
        ask_some(200, 6000)
        scrape.metrics()  # answers meanwhile
        assert lab.pids()["monitor"] == starts
    lab.wait_for(connected(0))


def test_a_socket_that_is_not_ours_to_write_to_is_told(tapped_lab):
    with listening(tapped_lab / "full.sock", mode=0o700):
        lab.wait_for(lambda: "must be allowed to write to the socket" in lab.log())
