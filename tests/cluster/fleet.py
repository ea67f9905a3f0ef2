# SPDX-License-Identifier: Apache-2.0
"""Many burst53-control on one API server: what they cost it."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import lab

RESOURCES = ("namespaces", "services", "endpointslices")


def metric(text, name, **labels):
    """Sum of a metric's samples whose labels are these."""
    total = 0.0
    for line in re.findall(rf"^{name}(?:{{.*}})? .*$", text, re.M):
        if all(f'{key}="{value}"' in line for key, value in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


def read_api(kube):
    """What the API server says of itself."""
    status, data = kube.raw("GET", "/metrics")
    assert status == 200
    text = data.decode()
    resources = {r: {
        "lists": metric(text, "apiserver_request_total", resource=r, verb="LIST"),
        "watches": metric(text, "apiserver_longrunning_requests", resource=r, verb="WATCH"),
    } for r in RESOURCES}
    return {"watches": sum(r["watches"] for r in resources.values()),
            "lists": sum(r["lists"] for r in resources.values()),
            "list_bytes": sum(metric(text, "apiserver_response_sizes_sum", resource=r, verb="LIST") for r in RESOURCES),
            "watch_bytes": metric(text, "apiserver_watch_events_sizes_sum"),
            "cpu_s": metric(text, "process_cpu_seconds_total"),
            "rss_mb": metric(text, "process_resident_memory_bytes") / 1e6}


def changed(after, before):
    """What was added in between; gauges as they are now."""
    return {key: after[key] - (before[key] if key not in ("watches", "rss_mb") else 0) for key in after}


class Fleet:
    """N control processes, each with folders of its own."""

    def __init__(self, folder, kubeconfig, corefile):
        self.folder, self.kubeconfig, self.corefile = Path(folder), kubeconfig, corefile
        self.processes = []

    def start(self, number):
        """All at once: nobody's fleet is more in step than that."""
        for i in range(number):
            home = self.folder / str(i)
            (home / "run").mkdir(parents=True, mode=0o700)
            with open(home / "log", "wb") as log:
                self.processes.append(subprocess.Popen(
                    ["nice", "-n", "5", lab.BUILD / "control" / "burst53-control", "--conf", self.corefile, "--kubeconfig",
                     self.kubeconfig, "--run-dir", home / "run", "--state-dir", home, "--address", "198.18.0.53/24"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def logs(self):
        """One text per process."""
        return [(self.folder / str(i) / "log").read_text(encoding="utf-8") for i in range(len(self.processes))]

    def synced(self):
        """How many have every resource."""
        return sum(all(f"resource synced resource={r} " in log for r in RESOURCES) for log in self.logs())

    def wait_synced(self, seconds):
        """Seconds until all are."""
        start = time.monotonic()
        lab.wait_for(lambda: self.synced() == len(self.processes), seconds)
        return time.monotonic() - start

    def wait_again(self, seconds):
        """When each has all resources a second time: (first, last) in seconds from now."""
        start, at = time.monotonic(), {}
        while len(at) < len(self.processes):
            now = time.monotonic() - start
            assert now < seconds, f"{len(at)} of {len(self.processes)} are back"
            for i, log in enumerate(self.logs()):
                if i not in at and log.count("info kube synced resource=") >= 2 * len(RESOURCES):
                    at[i] = now
            time.sleep(0.05)
        return min(at.values()), max(at.values())

    def memory_mb(self):
        """(mean, largest) resident size."""
        sizes = []
        for process in self.processes:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            sizes.append(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024)
        return sum(sizes) / len(sizes), max(sizes)

    def stop(self):
        """Only ours."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(5)
        self.processes = []
