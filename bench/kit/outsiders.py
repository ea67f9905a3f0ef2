# SPDX-License-Identifier: Apache-2.0
"""Servers that ask another one for what they do not know, all with the same upstream: an authoritative server on the
client's side that has an answer for every name below outside.example."""

import json
import pathlib
import shutil

from kit import lab as labs
from kit import servers

ZONE, ADDRESS, UPSTREAM_PORT = "outside.example", "10.53.0.5", 5300
UPSTREAM = f"{labs.CLIENT_LINK}:{UPSTREAM_PORT}"
PEER_COREFILE = """.:53 {{
    bind {address}
    file {zone} cluster.local
    forward . {upstream}
    cache 3600
}}
"""
OUR_COREFILE = """.:53 {{
    kubernetes cluster.local {{
        ttl 30
    }}
    forward . {upstream}
    cache 3600
    loadbalance
}}
"""


def names(first, number):
    """Lines of a query file with the answers that are right."""
    return "".join(f"n{i}.{ZONE} A {ADDRESS}\n" for i in range(first, first + number))


def start_upstream(lab):
    """NSD beside the load: it answers faster than any of the contenders asks."""
    folder = lab.folder
    (folder / "outside").write_text(
        f"$ORIGIN {ZONE}.\n$TTL 3600\n@ SOA ns h 1 7200 1800 86400 30\n@ NS ns\nns A {ADDRESS}\n* A {ADDRESS}\n", encoding="ascii"
    )
    (folder / "upstream.conf").write_text(
        f"server:\n  ip-address: {labs.CLIENT_LINK}@{UPSTREAM_PORT}\n  server-count: 1\n  zonesdir: {folder}\n  username: root\n"
        + f'  database: ""\n  xfrdfile: ""\n  pidfile: ""\n  zonelistfile: "{folder}/upstream.list"\n'
        + "  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\nremote-control:\n  control-enable: no\n"
        + f"zone:\n  name: {ZONE}\n  zonefile: {folder / 'outside'}\n",
        encoding="ascii",
    )
    return lab.start(["nsd", "-d", "-c", str(folder / "upstream.conf")], ns=labs.CLIENT, cpu=labs.CLIENT_CPU)


class Outsider(servers.Server):
    """Ready when an outside name is answered."""

    has_cluster = False  # whether it answers cluster names too

    def start(self, lab):
        lab.clean_xdp()
        lab.own_address(self.has_kernel_address)
        process = lab.start(self.command(lab.folder))
        lab.wait_answer(process, f"ready.{ZONE}")
        return process


class Burst53(Outsider, servers.Burst53):
    """With forward and cache."""

    has_cluster = True

    def command(self, folder):
        words = servers.Burst53.command(self, folder)
        (folder / "Corefile").write_text(OUR_COREFILE.format(upstream=UPSTREAM), encoding="ascii")
        (folder / "dump.json").write_text(json.dumps(servers.dump()), encoding="utf-8")
        return words


class CoreDns(Outsider, servers.CoreDns):
    """With forward and cache."""

    has_cluster = True

    def __init__(self):
        servers.CoreDns.__init__(self)
        self.title = "CoreDNS"

    def command(self, folder):
        (folder / "zone").write_text(servers.zone(), encoding="utf-8")
        text = PEER_COREFILE.format(address=labs.ADDRESS, zone=folder / "zone", upstream=UPSTREAM)
        (folder / "peer.Corefile").write_text(text, encoding="ascii")
        return ["env", "GOMAXPROCS=1", str(pathlib.Path(self.program)), "-conf", str(folder / "peer.Corefile")]


class Unbound(Outsider):
    """One thread; no validation, since nobody else validates."""

    def __init__(self):
        super().__init__("Unbound", "unbound")

    def command(self, folder):
        (folder / "unbound.conf").write_text(
            f'server:\n  interface: {labs.ADDRESS}\n  access-control: 0.0.0.0/0 allow\n  num-threads: 1\n  username: ""\n'
            + f'  chroot: ""\n  directory: "{folder}"\n  pidfile: ""\n  use-syslog: no\n  module-config: "iterator"\n'
            + "  msg-cache-size: 64m\n  rrset-cache-size: 128m\n  outgoing-range: 4096\n  num-queries-per-thread: 2048\n"
            + "  do-ip6: no\nremote-control:\n  control-enable: no\n"
            + f'forward-zone:\n  name: "."\n  forward-addr: {labs.CLIENT_LINK}@{UPSTREAM_PORT}\n',
            encoding="ascii",
        )
        return ["unbound", "-d", "-c", str(folder / "unbound.conf")]


class Dnsdist(Outsider):
    """With its packet cache; one listener."""

    def __init__(self):
        super().__init__("dnsdist", "dnsdist")

    def command(self, folder):
        (folder / "dnsdist.conf").write_text(
            f'setLocal("{labs.ADDRESS}:53")\nsetACL("0.0.0.0/0")\nnewServer({{address="{UPSTREAM}", '
            + f'checkName="ready.{ZONE}.", sockets=4}})\n'
            + 'getPool(""):setCache(newPacketCache(500000, {maxTTL=3600}))\n',
            encoding="ascii",
        )
        return ["dnsdist", "--supervised", "--disable-syslog", "-C", str(folder / "dnsdist.conf")]


def everybody(build):
    """Those that are installed, and the titles of the others."""
    all_of_them = [Burst53(build, "af_packet"), Burst53(build, "none"), CoreDns(), Unbound(), Dnsdist()]
    here = [s for s in all_of_them if shutil.which(str(s.program))]
    return here, [s.title for s in all_of_them if s not in here]
