# SPDX-License-Identifier: Apache-2.0
"""How long an answer takes at half of what each server can do: the rate is kept whatever comes back, and a query's time
counts from the moment it was due. burst53 also while ten snapshots a second are swapped."""

import functools

from kit import load, report, servers, svg, swap, veth
from kit import lab as labs

SHARE = 0.5
SWAPS = 10
PORTS = ("af_packet", "none")
WINDOW, CLIENTS = 256, 8
PERCENTILES = ("p50_us", "p99_us", "p999_us")


def peers(options):
    """Servers with a fixed zone: all but burst53, which is fed here, and the echo, whose replies are no answers."""
    return [s for s in veth.contenders(options) if not s.is_echo and not isinstance(s, servers.Burst53)]


def most(lab, options, path):
    """Answers a second with always so many outstanding."""
    return load.shoot(lab, options, path, 1 if options.quick else 2, window=WINDOW, clients=CLIENTS)["qps"]


def shoot(lab, options, path, rate):
    seconds = 2 if options.quick else 4
    shot = load.shoot(lab, options, path, seconds, rate=int(rate), clients=CLIENTS)
    shot["rate"] = rate
    return shot


def one_peer(lab, options, server, path, found):
    process = server.start(lab)
    try:
        found.setdefault(server.title, []).append(shoot(lab, options, path, SHARE * most(lab, options, path)))
    finally:
        lab.stop(process)


def ours(lab, options, port, path, found):
    """Without swaps and with them, at the same rate."""
    feed, server, process = swap.start(lab, options, port)
    try:
        rate = SHARE * most(lab, options, path)
        found.setdefault(server.title, []).append(shoot(lab, options, path, rate))
        feed.rate(SWAPS)
        found.setdefault(f"{server.title}, {SWAPS} swaps/s", []).append(shoot(lab, options, path, rate))
    finally:
        lab.stop(process)
        feed.stop()


def rows_of(found):
    return [
        {
            "kind": "latency",
            "server": title,
            "rate": report.summary([s["rate"] for s in shots]),
            **{key: report.summary([s[key] for s in shots]) for key in PERCENTILES},
            "sent": sum(s["sent"] for s in shots),
            "lost": sum(s["lost"] for s in shots),
            "wrong": sum(s["wrong"] for s in shots),
        }
        for title, shots in found.items()
    ]


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        path = lab.folder / "checked"
        path.write_text(load.checked_questions(), encoding="ascii")
        jobs = {f"burst53 {p}": functools.partial(ours, lab, options, p, path, found) for p in PORTS}
        jobs.update({p.title: functools.partial(one_peer, lab, options, p, path, found) for p in peers(options)})
        report.by_turns("latency", report.turns_of(options), jobs)
    rows = rows_of(found)
    lines = [
        [r["server"], f"{r['rate']['median'] / 1000:.1f}"]
        + [f"{r[key]['median']:.0f} ({100 * r[key]['spread']:.0f} %)" for key in PERCENTILES]
        + [f"{100 * r['lost'] / max(1, r['sent']):.2f} %", r["wrong"]]
        for r in rows
    ]
    heads = ["server", "thousand/s", "p50 us", "p99 us", "p99.9 us", "lost", "wrong"]
    print(report.table(f"latency at {100 * SHARE:.0f} % of each server's most", heads, lines))
    bars = {r["server"]: [r[key]["median"] for key in PERCENTILES[:2]] for r in rows}
    (out / "latency.svg").write_text(svg.bars("Latency at half load", "us", ("p50", "p99"), bars), encoding="utf-8")
    return rows
