# SPDX-License-Identifier: Apache-2.0
"""The probe as a child: what it prints, and what is said to it."""

import os
import queue
import subprocess
import threading
import time

PROBE = os.environ.get("B53_KUBE_PROBE", "build/release/tests/kube/kube_probe")
# As short as the machine allows, so that a test takes a second.
QUICK = {"backoff": 40, "backoff_max": 200, "backoff_connect_max": 100, "short_watch": 30, "settle": 100,
         "confirm": 100, "connect": 2000}


def service(name, namespace="ns", ips=("10.0.0.1",), **metadata):
    """A Service."""
    return {"metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": {"clusterIP": ips[0], "clusterIPs": list(ips), "ports": [{"name": "http", "port": 80,
                                                                              "protocol": "TCP"}]}}


class Probe:
    """A running probe: what it prints, and what is said to it."""

    def __init__(self, *args, timing=None, env=None):
        words = [PROBE]
        for name, value in {**QUICK, **(timing or {})}.items():
            words += ["--timing", f"{name}={value}"]
        self.child = subprocess.Popen(words + list(args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, bufsize=1,
                                      env={**os.environ, "no_proxy": "*", **(env or {})})
        self.lines = queue.Queue()
        self.seen = []
        self.log = []
        for stream, put in ((self.child.stdout, self.lines.put), (self.child.stderr, self.log.append)):
            threading.Thread(target=self.read, args=(stream, put), daemon=True).start()

    @staticmethod
    def read(stream, put):
        """Takes lines as they come."""
        for line in stream:
            put(line.rstrip("\n"))

    def wait(self, start, timeout_s=30):
        """The next line that starts so; all before it are in seen."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line '{start}' came; seen {self.seen[-12:]}, log {self.log[-8:]}") from None
            self.seen.append(line)
            if line.startswith(start):
                return line

    def quiet_for(self, start, seconds):
        """No line that starts so comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                line = self.lines.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                return
            self.seen.append(line)
            assert not line.startswith(start), line

    def say(self, line):
        """A command."""
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def stats(self, kind="services"):
        """The statistics of a kind."""
        self.say(f"stats {kind}")
        words = self.wait("stats").split()[2:]
        return {key: int(value) if value.isdigit() else value for key, value in (word.split("=") for word in words)}

    def until(self, condition, kind="services", timeout_s=30):
        """The statistics as soon as they satisfy the condition."""
        end = time.monotonic() + timeout_s
        while True:
            stats = self.stats(kind)
            if condition(stats):
                return stats
            assert time.monotonic() < end, (stats, self.log[-8:])
            time.sleep(0.03)

    def names(self, kind="services"):
        """The names that are live."""
        self.say(f"show {kind}")
        self.wait("done show")
        start = max((i for i, line in enumerate(self.seen[:-1]) if line.startswith("done")), default=-1)
        return sorted(line.split()[2] for line in self.seen[start + 1:-1] if line.startswith("object"))

    def logged(self, text, timeout_s=30):
        """The first line of the log with this text."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            found = [line for line in self.log if text in line]
            if found:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"'{text}' is not in the log: {self.log}")

    def quit(self):
        """Ends it in good order; everything must have been given back."""
        if self.child.poll() is None:
            self.say("quit")
        try:
            assert self.child.wait(10) == 0, (self.child.returncode, self.log[-20:])
        finally:
            if self.child.poll() is None:
                self.child.kill()
