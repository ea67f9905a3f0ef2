# SPDX-License-Identifier: Apache-2.0
"""Outside names: asked for the first time, asked again, and as a flood beside questions for cluster names."""

import functools
import subprocess

from kit import lab as labs
from kit import load, outsiders, report, svg

CACHED, COLD, FLOOD = 1000, 400000, 400000
WINDOW, CLIENTS = 100, 8
CLUSTER_RATE, FLOOD_RATE = 2000, 20000
KINDS = ("cold", "cached")


def write_questions(folder):
    """Names that nobody has asked for, names for the cache, names for the flood; cluster names."""
    for kind, first, number in (("cached", 0, CACHED), ("cold", CACHED, COLD), ("flood", CACHED + COLD, FLOOD)):
        (folder / kind).write_text(outsiders.names(first, number), encoding="ascii")
    (folder / "checked").write_text(load.checked_questions(), encoding="ascii")


def flooded(lab, options, seconds):
    """Cluster names at a steady rate while others flood; both from the client's CPU."""
    words = load.command(options, lab.folder / "flood", seconds + 2, rate=FLOOD_RATE, clients=CLIENTS)
    flood = lab.start(words, ns=labs.CLIENT, cpu=labs.CLIENT_CPU, stdin=subprocess.DEVNULL)
    try:
        return load.shoot(lab, options, lab.folder / "checked", seconds, rate=CLUSTER_RATE, clients=CLIENTS)
    finally:
        lab.stop(flood)


def measure(lab, options, server, found):
    """All runs of one contender; it is started anew, so that nothing is cached."""
    seconds = 1 if options.quick else 2
    process = server.start(lab)
    try:
        for kind in KINDS:
            path = lab.folder / kind
            if kind == "cached":
                load.shoot(lab, options, path, 1, window=WINDOW, clients=CLIENTS)
            shot = load.shoot(lab, options, path, seconds, window=WINDOW, clients=CLIENTS)
            found.setdefault((kind, server.title), []).append(shot)
        if server.has_cluster:
            path = lab.folder / "checked"
            shot = load.shoot(lab, options, path, seconds, rate=CLUSTER_RATE, clients=CLIENTS)
            found.setdefault(("cluster", server.title), []).append(shot)
            found.setdefault(("cluster in a flood", server.title), []).append(flooded(lab, options, seconds))
    finally:
        lab.stop(process)


def rows_of(found):
    return [
        {
            "kind": "forward",
            "load": kind,
            "server": title,
            **{key: report.summary([s[key] for s in shots]) for key in ("qps", "p50_us", "p99_us")},
            **{key: sum(s[key] for s in shots) for key in ("sent", "wrong", "lost")},
        }
        for (kind, title), shots in found.items()
    ]


def table(title, rows):
    lines = [
        [r["server"], f"{r['qps']['median'] / 1000:.1f}", f"{100 * r['qps']['spread']:.0f} %"]
        + [f"{r['p50_us']['median']:.0f}", f"{r['p99_us']['median']:.0f}"]
        + [f"{100 * r['lost'] / max(1, r['sent']):.2f} %", f"{100 * r['wrong'] / max(1, r['sent']):.2f} %"]
        for r in rows
    ]
    heads = ["server", "thousand/s", "spread", "p50 us", "p99 us", "lost", "wrong"]
    print(report.table(title, heads, lines))


def run(options, out):
    found = {}
    here, absent = outsiders.everybody(options.build)
    for title in absent:
        report.leave_out(title, "not installed")
    with labs.Lab() as lab:
        write_questions(lab.folder)
        outsiders.start_upstream(lab)
        jobs = {s.title: functools.partial(measure, lab, options, s, found) for s in here}
        report.by_turns("forward", report.turns_of(options), jobs)
    rows = rows_of(found)
    for kind in dict.fromkeys(r["load"] for r in rows):
        how = f"{CLUSTER_RATE} a second" if kind.startswith("cluster") else f"{WINDOW} outstanding"
        also = f", {FLOOD_RATE} new outside names a second beside" if kind.endswith("flood") else ""
        table(f"forward: {kind}, {how}{also}", [r for r in rows if r["load"] == kind])
    picture = {
        s.title: [next((r["qps"]["median"] / 1000 for r in rows if (r["load"], r["server"]) == (k, s.title)), None) for k in KINDS]
        for s in here
    }
    (out / "forward.svg").write_text(svg.bars("Outside names", "k/s", KINDS, picture), encoding="utf-8")
    return rows
