# SPDX-License-Identifier: Apache-2.0
"""A real resolver as upstream: Unbound, on a root of our own that NSD serves. What burst53 answers is what Unbound says."""

import contextlib
import os
import subprocess
import time

import pytest

import lab

ROOT, RESOLVER = "127.5.3.1", "127.5.3.2"
ZONE = """$TTL 600
@ SOA ns.root.test. admin.root.test. 1 3600 600 86400 120
@ NS ns.root.test.
ns.root.test. A {root}
www.real.test. 300 A 203.0.113.7
www.real.test. 200 AAAA 2001:db8::7
four.real.test. A 203.0.113.8
alias.real.test. 100 CNAME www.real.test.
chain.real.test. 90 CNAME alias.real.test.
dangling.real.test. CNAME nothing.real.test.
real.test. MX 10 mail.real.test.
_sip._udp.real.test. SRV 1 2 5060 www.real.test.
txt.real.test. TXT "one" "two three"
https.real.test. HTTPS 1 . alpn=h2
caa.real.test. CAA 0 issue "ca.test"
*.wild.real.test. A 203.0.113.9
{large}
{many}
"""
CONF = """server:
  interface: {resolver}
  port: 53
  do-daemonize: no
  use-syslog: no
  verbosity: 0
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: ""
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
  root-hints: "{folder}/hints"
  do-ip6: no
remote-control:
  control-enable: no
"""
NSD = """server:
  ip-address: {root}
  port: 53
  zonesdir: "{folder}"
  username: ""
  pidfile: "{folder}/nsd.pid"
  database: ""
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zonelist"
  xfrdir: "{folder}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root"
"""
QUESTIONS = [("www.real.test", "A"), ("www.real.test", "AAAA"), ("four.real.test", "AAAA"), ("alias.real.test", "A"), ("chain.real.test", "AAAA"),
             ("dangling.real.test", "A"), ("real.test", "MX"), ("_sip._udp.real.test", "SRV"), ("txt.real.test", "TXT"), ("https.real.test", "HTTPS"),
             ("caa.real.test", "CAA"), ("a.b.wild.real.test", "A"), ("no-such.real.test", "A"), ("www.real.test", "TXT"), ("many.real.test", "A"),
             ("large.real.test", "TXT"), (".", "NS"), ("WWW.Real.TEST", "A")]


def files(folder):
    """Configuration and zone of both."""
    large = "\n".join(f'large.real.test. TXT "{i:03} {"x" * 200}"' for i in range(40))
    many = "\n".join(f"many.real.test. A 198.51.100.{i}" for i in range(1, 21))
    texts = {"root": ZONE.format(root=ROOT, large=large, many=many), "hints": f". NS ns.root.test.\nns.root.test. A {ROOT}\n",
             "unbound.conf": CONF.format(resolver=RESOLVER, folder=folder), "nsd.conf": NSD.format(root=ROOT, folder=folder)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")


def started(*words):
    """A server in the namespace of burst53."""
    return subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), *map(str, words)], stdout=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                            stderr=subprocess.STDOUT)


@pytest.fixture(name="resolver", scope="module")
def _resolver(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbound")
    files(folder)
    text = (lab.DATA / "forward.Corefile").read_text(encoding="utf-8").replace("127.0.0.1:5399", RESOLVER).replace("cache 30", "cache 300")
    corefile = folder / "Corefile"
    corefile.write_text(text, encoding="utf-8")
    lab.up("own", "--corefile", corefile)
    with contextlib.ExitStack() as stack:
        for words in (("/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"), ("/usr/sbin/unbound", "-d", "-c", folder / "unbound.conf")):
            child = stack.enter_context(started(*words))
            stack.callback(child.wait, 10)
            stack.callback(child.terminate)
        lab.wait_for(lambda: at_resolver("www.real.test", "A")[0] == "NOERROR", 10)
        yield folder
    lab.down()


def at_resolver(name, kind, *words):
    """What Unbound says itself."""
    return lab.parse_dig(lab.inside("srv", "dig", f"@{RESOLVER}", name, kind, "+tries=2", "+time=2", *words).stdout)


@pytest.mark.parametrize("words", [[], ["+tcp"], ["+noedns"], ["+dnssec"]], ids=["udp", "tcp", "noedns", "do"])
@pytest.mark.parametrize("name, kind", QUESTIONS)
def test_answers_are_those_of_the_resolver(resolver, name, kind, words):
    assert resolver
    theirs = at_resolver(name, kind, *words)
    for _ in range(3):  # forwarded, from the slow path's cache, from a worker's
        ours = lab.dig(name, kind, *words)
        assert (ours[0], ours[2]) == (theirs[0], theirs[2])
        assert "aa" not in ours[1].split()


def hits():
    """Outside answers that workers gave themselves."""
    return sum(w["cached"] for w in lab.status()["workers"])


def ttls(name, kind):
    """TTLs of the answers in order."""
    out = lab.inside("cli", "dig", f"@{lab.SERVICE[4]}", name, kind, "+noall", "+answer").stdout
    return [int(line.split()[1]) for line in out.splitlines()]


def test_each_record_counts_down_by_the_second(resolver):
    """60 s with B53_LONG, 6 s without: never up, never above what the resolver said first."""
    assert resolver
    seconds = 60 if os.environ.get("B53_LONG") == "1" else 6
    born = time.monotonic()
    first = before = ttls("chain.real.test", "A")
    born_until = time.monotonic()
    assert len(first) == 3
    workers = hits()
    polls = 0
    while time.monotonic() < born + seconds:
        start = time.monotonic()
        now = ttls("chain.real.test", "A")
        end = time.monotonic()
        assert len(now) == 3 and all(a >= b for a, b in zip(before, now)), (before, now)
        if first[0] > seconds + 20:  # nothing expires meanwhile
            assert all(int(start - born_until) - 1 <= a - b <= int(end - born) + 1 for a, b in zip(first, now)), (first, now, start - born)
        before = now
        polls += 1
        time.sleep(0.5)
    print(f"\n{polls} answers in {seconds} s, TTLs {first} to {before}, {hits() - workers} of them from a worker")
    assert hits() > workers  # most came from a worker
