# SPDX-License-Identifier: Apache-2.0
"""A hundred endpoint changes a second in a large cluster: CPU of what follows the API, how soon snapshots are served, and
how many bytes are made anew for that. CoreDNS follows the same API server at the same time."""

import collections
import concurrent.futures
import re
import tempfile
import threading
import time

from kit import ask, inside, machine, plane, propagation, report, servers, svg
from kit import lab as labs

SIZE, QUICK_SIZE = 10000, 1000
RATE, SECONDS, QUICK_SECONDS = 100, 60, 10
CONNECTIONS = 16  # of those that make the changes
PORT = "af_packet"
SAMPLE_S = 0.25
METRICS = """    prometheus 127.0.0.1:9253
"""
IDLE_S = 5


def replace_slice(api, number):
    """One endpoint of one slice has another address."""
    plan = api.plan
    obj = plane.fixtures.plan_slices(plan, number * 7919 % plan.services)[0]
    obj["endpoints"][0]["addresses"] = [f"10.{32 + (number >> 16 & 15)}.{number >> 8 & 255}.{number & 255}"]
    api.kube.replace(obj)


def make_changes(api, seconds, turn):
    """At the rate, none as one before; returns how many there were, and the seconds they took."""
    begin, first = time.monotonic(), turn * RATE * seconds
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        waiting = []
        for number in range(RATE * seconds):
            time.sleep(max(0, begin + number / RATE - time.monotonic()))
            waiting.append(pool.submit(replace_slice, api, first + number))
        for done in waiting:
            done.result()
    return len(waiting), time.monotonic() - begin


class Sampler(threading.Thread):
    """Follows folds, overlays and sizes of images."""

    def __init__(self, options, lab):
        super().__init__(daemon=True)
        self.options, self.lab = options, lab
        self.is_over = threading.Event()
        self.first = self.last = self.look()
        self.overlay_bytes = []

    def look(self):
        now = inside.status(self.options.build, self.lab.folder)
        control, snapshot = now["control"], now["slowpath"]
        return {"folds": control["folds"], "overlays": control["overlays"], "bytes": snapshot["bytes"]}

    def run(self):
        least = self.first["bytes"]
        while not self.is_over.wait(SAMPLE_S):
            self.last = self.look()
            least = min(least, self.last["bytes"])
            self.overlay_bytes.append(self.last["bytes"] - least)

    def end(self):
        """Folds, overlays, and the bytes they made: a base each fold, the usual overlay each overlay."""
        self.is_over.set()
        self.join(30)
        self.last = self.look()
        folds, overlays = (self.last[key] - self.first[key] for key in ("folds", "overlays"))
        usual = report.summary(self.overlay_bytes or [0])["median"]
        made = folds * (self.last["bytes"] - usual) + overlays * usual
        return {"folds": folds, "overlays": overlays, "made_bytes": made}


def buckets():
    """The histogram of publishing: {upper bound in seconds: count so far}."""
    text = machine.call(["ip", "netns", "exec", labs.SERVER, "curl", "-sf", "http://127.0.0.1:9253/metrics"])
    found = re.findall(r'^burst53_publish_duration_seconds_bucket\{[^}]*le="([^"]+)"[^}]*\} (\S+)', text, re.M)
    counts = collections.Counter()
    for bound, count in found:
        counts[float(bound)] += float(count)
    return counts


def quantile(before, after, share):
    """The bound that so many are below, in milliseconds."""
    total = after[float("inf")] - before[float("inf")]
    for bound in sorted(after):
        if after[bound] - before[bound] >= share * total:
            return 1000 * bound
    return float("inf")


def cpu_now(options, lab, coredns):
    found = {name: inside.cpu_s(pid) for name, pid in inside.pids(options.build, lab.folder).items()}
    return {**found, "CoreDNS": inside.cpu_s(coredns.pid)}


def shares(before, after, seconds):
    """Percent of one CPU."""
    return {name: 100 * (after[name] - before[name]) / seconds for name in before}


def measure(lab, options, api, coredns, turn):
    """One minute of changes, or less."""
    seconds = QUICK_SECONDS if options.quick else SECONDS
    sampler = Sampler(options, lab)
    control = inside.pids(options.build, lab.folder)["control"]
    idle = cpu_now(options, lab, coredns)
    time.sleep(IDLE_S)
    idle = shares(idle, cpu_now(options, lab, coredns), IDLE_S)
    before, cpu, written = buckets(), cpu_now(options, lab, coredns), inside.written_bytes(control)
    sampler.start()
    made, took = make_changes(api, seconds, turn)
    time.sleep(1)
    images = sampler.end()
    after, cpu_after = buckets(), cpu_now(options, lab, coredns)
    return {
        "changes": made,
        "rate": made / took,
        "cpu_percent": shares(cpu, cpu_after, took),
        "idle_percent": idle,
        "publish_p50_ms": quantile(before, after, 0.5),
        "publish_p99_ms": quantile(before, after, 0.99),
        "image_bytes_a_change": images["made_bytes"] / made,
        "written_bytes_a_change": (inside.written_bytes(control) - written) / made,
        "folds": images["folds"],
        "overlays": images["overlays"],
    }


def run(options, out):
    size = QUICK_SIZE if options.quick else SIZE
    results = []
    with labs.Lab() as lab, tempfile.TemporaryDirectory(prefix="b53-bench-") as folder, plane.Plane(folder, size) as api:
        propagation.prepare(api.kube)
        corefile = plane.OUR_COREFILE.format(pods="disabled").replace("    loadbalance", METRICS + "    loadbalance")
        ours = servers.Burst53Cluster(options.build, PORT, api.kubeconfig, corefile)
        ours.clear(lab.folder)
        processes = [ours.start(lab), api.coredns(lab)]
        askers = [ask.Asker(labs.ADDRESS, 53, labs.CLIENT), ask.Asker("127.0.0.1", plane.COREDNS_PORT)]
        try:
            for asker in askers:
                asker.wait(propagation.FULL_NAME, lambda code, found: found, propagation.SYNC_S)
            for turn in range(1 if options.quick else report.turns_of(options)):
                report.progress(f"churn: turn {turn + 1}: {RATE} changes a second, {size} services")
                results.append(measure(lab, options, api, processes[1], turn))
        finally:
            for asker in askers:
                asker.close()
            for process in processes:
                lab.stop(process)
    return show(results, size, out)


def show(results, size, out):
    by_name = ("cpu_percent", "idle_percent")
    plain = [key for key in results[0] if key not in by_name]
    row = {"kind": "churn", "services": size, **{key: report.summary([r[key] for r in results]) for key in plain}}
    for key in by_name:
        row[key] = {name: report.summary([r[key][name] for r in results]) for name in results[0][key]}
    lines = [
        [f"CPU of {n}, % of one (idle)", f"{s['median']:.1f} ({row['idle_percent'][n]['median']:.1f})"]
        + [f"{100 * s['spread']:.0f} %"]
        for n, s in row["cpu_percent"].items()
    ]
    lines += [[key.replace("_", " "), f"{row[key]['median']:.1f}", f"{100 * row[key]['spread']:.0f} %"] for key in plain]
    print(report.table(f"churn: {RATE} endpoint changes a second, {size} services", ["what", "median", "spread"], lines))
    bars = {name: [s["median"]] for name, s in row["cpu_percent"].items()}
    (out / "churn.svg").write_text(svg.bars("CPU in churn", "%", ("of one CPU",), bars), encoding="utf-8")
    return [row]
