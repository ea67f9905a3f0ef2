# SPDX-License-Identifier: Apache-2.0
"""The NodeLocal DNSCache role: burst53 with node-cache's command line and CoreDNS with the same Corefile, in front of a
server that stands for the cluster's DNS and is asked over TCP. One thread each."""

import functools
import pathlib
import re
import shutil

from kit import lab as labs
from kit import load, report, servers, svg

ZONE, ANSWER, TTL_S = "cluster.local", "10.53.0.5", 30
CACHED, COLD, WINDOW, CLIENTS = 1000, 400000, 100, 8
COREFILE = """cluster.local:53 {
    errors
    cache {
        success 9984 30
        denial 9984 5
    }
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__CLUSTER__DNS__ {
        force_tcp
    }
}
"""
LOADS = ("cached, UDP", "cached, TCP", "new, TCP to the upstream")


def names(first, number):
    """Lines of a query file with the answers that are right."""
    return "".join(f"n{i}.ns.svc.{ZONE} A {ANSWER}\n" for i in range(first, first + number))


def write_questions(folder):
    (folder / "cached").write_text(names(0, CACHED), encoding="ascii")
    (folder / "plain").write_text(names(0, CACHED).replace(f" {ANSWER}", ""), encoding="ascii")
    (folder / "cold").write_text(names(CACHED, COLD), encoding="ascii")


def start_upstream(lab):
    """NSD beside the load, with an answer for every name of the cluster."""
    folder = lab.folder
    (folder / "cluster").write_text(
        f"$ORIGIN {ZONE}.\n$TTL {TTL_S}\n@ SOA ns h 1 7200 1800 86400 30\n@ NS ns\nns A {ANSWER}\n* A {ANSWER}\n", encoding="ascii"
    )
    (folder / "upstream.conf").write_text(
        f"server:\n  ip-address: {labs.CLIENT_LINK}\n  server-count: 1\n  tcp-count: 1000\n  zonesdir: {folder}\n"
        + f'  username: root\n  database: ""\n  xfrdfile: ""\n  pidfile: ""\n  zonelistfile: "{folder}/upstream.list"\n'
        + "  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
        + f"zone:\n  name: {ZONE}\n  zonefile: {folder / 'cluster'}\n",
        encoding="ascii",
    )
    return lab.start(["nsd", "-d", "-c", str(folder / "upstream.conf")], ns=labs.CLIENT, cpu=labs.CLIENT_CPU)


class NodeCache(servers.Server):
    """Ready when a name of the cluster is answered."""

    def start(self, lab):
        lab.clean_xdp()
        lab.own_address(self.has_kernel_address)
        process = lab.start(self.command(lab.folder))
        lab.wait_answer(process, f"ready.ns.svc.{ZONE}")
        return process


class Burst53(NodeCache):
    """Makes the link, the rules and the Corefile itself."""

    has_kernel_address = False

    def __init__(self, build):
        super().__init__("burst53", build / "cli" / "burst53")

    def command(self, folder):
        (folder / "base").write_text(COREFILE, encoding="ascii")
        shutil.rmtree(folder / "run", ignore_errors=True)
        return [
            "env", f"KUBE_DNS_UPSTREAM_SERVICE_HOST={labs.CLIENT_LINK}", str(self.program), "-localip", labs.ADDRESS,
            "-conf", str(folder / "Corefile"), "-basecorefile", str(folder / "base"), "-upstreamsvc", "kube-dns-upstream",
            "-run-dir", str(folder / "run"),
        ]  # fmt: skip


class CoreDns(NodeCache):
    """The same Corefile, with the words replaced."""

    def __init__(self):
        super().__init__("CoreDNS", servers.CoreDns().program)

    def command(self, folder):
        text = COREFILE.replace("__PILLAR__LOCAL__DNS__", labs.ADDRESS).replace("__PILLAR__CLUSTER__DNS__", labs.CLIENT_LINK)
        (folder / "peer.Corefile").write_text(text, encoding="ascii")
        return ["env", "GOMAXPROCS=1", str(pathlib.Path(self.program)), "-conf", str(folder / "peer.Corefile")]


def over_tcp(lab, seconds):
    """dnsperf's rate and average time; bench/load speaks UDP only."""
    words = ["dnsperf", "-s", labs.ADDRESS, "-d", str(lab.folder / "plain"), "-l", str(seconds), "-m", "tcp", "-c", "20", "-q", str(WINDOW)]
    text = lab.client(words, seconds + 60)
    found = {key: re.search(pattern, text) for key, pattern in (
        ("qps", r"Queries per second:\s+([\d.]+)"), ("average_us", r"Average Latency \(s\):\s+([\d.]+)"),
        ("sent", r"Queries sent:\s+(\d+)"), ("lost", r"Queries lost:\s+(\d+)"))}
    if not all(found.values()):
        raise RuntimeError(f"dnsperf: {text.strip()[-500:]}")
    shot = {key: float(match.group(1)) for key, match in found.items()}
    return {**shot, "average_us": shot["average_us"] * 1e6, "wrong": 0}


def measure(lab, options, server, found):
    """All loads of one contender; it is started anew, so that nothing is cached."""
    seconds = 1 if options.quick else 4
    how = {"window": WINDOW, "clients": CLIENTS}
    process = server.start(lab)
    try:
        shots = {LOADS[2]: load.shoot(lab, options, lab.folder / "cold", seconds, **how)}
        load.shoot(lab, options, lab.folder / "cached", 1, **how)
        shots[LOADS[0]] = load.shoot(lab, options, lab.folder / "cached", seconds, **how)
        shots[LOADS[1]] = over_tcp(lab, seconds)
    finally:
        lab.stop(process)
    for title, shot in shots.items():
        found.setdefault((title, server.title), []).append(shot)


def rows_of(found):
    return [
        {
            "kind": "nodelocal",
            "load": title,
            "server": server,
            **{key: report.summary([s[key] for s in shots]) for key in ("qps", "p50_us", "p99_us", "average_us") if key in shots[0]},
            **{key: sum(s[key] for s in shots) for key in ("sent", "wrong", "lost")},
        }
        for (title, server), shots in found.items()
    ]


def table(title, rows):
    def median(row, key):
        return f"{row[key]['median']:.0f}" if key in row else "-"

    lines = [
        [r["server"], f"{r['qps']['median'] / 1000:.1f}", f"{100 * r['qps']['spread']:.0f} %"]
        + [median(r, key) for key in ("p50_us", "p99_us", "average_us")]
        + [f"{100 * r['lost'] / max(1, r['sent']):.2f} %", f"{r['wrong']:.0f}"]
        for r in rows
    ]
    print(report.table(title, ["server", "thousand/s", "spread", "p50 us", "p99 us", "average us", "lost", "wrong"], lines))


def run(options, out):
    found = {}
    contenders = [Burst53(options.build), CoreDns()]
    for server in contenders:
        if server.missing():
            report.leave_out(server.title, server.missing())
    contenders = [s for s in contenders if not s.missing()]
    with labs.Lab() as lab:
        write_questions(lab.folder)
        start_upstream(lab)
        jobs = {s.title: functools.partial(measure, lab, options, s, found) for s in contenders}
        report.by_turns("nodelocal", report.turns_of(options), jobs)
    rows = rows_of(found)
    for title in LOADS:
        table(f"nodelocal: {title}", [r for r in rows if r["load"] == title])
    picture = {
        title: [next((r["qps"]["median"] / 1000 for r in rows if (r["load"], r["server"]) == (title, s.title)), None) for s in contenders]
        for title in LOADS
    }
    (out / "nodelocal.svg").write_text(svg.bars("NodeLocal role", "k/s", [s.title for s in contenders], picture), encoding="utf-8")
    return rows
