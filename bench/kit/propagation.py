# SPDX-License-Identifier: Apache-2.0
"""From a change in the API (its request has returned) to the changed answer: burst53 and CoreDNS follow the same API
server at the same time and are asked by turns."""

import tempfile
import time

from kit import ask, plane, report, servers, svg
from kit import lab as labs

SPACE, NAME = "default", "bench"
FULL_NAME = f"{NAME}.{SPACE}.svc.cluster.local"
SIZES, QUICK_SIZES = (100, 10000, 50000), (100,)
PORTS = ("none", "af_packet")
CHANGES, QUICK_CHANGES = 200, 60
PAUSE_S = 0.02
LIMIT_S = 20
SYNC_S = 300


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def slice_of(number):
    """The service's one slice; its one address tells the number of the change."""
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    ends = [plane.fixtures.endpoint(address)]
    return plane.fixtures.endpoint_slice(SPACE, NAME, NAME, ends, [("p", 80, "TCP")]), address


def change(kube, askers, number, limit_s=LIMIT_S):
    """Makes one change; {title: seconds until it showed, from the return of the request}."""
    new, address = slice_of(number)
    waiting = list(askers.items())
    if number % 2:
        waiting.reverse()
    kube.replace(new)
    start, took = time.monotonic(), {}
    while waiting:
        for title, asker in list(waiting):
            _, found = asker.ask(FULL_NAME)
            if found == [address]:
                took[title] = time.monotonic() - start
                waiting.remove((title, asker))
        if time.monotonic() - start > limit_s:
            raise RuntimeError(f"a change did not show within {limit_s} s: {', '.join(t for t, _ in waiting)}")
    return took


def prepare(kube):
    """The service that changes; whatever the last run left is replaced."""
    service = plane.fixtures.service(SPACE, NAME, [plane.fixtures.port("p", 80)], clusterIP="None")
    for obj in (service, slice_of(1)[0]):
        try:
            kube.create(obj)
        except plane.KubeError as problem:
            if problem.status != 409:
                raise


def one_port(lab, api, options, size, port, found):
    """burst53 on one kind of port, CoreDNS beside it."""
    ours = servers.Burst53Cluster(options.build, port, api.kubeconfig, plane.OUR_COREFILE.format(pods="disabled"))
    ours.clear(lab.folder)
    askers = {}
    processes = [ours.start(lab), api.coredns(lab)]
    try:
        askers[ours.title] = ask.Asker(labs.ADDRESS, 53, labs.CLIENT)
        askers[f"CoreDNS beside {ours.title}"] = ask.Asker("127.0.0.1", plane.COREDNS_PORT)
        for asker in askers.values():
            asker.wait(FULL_NAME, lambda code, found: found, SYNC_S)
        for title in askers:
            found[(size, title)] = []
        for number in range(2, 2 + (QUICK_CHANGES if options.quick else CHANGES)):
            for title, seconds in change(api.kube, askers, number).items():
                found[(size, title)].append(1000 * seconds)
            time.sleep(PAUSE_S)
    finally:
        for asker in askers.values():
            asker.close()
        for process in processes:
            lab.stop(process)


def one_size(lab, options, size, found):
    """Both kinds of port on one API server."""
    with tempfile.TemporaryDirectory(prefix="b53-bench-") as folder, plane.Plane(folder, size) as api:
        prepare(api.kube)
        for port in PORTS:
            report.progress(f"propagation: {size} services, {port}")
            report.attempt(f"propagation: {size} services, {port}", one_port, lab, api, options, size, port, found)


def rows_of(found):
    return [
        {
            "kind": "propagation",
            "services": size,
            "server": title,
            "p50_ms": percentile(times, 0.5),
            "p99_ms": percentile(times, 0.99),
            "most_ms": max(times),
            "changes": len(times),
        }
        for (size, title), times in found.items()
        if times
    ]


def sizes(options):
    return [size for size in (QUICK_SIZES if options.quick else SIZES) if size <= options.largest]


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        for size in sizes(options):
            report.attempt(f"propagation: {size} services", one_size, lab, options, size, found)
    rows = rows_of(found)
    lines = [
        [f"{r['server']}, {r['services']}"] + [f"{r[k]:.2f}" for k in ("p50_ms", "p99_ms", "most_ms")] + [r["changes"]]
        for r in rows
    ]
    heads = ["server, services", "p50 ms", "p99 ms", "most ms", "changes"]
    print(report.table("propagation: from the API's reply to the changed answer", heads, lines))
    bars = {f"{r['server'][:24]}, {r['services']}": [r["p50_ms"], r["p99_ms"]] for r in rows}
    (out / "propagation.svg").write_text(svg.bars("API change to answer", "ms", ("p50", "p99"), bars), encoding="utf-8")
    return rows
