# SPDX-License-Identifier: Apache-2.0
"""Throughput and wrong answers while snapshots are swapped: every known address is compared, and one service whose four
addresses change together is watched for answers that are mixed or older than the one before."""

import threading
import time

from kit import ask, changes, inside, load, plane, report, servers, svg
from kit import lab as labs

RATES, QUICK_RATES = (0, 1, 10, 100), (0, 10)
PORT = "af_packet"
WINDOW, CLIENTS = 256, 8
SETTLE_S = 0.3


class Fed(servers.Burst53Cluster):
    """One worker that polls, all processes on the server's CPU, fed by kit.changes."""

    def command(self, folder):
        return [*super().command(folder), "--workers", "1", "--idle", "poll"]

    def start(self, lab):
        lab.clean_xdp()
        lab.own_address(self.has_kernel_address)
        self.clear(lab.folder)
        process = lab.start(self.command(lab.folder), cgroup=self.cgroup)
        lab.wait_answer(process, servers.name(0), 60)
        return process


def start(lab, options, port=PORT):
    """(changes, server's process); stop both."""
    feed = changes.Changes(lab, servers.dump())
    server = Fed(options.build, port, feed.kubeconfig, plane.OUR_COREFILE.format(pods="disabled"))
    try:
        return feed, server, server.start(lab)
    except BaseException:
        feed.stop()
        raise


class Watcher(threading.Thread):
    """Asks for the changing service all the time, a thousand times a second at most."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asker = ask.Asker(labs.ADDRESS, 53, labs.CLIENT)
        self.asked = self.mixed = self.older = self.failed = self.seen = self.unanswered = 0
        self.is_over = threading.Event()

    def run(self):
        last = -1
        while not self.is_over.wait(0.001):
            code, found = self.asker.ask(f"{changes.NAME}.{changes.SPACE}.svc.cluster.local")
            if code is None:
                self.unanswered += 1  # or not within the asker's time: the machine is busy
                continue
            self.asked += 1
            numbers = {tuple(int(b) for b in a.split(".")[2:]) for a in found}
            if code != 0 or len(found) != changes.WIDTH:
                self.failed += 1
            elif len(numbers) > 1:
                self.mixed += 1
            else:
                high, low = numbers.pop()
                number = high * 256 + low
                self.older += number < last
                self.seen += number != last
                last = number

    def end(self):
        self.is_over.set()
        self.join(5)
        self.asker.close()


def one(lab, options, feed, rate, seconds):
    """One run at one rate of changes."""
    feed.rate(rate)
    time.sleep(SETTLE_S)
    before = inside.generation(options.build, lab.folder)
    watcher = Watcher()
    watcher.start()
    begin = time.monotonic()
    try:
        shot = load.shoot(lab, options, lab.folder / "checked", seconds, window=WINDOW, clients=CLIENTS)
    finally:
        took = time.monotonic() - begin
        watcher.end()
        feed.rate(0)
    after = inside.generation(options.build, lab.folder)
    shot["swaps"] = (after - before) / took
    shot.update(asked=watcher.asked, mixed=watcher.mixed, older=watcher.older, failed=watcher.failed, seen=watcher.seen)
    shot["lost"] += watcher.unanswered
    return shot


def rows_of(found):
    """Throughput as a share of the same turn's runs without swaps, wrong answers of all turns together."""
    still = [shot["qps"] for shot in found[0]]
    return [
        {
            "kind": "swap",
            "rate": rate,
            "swaps": report.summary([s["swaps"] for s in shots]),
            "qps": report.summary([s["qps"] for s in shots]),
            "share": report.summary([s["qps"] / base for s, base in zip(shots, still)]),
            "checked": sum(s["answered"] + s["asked"] for s in shots),
            **{key: sum(s[key] for s in shots) for key in ("wrong", "mixed", "older", "failed", "lost")},
        }
        for rate, shots in found.items()
    ]


def run(options, out):
    found = {}
    rates = QUICK_RATES if options.quick else RATES
    with labs.Lab() as lab:
        (lab.folder / "checked").write_text(load.checked_questions(), encoding="ascii")
        feed, _, process = start(lab, options)
        try:
            load.shoot(lab, options, lab.folder / "checked", 1, window=WINDOW, clients=CLIENTS)  # warm
            for turn in range(report.turns_of(options, 7)):
                for rate in rates if turn % 2 == 0 else rates[::-1]:
                    report.progress(f"swap: turn {turn + 1}: {rate} changes a second")
                    found.setdefault(rate, []).append(one(lab, options, feed, rate, 2 if options.quick else 4))
        finally:
            lab.stop(process)
            feed.stop()
    rows = rows_of(found)
    lines = [
        [f"{r['rate']} changes/s", f"{r['swaps']['median']:.1f}", f"{r['qps']['median'] / 1000:.1f}"]
        + [f"{100 * r['qps']['spread']:.0f} %", f"{100 * r['share']['median']:.1f} %", r["checked"]]
        + [r["wrong"] + r["failed"], r["mixed"] + r["older"], r["lost"]]
        for r in rows
    ]
    heads = ["changes", "swaps/s", "thousand/s", "spread", "of none", "answers checked", "wrong", "mixed or older", "lost"]
    print(report.table(f"swap: {PORT}, one worker, {WINDOW} queries outstanding", heads, lines))
    bars = {f"{r['rate']} changes/s": [r["qps"]["median"] / 1000] for r in rows}
    (out / "swap.svg").write_text(svg.bars("Answers while swapping", "k/s", ("answered",), bars), encoding="utf-8")
    return rows
