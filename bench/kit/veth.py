# SPDX-License-Identifier: Apache-2.0
"""Offered against answered over a veth pair, from kxdpgun, which sends without waiting for replies."""

import functools
import re
import time

from kit import lab as labs
from kit import report, servers, svg

RATES_KQPS = (100, 400, 700)
QUICK_RATES_KQPS = (100, 500)
SECONDS, QUICK_SECONDS = 2, 1


def kxdpgun(lab, rate_kqps, seconds):
    """What it prints; once more when the queue of the last run is not free yet."""
    command = ["kxdpgun", "-t", str(seconds), "-Q", str(rate_kqps * 1000), "-i", str(lab.folder / "queries")]
    text = ""
    for _ in range(3):
        text = lab.client([*command, labs.ADDRESS], seconds + 30)
        if "resource is busy" not in text:
            break
        time.sleep(0.5)
    return text


def shoot(lab, rate_kqps, seconds):
    """Sent and answered queries a second; None when kxdpgun did not run."""
    text = kxdpgun(lab, rate_kqps, seconds)
    sent = re.search(r"total queries:\s+(\d+)", text)
    answered = re.search(r"total replies:\s+(\d+)", text)
    noerror = re.search(r"responded NOERROR:\s+(\d+)", text)
    if not sent or not answered:
        report.progress(f"veth: kxdpgun: {text.strip().splitlines()[-1] if text.strip() else 'nothing'}")
        return None
    good = noerror or answered
    return {"sent": int(sent.group(1)) / seconds, "answered": int(good.group(1)) / seconds}


def measure(lab, options, server, found):
    """One turn of a contender over all rates."""
    rates = QUICK_RATES_KQPS if options.quick else RATES_KQPS
    process = server.start(lab)
    try:
        for rate in rates:
            shot = shoot(lab, rate, QUICK_SECONDS if options.quick else SECONDS)
            if shot is not None:
                found.setdefault((server.title, rate), []).append(shot)
    finally:
        lab.stop(process)


def rows_of(found):
    return [
        {
            "kind": "veth",
            "server": title,
            "rate_kqps": rate,
            "sent": report.summary([s["sent"] for s in shots]),
            "answered": report.summary([s["answered"] for s in shots]),
        }
        for (title, rate), shots in found.items()
    ]


def contenders(options):
    for server in servers.everybody(options.build):
        reason = server.missing()
        if reason:
            report.leave_out(server.title, reason)
        else:
            yield server


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        (lab.folder / "queries").write_text(servers.questions("hits"), encoding="utf-8")
        jobs = {s.title: functools.partial(measure, lab, options, s, found) for s in contenders(options)}
        report.by_turns("veth", report.turns_of(options), jobs)
    rows = rows_of(found)
    lines = [
        [f"{r['server']}, {r['rate_kqps']} k", f"{r['sent']['median'] / 1000:.0f}", f"{r['answered']['median'] / 1000:.0f}"]
        + [f"{100 * r['answered']['median'] / max(1, r['sent']['median']):.1f} %", f"{100 * r['answered']['spread']:.0f} %"]
        for r in sorted(rows, key=lambda r: r["rate_kqps"])
    ]
    print(report.table("veth: thousand queries a second, kxdpgun", ["server, offered", "sent", "answered", "share", "spread"], lines))
    titles = list(dict.fromkeys(r["server"] for r in rows))
    top = max((r["rate_kqps"] for r in rows), default=0)
    best = {t: [max(r["answered"]["median"] / 1000 for r in rows if r["server"] == t)] for t in titles}
    if best:
        title = f"Answered over veth, best of offered rates up to {top} k/s"
        (out / "veth.svg").write_text(svg.bars(title, "k/s", ("answered",), best), encoding="utf-8")
    return rows
