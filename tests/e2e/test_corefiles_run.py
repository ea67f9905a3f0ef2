# SPDX-License-Identifier: Apache-2.0
"""Every Corefile of tests/data/corefiles not only parses: burst53 runs with it in kernel mode, in a namespace where all
upstreams that these files name are stubs, and answers names of each block over UDP and TCP."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import lab

sys.path.insert(0, str(lab.TOP / "tests" / "tools"))
import stub_upstream  # noqa: E402

COREFILES = lab.TOP / "tests" / "data" / "corefiles"
BURST53 = lab.BUILD / "cli" / "burst53"
SERVER, UPSTREAMS = "crs", "cru"  # roles
RESOLVER = "192.0.2.53"  # in /etc/resolv.conf of the server
LOCAL = ("169.254.20.10", "169.254.25.10", "10.96.0.10")  # that Corefiles bind to
ENV = {**os.environ, "MY_HOST_IP": "127.0.0.1"}
OUTSIDE, KUBERNETES = "203.0.113.5", "kubernetes.default.svc.cluster.local."
# What starts the server sees a resolv.conf and a /run of its own; everything ends with it.
PRELUDE = 'mount --bind "$0" /etc/resolv.conf && mount -t tmpfs none /run && exec "$@"'
WAIT_S = 60


def shipped():
    names = [*COREFILES.glob("*.Corefile"), *COREFILES.glob("*/Corefile")]
    old = [*COREFILES.glob("old/*.Corefile"), *COREFILES.glob("kube-dns/*.json")]
    return sorted(str(n.relative_to(COREFILES)) for n in {*names, *old})


def readable(name, folder):
    """The path of a Corefile that `check` takes, and what it says of its blocks."""
    path = COREFILES / name
    if path.parent.name in ("old", "kube-dns"):
        done = lab.run(BURST53, "check", "--fix", path, env=ENV)
        assert done.returncode == 0, done.stderr
        path = folder / "Corefile"
        path.write_text(done.stdout, encoding="utf-8")
    done = lab.run(BURST53, "check", "--no-files", "--json", path, env=ENV)
    assert done.returncode == 0, done.stderr
    return path, json.loads(done.stdout)["servers"]


def upstreams():
    """All (address, port) behind `forward` in the files, and in kube-dns' ConfigMaps."""
    found = {(RESOLVER, 53)}
    for path in COREFILES.rglob("*"):
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                if re.search(r"forward|proxy|Nameservers|stubDomains", line):
                    found |= {(a, int(p or 53)) for a, p in re.findall(r"\b(\d+\.\d+\.\d+\.\d+)(?::(\d+))?\b", line)}
    return found


def answer(wire, is_tcp):
    """Every name has one address; other types are empty."""
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query, recursion_available=True)
    name, kind = query.question[0].name, query.question[0].rdtype
    if kind == dns.rdatatype.A:
        reply.answer = [dns.rrset.from_text(name, 60, "IN", "A", OUTSIDE)]
    else:
        reply.authority = [dns.rrset.from_text(".", 60, "IN", "SOA", "a. b. 1 2 3 4 5")]
    return reply.to_wire()


def ip(*words, role=None):
    where = () if role is None else ("-n", lab.netns_name(role))
    lab.run("ip", *where, *words, check=True)


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory):
    """Two namespaces, the second one with the stubs; the path of a resolv.conf."""
    folder = tmp_path_factory.mktemp("corefiles")
    (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n", encoding="utf-8")
    with contextlib.ExitStack() as stack:
        for role in (SERVER, UPSTREAMS):
            lab.run("ip", "netns", "del", lab.netns_name(role))
            ip("netns", "add", lab.netns_name(role))
            stack.callback(lab.run, "ip", "netns", "del", lab.netns_name(role))
            ip("link", "set", "lo", "up", role=role)
        ip("link", "add", "b0", "type", "veth", "peer", "b1", "netns", lab.netns_name(UPSTREAMS), role=SERVER)
        for role, link, address in ((SERVER, "b0", "198.19.0.1/24"), (UPSTREAMS, "b1", "198.19.0.2/24")):
            ip("addr", "add", address, "dev", link, role=role)
            ip("link", "set", link, "up", role=role)
        for address in LOCAL:
            ip("addr", "add", f"{address}/32", "dev", "lo", role=SERVER)
        ip("route", "add", "default", "via", "198.19.0.2", role=SERVER)
        for address in sorted({a for a, _ in upstreams()}):
            ip("addr", "add", f"{address}/32", "dev", "lo", role=UPSTREAMS)
        for address, port in sorted(upstreams()):
            with lab.netns(UPSTREAMS):
                stack.callback(stub_upstream.StubUpstream(answer, address, port).stop)
        yield folder / "resolv.conf"


@contextlib.contextmanager
def served(path, resolv_conf, folder):
    """burst53 with a Corefile in the server's namespace, until the end of the block."""
    command = [BURST53, "run", "--config", "/dev/null", "--conf", path, "--dump", lab.DATA / "lab.json", "--port", "none",
               "--run-dir", "/run/b53", "--state-dir", folder / "state"]
    with open(folder / "log", "w+", encoding="utf-8") as log:
        with subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_name(SERVER), "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", PRELUDE, str(resolv_conf), *map(str, command)], stdout=log, stderr=log, env=ENV, cwd="/") as process:
            try:
                yield process, folder / "log"
            finally:
                process.kill()


def questions(servers):
    """(address, port, name, type, address expected) of each block."""
    for server in servers:
        has_cluster = any(d["name"] == "kubernetes" for d in server["directives"])
        address = ([b["name"] for b in server["binds"] if not b["except"]] or ["127.0.0.1"])[0]
        for key in server["keys"]:
            zone = key["zone"]
            outside = "www.example.net." if zone == "." else f"www.{zone}"
            if zone.endswith("arpa."):
                yield address, key["port"], f"1.0.96.10.{zone}" if zone[0] != "1" else f"1.0.{zone}", "PTR", None
            elif zone == "cluster.local.":
                yield address, key["port"], KUBERNETES, "A", OUTSIDE  # behind forward
            else:
                yield address, key["port"], outside, "A", OUTSIDE
            if has_cluster:
                yield address, key["port"], KUBERNETES, "A", "10.96.0.1"


def ask(question, is_tcp):
    """None while there is no reply."""
    address, port, name, kind, _ = question
    query = dns.message.make_query(name, kind)
    with contextlib.suppress(OSError, EOFError, dns.exception.DNSException), lab.netns(SERVER):
        if is_tcp:
            return dns.query.tcp(query, address, port=port, timeout=20)
        return dns.query.udp(query, address, port=port, timeout=1)
    return None


def is_right(question, is_tcp):
    reply = ask(question, is_tcp)
    found = [] if reply is None else [r.to_text() for rrset in reply.answer for r in rrset]
    return reply is not None and reply.rcode() == dns.rcode.NOERROR and question[4] in (None, *found)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_corefile_runs(name, world, tmp_path):
    path, servers = readable(name, tmp_path)
    asked = list(questions(servers))
    assert asked
    with served(path, world, tmp_path) as (process, log):
        for question in asked:
            for is_tcp in (False, True):
                end = time.monotonic() + WAIT_S
                while not is_right(question, is_tcp):
                    text = log.read_text(encoding="utf-8")
                    assert process.poll() is None and time.monotonic() < end, f"{question} {ask(question, is_tcp)}\n{text}"
                    time.sleep(0.1)
        text = log.read_text(encoding="utf-8")
    assert "cannot be used" not in text and "come back" not in text, text
