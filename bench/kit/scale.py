# SPDX-License-Identifier: Apache-2.0
"""Memory and start of burst53 and CoreDNS in a large cluster, each alone on the same API server: time to the first right
answer from nothing and from the saved image, memory when all is quiet, the most while everything is listed again."""

import concurrent.futures
import contextlib
import functools
import tempfile
import time

from kit import ask, inside, machine, memory, plane, propagation, report, servers, svg
from kit import lab as labs

SIZES, QUICK_SIZES = (10000, 20000), (1000,)
PODS, QUICK_PODS = 5000, 100  # services with ten pods each
STATUS_RATE, STATUS_S, STATUS_CONNECTIONS = 200, 10, 16
SETTLE_S, SYNC_S = 5, 600
HUGEPAGES_MB = 300
MB = 1e6


def last_name(plan):
    """The last service that has an address of its own."""
    i = plan.services - 2
    return f"svc-{i}.{plan.space(i)}.svc.cluster.local"


class Contender:
    """burst53 on one port, or CoreDNS."""

    def __init__(self, lab, options, api, port):
        self.lab, self.options, self.api, self.port = lab, options, api, port
        self.pods = "verified" if api.plan.pods else "disabled"
        corefile = plane.OUR_COREFILE.format(pods=self.pods)
        self.ours = servers.Burst53Cluster(options.build, port, api.kubeconfig, corefile) if port else None
        self.title = self.ours.title if port else "CoreDNS"

    def start(self, group):
        """(process, asker, seconds to the first right answer)."""
        if self.ours:
            self.ours.cgroup = group
        begin = time.monotonic()
        process = self.ours.start(self.lab) if self.ours else self.api.coredns(self.lab, self.pods, group)
        asker = ask.Asker(labs.ADDRESS, 53, labs.CLIENT) if self.ours else ask.Asker("127.0.0.1", plane.COREDNS_PORT)
        try:
            asker.wait(last_name(self.api.plan), lambda code, found: code == 0 and found, SYNC_S)
        except BaseException:
            asker.close()
            self.lab.stop(process)
            raise
        return process, asker, time.monotonic() - begin

    @contextlib.contextmanager
    def running(self, group):
        process, asker, seconds = self.start(group)
        try:
            yield process, asker, seconds
        finally:
            asker.close()
            self.lab.stop(process)

    def clear(self):
        if self.ours:
            self.ours.clear(self.lab.folder)


def relist(api, asker):
    """The API server is restarted; over when a change made after that shows."""
    api.cluster.script("stop-api")
    time.sleep(1)
    api.cluster.script("start-api")
    propagation.change(api.kube, {"": asker}, int(time.time()) & 0xFFFFFF, SYNC_S)
    time.sleep(SETTLE_S)


def status_changes(api):
    """So many changes of pods' status a second; returns how many there were, and the seconds they took."""
    plan, made, start, run = api.plan, 0, time.monotonic(), time.time_ns()

    def change(number):
        pod = plane.fixtures.plan_pods(plan, number % plan.services)[number // plan.services % plane.ENDPOINTS_EACH]
        meta = pod["metadata"]
        conditions = [{"type": "Ready", "status": "True", "message": f"{run} {number}"}]
        api.kube.patch("Pod", meta["namespace"], meta["name"], {"status": {"conditions": conditions}}, "status")

    with concurrent.futures.ThreadPoolExecutor(STATUS_CONNECTIONS) as pool:
        while time.monotonic() < start + STATUS_S:
            begin = time.monotonic()
            list(pool.map(change, range(made, made + STATUS_RATE // 10)))
            made += STATUS_RATE // 10
            time.sleep(max(0, 0.1 - (time.monotonic() - begin)))
    return made, time.monotonic() - start


def cpu_of(contender, process):
    """CPU seconds so far of what follows the API."""
    if contender.ours:
        return inside.cpu_s(inside.pids(contender.options.build, contender.lab.folder)["control"])
    return inside.cpu_s(process.pid)


def one(contender, found):
    """All measurements of one contender."""
    result = {}
    contender.clear()
    with memory.Group("empty") as group:
        with contender.running(group) as (process, asker, result["empty_s"]):
            time.sleep(SETTLE_S)
            result["steady_mb"] = group.used() / MB
            if contender.api.plan.pods:
                before = cpu_of(contender, process)
                made, took = status_changes(contender.api)
                result["cpu_us"] = 1e6 * (cpu_of(contender, process) - before) / made
                result["status_rate"] = made / took
            group.reset()
            relist(contender.api, asker)
            result["relist_mb"], result["kernel_peak_mb"] = group.most / MB, group.peak() / MB
            result["after_mb"] = group.used() / MB
    if contender.ours:
        with memory.Group("saved") as group, contender.running(group) as (_, _, result["saved_s"]):
            pass
    contender.clear()
    plan = contender.api.plan
    found.setdefault((plan.services, plan.pods, contender.title), []).append(result)


def turns(options, size, pods):
    """The least size also tells how long a start takes; memory hardly differs from turn to turn."""
    return report.turns_of(options, 3) if size == SIZES[0] and not pods else 1


def one_size(lab, options, size, pods, found):
    """All contenders by turns on one API server."""
    with tempfile.TemporaryDirectory(prefix="b53-bench-") as folder, plane.Plane(folder, size, pods) as api:
        propagation.prepare(api.kube)
        ports = ["none"] + (["af_packet"] if 2 * machine.hugepages() >= HUGEPAGES_MB else []) + [None]
        contenders = [Contender(lab, options, api, port) for port in ports]
        jobs = {c.title: functools.partial(one, c, found) for c in contenders}
        report.by_turns(f"scale: {size} services{', pods' if pods else ''}", turns(options, size, pods), jobs)


def rows_of(found):
    rows = []
    for (size, pods, title), results in found.items():
        row = {"kind": "scale", "services": size, "endpoints": size * plane.ENDPOINTS_EACH, "pods": pods, "server": title}
        for key in results[0]:
            row[key] = report.summary([r[key] for r in results])
        rows.append(row)
    return rows


COLUMNS = (
    ("from nothing s", "empty_s", 2), ("saved s", "saved_s", 2), ("steady MB", "steady_mb", 0),
    ("relist MB", "relist_mb", 0), ("kernel's peak MB", "kernel_peak_mb", 0), ("after MB", "after_mb", 0),
    ("us/status", "cpu_us", 0), ("statuses/s", "status_rate", 0),
)  # fmt: skip


def sizes(options):
    return [size for size in (QUICK_SIZES if options.quick else SIZES) if size <= options.largest]


def run(options, out):
    found = {}
    with labs.Lab() as lab:
        for size in sizes(options):
            report.attempt(f"scale: {size} services", one_size, lab, options, size, False, found)
        few = options.quick or options.largest < PODS * plane.ENDPOINTS_EACH
        report.attempt("scale: pods", one_size, lab, options, QUICK_PODS if few else PODS, True, found)
    rows = rows_of(found)
    lines = [
        [f"{r['server']}, {r['services']} services" + (" and pods" if r["pods"] else "")]
        + [f"{r[key]['median']:.{digits}f}" if key in r else "" for _, key, digits in COLUMNS]
        for r in rows
    ]
    print(report.table("scale: ten endpoints for each service", ["server", *(head for head, _, _ in COLUMNS)], lines))
    bars = {line[0][:28]: [r["steady_mb"]["median"], r["relist_mb"]["median"]] for line, r in zip(lines, rows)}
    (out / "scale.svg").write_text(svg.bars("Memory", "MB", ("steady", "relist"), bars), encoding="utf-8")
    return rows
