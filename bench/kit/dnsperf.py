# SPDX-License-Identifier: Apache-2.0
"""Closed loops from dnsperf, UDP and TCP: not worse than the others, and how long an answer takes. dnsperf itself is what
limits the throughput over UDP here."""

import functools
import re

from kit import lab as labs
from kit import report, servers, svg, veth

LOADS = (
    ("UDP, 1 client, 100 outstanding", ["-m", "udp", "-c", "1", "-q", "100"]),
    ("UDP, 8 clients, 200 outstanding", ["-m", "udp", "-c", "8", "-q", "200"]),
    ("TCP, 1 connection pipelined, 100 outstanding", ["-m", "tcp", "-c", "1", "-q", "100"]),
    ("TCP, 8 connections pipelined, 200 outstanding", ["-m", "tcp", "-c", "8", "-q", "200"]),
    ("TCP, 100 connections pipelined", ["-m", "tcp", "-c", "100", "-q", "1000"]),
    ("TCP, 1000 connections, one each", ["-m", "tcp", "-c", "1000", "-q", "1000"]),
)
SECONDS = 1  # of a load: six loads of eight servers, by turns


def load(lab, arguments, seconds):
    text = lab.client(
        ["dnsperf", "-s", labs.ADDRESS, "-d", str(lab.folder / "queries"), "-l", str(seconds), "-t", "1", *arguments],
        seconds + 30,
    )
    rate = re.search(r"Queries per second:\s+([\d.]+)", text)
    average = re.search(r"Average Latency \(s\):\s+([\d.]+) \(min [\d.]+, max ([\d.]+)\)", text)
    deviation = re.search(r"Latency StdDev \(s\):\s+([\d.]+)", text)
    lost = re.search(r"Queries lost:\s+\d+ \(([\d.]+)%\)", text)
    if not rate or not average or float(rate.group(1)) == 0:
        return None
    return {
        "qps": float(rate.group(1)),
        "average_us": float(average.group(1)) * 1e6,
        "deviation_us": float(deviation.group(1)) * 1e6 if deviation else 0,
        "most_us": float(average.group(2)) * 1e6,
        "lost": float(lost.group(1)) if lost else 0,
    }


def measure(lab, options, server, found):
    process = server.start(lab)
    try:
        for title, arguments in LOADS:
            result = load(lab, arguments, SECONDS)
            if result is not None:
                found.setdefault((title, server.title), []).append(result)
    finally:
        lab.stop(process)


def picture(rows):
    """Throughput of each load by server."""
    titles = [title for title, _ in LOADS]
    values = {(r["load"], r["server"]): r["qps"]["median"] / 1000 for r in rows}
    names = list(dict.fromkeys(r["server"] for r in rows))
    return svg.bars("dnsperf", "k/s", titles, {name: [values.get((t, name)) for t in titles] for name in names})


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        (lab.folder / "queries").write_text(servers.questions("mix"), encoding="utf-8")
        everybody = [s for s in veth.contenders(options) if not s.is_echo]
        everybody.insert(1, servers.Burst53(options.build, "af_packet", is_shared=True))
        jobs = {s.title: functools.partial(measure, lab, options, s, found) for s in everybody}
        report.by_turns("dnsperf", report.turns_of(options), jobs)
    rows = [
        {
            "kind": "dnsperf",
            "load": title,
            "server": server,
            "qps": report.summary([r["qps"] for r in results]),
            **{key: report.summary([r[key] for r in results]) for key in ("average_us", "deviation_us", "most_us")},
            "lost_percent": report.summary([r["lost"] for r in results]),
        }
        for (title, server), results in found.items()
    ]
    for title, _ in LOADS:
        lines = [
            [r["server"], f"{r['qps']['median'] / 1000:.1f}", f"{100 * r['qps']['spread']:.0f} %"]
            + [f"{r[key]['median']:.0f}" for key in ("average_us", "deviation_us", "most_us")]
            + [f"{r['lost_percent']['median']:.2f} %"]
            for r in rows
            if r["load"] == title
        ]
        print(report.table(f"dnsperf: {title}", ["server", "thousand/s", "spread", "average us", "deviation", "most us", "lost"], lines))
    (out / "dnsperf.svg").write_text(picture(rows), encoding="utf-8")
    return rows
