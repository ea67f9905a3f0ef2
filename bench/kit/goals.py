# SPDX-License-Identifier: Apache-2.0
"""The goals beside what one run measured: met, missed, or not measured. A function for each case turns its rows into goals."""

import collections
import json

from kit import report

MET, MISSED, UNMEASURED = "met", "missed", "not measured"
LESS, MORE, EQUAL = "at most", "at least", "equal"
ABOVE, BELOW = "above", "below"
HOLDS = {
    LESS: lambda value, limit: value <= limit,
    MORE: lambda value, limit: value >= limit,
    EQUAL: lambda value, limit: value == limit,
    ABOVE: lambda value, limit: value > limit,
    BELOW: lambda value, limit: value < limit,
}
SIZES = (100, 10000, 50000)  # of propagation
CLUSTERS = ((10000, False), (20000, False), (5000, True))  # of scale: services, with ten pods each
OURS_UDP = ("burst53 af_packet", "burst53 af_xdp")
TCP_SERVERS = ("burst53 kernel sockets", "burst53 af_packet, shared")

Goal = collections.namedtuple("Goal", "case text value how limit peer digits note")


def goal(case, text, value, how, limit, **more):
    """value or limit None: not measured. peer: what the limit was measured of."""
    return Goal(case, text, value, how, limit, more.get("peer", ""), more.get("digits", 0), more.get("note", ""))


def verdict(g):
    if g.value is None or g.limit is None:
        return UNMEASURED
    return MET if HOLDS[g.how](g.value, g.limit) else MISSED


def find(rows, **wanted):
    """The first row with these values, or {}."""
    return next((r for r in rows if all(r.get(key) == value for key, value in wanted.items())), {})


def median(row, key):
    return row[key]["median"] if row.get(key) else None


def ratio(value, base):
    return value / base if value is not None and base else None


def inproc(rows):
    def row(case, names=10000, workers=1):
        return find(rows, kind="cycles", case=case, names=names, workers=workers)

    hit = row("a_hit")
    base = median(hit, "cycles")
    least = f"least {hit['cycles']['min']:.0f}, spread {100 * hit['cycles']['spread']:.0f} %" if hit else ""
    for limit in (200, 150):
        yield goal("inproc", "A hit, 10,000 names, cycles", base, LESS, limit, note=least)
    for names, limit in ((100000, 1.15), (1000000, 1.5)):
        value = ratio(median(row("a_hit", names), "cycles"), base)
        yield goal("inproc", f"A hit, {names:,} names, times 10,000", value, LESS, limit, digits=3)
    for case, text in (("nxdomain", "NXDOMAIN"), ("nodata", "NODATA"), ("outside", "cached outside name")):
        hits = row(case).get("hits")
        note = f"{hits['n']} turns, spread {100 * hits['spread']:.0f} %" if hits else ""
        yield goal("inproc", f"{text}, times a hit", median(row(case), "hits"), LESS, 1.1, digits=3, note=note)
    counted = find(rows, kind="instructions", case="a_hit").get("instructions")
    yield goal("inproc", "A hit, instructions", counted, LESS, 600)
    two = row("a_hit", workers=2)
    value = ratio(two.get("mqps"), hit.get("mqps"))
    note = f"{median(two, 'cycles'):.0f} cycles a query beside {base:.0f}" if two and hit else ""
    yield goal("inproc", "two workers, times the rate of one", value, MORE, 1.9, digits=3, note=note)


def best_of(rows, server):
    """Thousand answers a second at the best of the offered rates."""
    found = [r["answered"]["median"] / 1000 for r in rows if r["server"] == server]
    return max(found, default=None)


def veth(rows):
    peers = {r["server"] for r in rows if not r["server"].startswith(("burst53", "echo"))}
    for server in OURS_UDP:
        port = server.split()[-1]
        mine, echo = best_of(rows, server), best_of(rows, f"echo {port} (testpmd)")
        note = f"{mine:.0f} of {echo:.0f} k/s" if mine and echo else ""
        yield goal("veth", f"{port}, share of the echo", ratio(mine, echo), MORE, 0.95, digits=2, note=note)
        best = max(((best_of(rows, peer), peer) for peer in peers), default=(None, "peers"))
        yield goal("veth", f"{port}, thousand answers a second", mine, ABOVE, best[0], peer=f"best peer, {best[1]}")


def dnsperf(rows):
    loads = list(dict.fromkeys(r["load"] for r in rows if r["load"].startswith("TCP"))) or ["TCP"]
    for server in TCP_SERVERS:
        for load in loads:
            mine, knot = (median(find(rows, load=load, server=s), "qps") for s in (server, "Knot"))
            values = [None if v is None else v / 1000 for v in (mine, knot)]
            yield goal("dnsperf", f"{server}, {load}, k/s", values[0], ABOVE, values[1], peer="Knot", digits=1)


def swap(rows):
    row = find(rows, rate=10)
    share = median(row, "share")
    note = f"spread {100 * row['share']['spread']:.0f} %" if row else ""
    yield goal("swap", "10 swaps a second, share of the throughput", share, MORE, 0.99, digits=3, note=note)
    wrong = sum(r[key] for r in rows for key in ("wrong", "failed", "mixed", "older")) if rows else None
    note = f"of {sum(r['checked'] for r in rows):,} checked" if rows else ""
    yield goal("swap", "wrong or mixed answers while swapping", wrong, EQUAL, 0, note=note)


def propagation(rows):
    for services in SIZES:
        for server in ("burst53 kernel sockets", "burst53 af_packet"):
            mine = find(rows, services=services, server=server)
            peer = find(rows, services=services, server=f"CoreDNS beside {server}")
            note = f"p50 {mine['p50_ms']:.2f}, CoreDNS {peer['p50_ms']:.2f}" if mine and peer else ""
            text = f"propagation, {services:,} services, {server}, p99 ms"
            values = mine.get("p99_ms"), BELOW, peer.get("p99_ms")
            yield goal("propagation", text, *values, peer="CoreDNS", digits=2, note=note)


def scale(rows):
    for services, pods in CLUSTERS:
        peer = find(rows, services=services, pods=pods, server="CoreDNS")
        size = f"{10 * services:,} pods verified" if pods else f"{services:,} services, {10 * services:,} endpoints"
        for server in ("burst53 kernel sockets", "burst53 af_packet"):
            mine = find(rows, services=services, pods=pods, server=server)
            value, limit = median(mine, "relist_mb"), median(peer, "steady_mb")
            text = f"{size}, {server}, MB in a relist"
            yield goal("scale", text, value, BELOW, limit, peer="CoreDNS, steady")
            if services == CLUSTERS[0][0] and not pods:
                value, limit = median(mine, "empty_s"), median(peer, "empty_s")
                yield goal("scale", f"{size}, {server}, start s", value, BELOW, limit, peer="CoreDNS", digits=2)


def churn(rows):
    rate = median(find(rows, kind="churn"), "rate")
    yield goal("churn", "100 endpoint changes a second, reached", rate, MORE, 99, digits=1)


CASES = {f.__name__: f for f in (inproc, veth, dnsperf, swap, propagation, scale, churn)}


def judge(results):
    """All goals; results are the rows of each case that was measured."""
    return [g for name, function in CASES.items() for g in function(results.get(name, []))]


def number(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def table(goals):
    lines = [
        [g.text, f"{g.how} {number(g.limit, g.digits)}" + (f" ({g.peer})" if g.peer else "")]
        + [number(g.value, g.digits) + (f" ({g.note})" if g.note else ""), verdict(g)]
        for g in goals
    ]
    return report.table("goals", ["goal", "wanted", "measured", ""], lines)


def write(out, machine, goals, without, failed):
    """goals.json, and goals.md for people."""
    rows = [{"kind": "goal", **g._asdict(), "verdict": verdict(g)} for g in goals]
    report.write_json(out / "goals.json", machine, rows, without)
    parts = [table(goals), "".join(f"{key.replace('_', ' ')}: {value}  \n" for key, value in machine.items())]
    parts += ["".join(f"* left out: {line}\n" for line in without), "".join(f"* failed: {line}\n" for line in failed)]
    text = "<!-- SPDX-License-Identifier: Apache-2.0 -->\n" + "\n".join(part for part in parts if part)
    (out / "goals.md").write_text(text, encoding="utf-8")
