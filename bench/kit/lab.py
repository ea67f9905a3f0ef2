# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces and the link between them, and the processes in them; all end with the lab."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = os.environ.get("B53_LAB", "b53") + "-bench"
SERVER, CLIENT = PREFIX + "-srv", PREFIX + "-cli"
ADDRESS, SERVER_LINK, CLIENT_LINK = "198.18.0.53", "198.18.0.1", "198.18.0.10"
SERVER_CPU, CLIENT_CPU = 0, 1
STOP_S = 5


def call(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Lab:
    """`with Lab() as lab:` makes the namespaces; what was started in it is stopped by process id."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="b53-bench-"))
        self.started = []

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        for ns in (SERVER, CLIENT):
            call("ip", "netns", "del", ns, check=False)
            call("ip", "netns", "add", ns)
            call("ip", "-n", ns, "link", "set", "lo", "up")
        call("ip", "-n", SERVER, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", CLIENT)
        for ns, address in ((SERVER, SERVER_LINK), (CLIENT, CLIENT_LINK)):
            call("ip", "-n", ns, "addr", "add", f"{address}/24", "dev", "eth0")
            call("ip", "-n", ns, "link", "set", "eth0", "up")
        mac = call("ip", "netns", "exec", SERVER, "cat", "/sys/class/net/eth0/address").strip()
        call("ip", "-n", CLIENT, "neigh", "replace", ADDRESS, "lladdr", mac, "dev", "eth0", "nud", "permanent")

    def clean_xdp(self):
        """A program that somebody left costs a third of the throughput."""
        for ns in (SERVER, CLIENT):
            call("ip", "-n", ns, "link", "set", "eth0", "xdp", "off", check=False)

    def own_address(self, wanted):
        """Whether the kernel of the server's side has the served address."""
        verb = "replace" if wanted else "del"
        call("ip", "-n", SERVER, "addr", verb, f"{ADDRESS}/32", "dev", "eth0", check=False)

    def start(self, command, ns=SERVER, cpu=SERVER_CPU, stdin=subprocess.DEVNULL, cgroup=None):
        """Starts a server in a session of its own; returns the process. ns None: this machine's own namespace; cpu None:
        wherever it likes; cgroup: a kit.memory.Group that it and its children belong to."""
        log = open(self.folder / f"log-{len(self.started)}-{time.monotonic_ns()}", "wb")  # closed with the process' end
        process = subprocess.Popen(
            [
                *(cgroup.enter() if cgroup else []),
                *(["ip", "netns", "exec", ns] if ns else []),
                *(["taskset", "-c", str(cpu)] if cpu is not None else []),
                *command,
            ],
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        process.log = log.name
        log.close()
        self.started.append(process)
        return process

    def stop(self, process):
        """Its own session only."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sig)
                process.wait(STOP_S)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        if process in self.started:
            self.started.remove(process)

    def client(self, command, limit_s):
        """Runs a load generator in the client's namespace to its end; returns what it printed."""
        done = subprocess.run(
            ["ip", "netns", "exec", CLIENT, "taskset", "-c", str(CLIENT_CPU), *command],
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        return done.stdout + done.stderr

    @staticmethod
    def text(process):
        """What a process has written."""
        return pathlib.Path(process.log).read_text(encoding="utf-8", errors="replace")

    def wait_answer(self, process, name, limit_s=20):
        """Until the server answers NOERROR with an address for the name."""
        end = time.monotonic() + limit_s
        command = ["dig", f"@{ADDRESS}", "+short", "+time=1", "+tries=1", name, "A"]
        while time.monotonic() < end:
            if process.poll() is not None:
                break
            if self.client(command, 10).strip()[:3] == "10.":
                return
            time.sleep(0.1)
        raise RuntimeError(f"{process.args}: no answer\n{self.text(process)[-2000:]}")

    def __exit__(self, *_):
        for process in list(self.started):
            self.stop(process)
        for ns in (SERVER, CLIENT):
            call("ip", "netns", "del", ns, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
