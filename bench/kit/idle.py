# SPDX-License-Identifier: Apache-2.0
"""What `--idle` costs: how long answers take and how much CPU the dataplane uses with each of its modes, at rates that leave
a worker with nothing to do most of the time."""

import functools
import time

from kit import inside, load, report, servers, svg
from kit import lab as labs

MODES = ("poll", "pause", "sleep")
RATES, QUICK_RATES = (0, 100, 2000, 20000), (0, 2000)
PORT, CLIENTS = "af_packet", 8
KEYS = ("p50_us", "p99_us", "p999_us")


class Idle(servers.Burst53):
    """A worker on the server's CPU, with a mode."""

    def __init__(self, build, mode):
        super().__init__(build, PORT)
        self.title, self.mode = f"--idle {mode}", mode

    def command(self, folder):
        words = super().command(folder)
        words[words.index("--idle") + 1] = self.mode
        return words


def shoot(lab, options, path, rate, seconds):
    """Times at the rate; nothing is asked at rate 0."""
    if rate:
        return load.shoot(lab, options, path, seconds, rate=rate, clients=CLIENTS)
    time.sleep(seconds)
    return {}


def measure(lab, options, server, path, found):
    seconds = 1 if options.quick else 3
    process = server.start(lab)
    try:
        pid = inside.pids(options.build, lab.folder)["dataplane"]
        for rate in QUICK_RATES if options.quick else RATES:
            begin, before = time.monotonic(), inside.cpu_s(pid)
            shot = shoot(lab, options, path, rate, seconds)
            shot["cpu_percent"] = 100 * (inside.cpu_s(pid) - before) / (time.monotonic() - begin)
            found.setdefault((server.mode, rate), []).append(shot)
    finally:
        lab.stop(process)


def rows_of(found):
    return [
        {
            "kind": "idle",
            "mode": mode,
            "rate": rate,
            **{key: report.summary([s[key] for s in shots]) for key in (*KEYS, "cpu_percent") if key in shots[0]},
            **{key: sum(s.get(key, 0) for s in shots) for key in ("sent", "lost", "wrong")},
        }
        for (mode, rate), shots in found.items()
    ]


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        path = lab.folder / "checked"
        path.write_text(load.checked_questions(), encoding="ascii")
        contenders = [Idle(options.build, mode) for mode in MODES]
        jobs = {s.title: functools.partial(measure, lab, options, s, path, found) for s in contenders}
        report.by_turns("idle", report.turns_of(options), jobs)
    rows = rows_of(found)
    lines = [
        [f"{r['mode']}, {r['rate']} a second"]
        + [f"{r[key]['median']:.0f} ({100 * r[key]['spread']:.0f} %)" if key in r else "" for key in KEYS]
        + [f"{r['cpu_percent']['median']:.0f}", r["lost"], r["wrong"]]
        for r in rows
    ]
    heads = ["mode, rate", "p50 us", "p99 us", "p99.9 us", "CPU of the dataplane, %", "lost", "wrong"]
    print(report.table(f"idle: burst53 {PORT}, one worker", heads, lines))
    bars = {f"{r['mode']}, {r['rate']}/s": [r[key]["median"] for key in KEYS[:2]] for r in rows if r["rate"]}
    (out / "idle.svg").write_text(svg.bars("Latency by --idle", "us", ("p50", "p99"), bars), encoding="utf-8")
    return rows
