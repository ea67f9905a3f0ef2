# SPDX-License-Identifier: Apache-2.0
"""What burst53.conf changes: who is answered, cookies; and that exactly what the Corefile binds is bound."""

import contextlib
import re
import socket
import struct
import subprocess
import time

import pytest

import frames
import lab

WEB = "web.default.svc.cluster.local"
NEAR = ["--network", "198.18.0.0/16", "--network", "fd00:53::/64"]  # the client on the link, not the one behind the router

def sockets():
    """Bound sockets of the server's namespace: {(protocol, address:port)} without those of the monitor."""
    lines = lab.inside("srv", "ss", "-Hlntu").stdout.splitlines()
    found = {(line.split()[0], line.split()[4]) for line in lines}
    return {(kind, place) for kind, place in found if not re.search(r":(8080|8181|9153)$", place)}


@contextlib.contextmanager
def running(path, *words):
    """burst53 on kernel sockets in the server's namespace."""
    command = ["ip", "netns", "exec", lab.netns_name("srv"), str(lab.BUILD / "cli" / "burst53"), "run", "--config", "/dev/null",
               "--conf", path, "--dump", str(lab.DATA / "lab.json"), "--port", "none", "--run-dir", str(lab.RUN_DIR),
               "--state-dir", f"/tmp/{lab.PREFIX}-state", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def corefile(tmp_path, text):
    """A Corefile of blocks that serve the lab's cluster."""
    path = tmp_path / "Corefile"
    path.write_text(text.replace("BODY", "errors\n kubernetes cluster.local {\n  pods insecure\n }\n"), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("text,places", [
    (".:53 {\n bind 127.0.0.1\n BODY}\n", {"127.0.0.1:53"}),
    (".:53 {\n bind 127.0.0.1 198.18.0.53\n BODY}\n.:5353 {\n bind 127.0.0.2\n BODY}\n",
     {"127.0.0.1:53", "198.18.0.53:53", "127.0.0.2:5353"}),
    (".:53 cluster.local:5353 {\n BODY}\n", {f"{a}:{p}" for a in ("198.18.0.53", "[fd00:53::53]") for p in (53, 5353)}),
])
def test_kernel_mode_opens_what_the_corefile_binds(network, tmp_path, text, places):
    for address in ("198.18.0.53/24", "fd00:53::53/64"):
        lab.inside("srv", "ip", "addr", "add", address, "dev", "eth0", check=True)
    addresses = ["--address", "198.18.0.53", "--address", "fd00:53::53"] if "[fd00:53::53]:53" in places else []
    with running(corefile(tmp_path, text), *addresses):
        lab.wait_for(lambda: len(sockets()) >= 2 * len(places), 5)
        assert sockets() == {(kind, place) for kind in ("udp", "tcp") for place in places}
        place, port = next(iter(places)).rsplit(":", 1)
        words = ["dig", f"@{place.strip('[]')}", "-p", port, WEB, "+tries=1", "+time=1"]
        for more in ([], ["+tcp"]):
            lab.wait_for(lambda: "10.96.0.80" in lab.inside("srv", *words, *more).stdout, 5)  # pylint: disable=cell-var-from-loop


def test_a_restart_keeps_the_cookie_and_tcp_and_punts_have_it(own):
    """RFC 9018: the secret is kept, so a client's cookie is still good afterwards."""
    def cookie(name, *words):
        out = lab.inside("cli", "dig", f"@{lab.SERVICE[4]}", name, "+tries=1", "+time=1", "+cookie=0102030405060708", *words).stdout
        return re.search(r"; COOKIE: ([0-9a-f]{48}) \(good\)", out).group(1)

    first = cookie(WEB)
    assert first.startswith("010203040506070801000000")
    assert cookie(WEB, "+tcp")[:24] == cookie("example.com")[:24] == first[:24]
    assert cookie(WEB, f"+cookie={first}") == first, "a fresh one is kept"
    lab.kill("dataplane")
    lab.wait_for(lambda: lab.dig(WEB)[0] == "NOERROR", 5)
    assert cookie(WEB, f"+cookie={first}") == first, "the successor takes it"
    bad = first[:-2] + ("00" if first[-2:] != "00" else "11")
    assert cookie(WEB, f"+cookie={bad}") != bad


@pytest.mark.parametrize("mode", ["own", "shared", "kernel"])
def test_strangers_are_not_answered_when_told_so(mode, tmp_path):
    """proto:A1, over both transports and families; the cluster's own clients are, and it is ready."""
    lab.up(mode, "--corefile", corefile(tmp_path, ".:53 {\n ready\n BODY}\n"), "--", *NEAR, "--outside", "drop")
    for family in (4, 6):
        for words in ((), ("+tcp",)):
            assert lab.dig(WEB, "A", *words, family=family)[0] == "NOERROR"
            assert lab.dig(WEB, "A", "+time=1", *words, family=family, role="far")[0] is None
    time.sleep(1.2)  # two looks at every worker
    ready = lab.inside("srv", "curl", "-s", "http://127.0.0.1:8181/ready").stdout
    assert ready == "OK"
    lab.down()


def flood(role, count, query):
    """Sends so many at once; (whole replies, cut ones, seconds)."""
    start = time.monotonic()
    with lab.netns(role):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect((lab.SERVICE[4], 53))
    whole = cut = 0
    with sock:
        for n in range(count):
            sock.send(struct.pack(">H", n) + query[2:])
            if n % 50 == 49:
                time.sleep(0.005)
        sock.settimeout(2)
        while True:
            try:
                reply = sock.recv(4096)
            except TimeoutError:
                return whole, cut, time.monotonic() - start
            whole += not reply[2] & 2
            cut += (reply[2] & 2) >> 1


def test_strangers_are_limited_and_a_cookie_lifts_it():
    """proto:A2, C6: behind the limit replies are cut, or are none; networks of ours and good cookies know no limit."""
    lab.up("own", "--", *NEAR, "--rate", "20", "--rate-burst", "40", "--rate-slip", "2")
    query = frames.question()
    assert flood("cli", 1000, query)[:2] == (1000, 0)
    whole, cut, seconds = flood("far", 1000, query)
    assert 40 <= whole <= 60 + 20 * seconds and abs(cut - (1000 - whole) / 2) <= 10, (whole, cut)
    out = lab.inside("far", "dig", f"@{lab.SERVICE[4]}", WEB, "+tcp", "+cookie=0102030405060708").stdout
    good = bytes.fromhex(re.search(r"; COOKIE: ([0-9a-f]{48}) \(good\)", out).group(1))
    option = struct.pack(">BHHIHHH", 0, 41, 1232, 0, 28, 10, 24) + good
    with_cookie = query[:11] + b"\1" + query[12:] + option
    assert flood("far", 1000, with_cookie)[:2] == (1000, 0)
    lab.down()
