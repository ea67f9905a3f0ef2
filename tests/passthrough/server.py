# SPDX-License-Identifier: Apache-2.0
"""burst53 inside the emulated machine, and its clients outside."""

import json
import re

from machine import FAR, LINK, PREFIX, WAIT_S, inside, wait_for

WEB = "web.default.svc.cluster.local"
WEB_A = "10.96.0.80"
ATTEMPTS = 4


class Port:  # pylint: disable=too-few-public-methods
    """A device that DPDK gets, and the NIC whose network it is on."""

    def __init__(self, nic, device, driver, workers=1):
        self.nic, self.device, self.driver, self.workers = nic, device, driver, workers


class Server:
    """One `burst53 run`."""

    running = []  # those started and not stopped: a guard ends them after a failure

    def __init__(self, machine, port, instance="burst53", environment=""):
        self.machine, self.port, self.instance = machine, port, instance
        self.environment = environment
        self.output, self.pidfile = f"/tmp/{instance}.log", f"/run/{instance}.pid"

    def command(self, *more):
        """Its command line."""
        nic = self.port.nic
        words = ["BURST53_SANDBOX=kill", self.environment, "burst53", "run", "--conf", "/etc/burst53/Corefile", "--dump", "/etc/burst53/cluster.json",
                 "--port", self.port.device, "--workers", str(self.port.workers), "--idle", "sleep",
                 "--address", nic.served[4] + "/24", "--address", nic.served[6] + "/64",
                 "--gateway", nic.client[4], "--gateway", nic.client[6],
                 "--pidfile", self.pidfile, "--state-dir", f"/tmp/{self.instance}.state",
                 "--run-dir", f"/run/{self.instance}", *more]
        return " ".join(words)

    def start(self, *more):
        """Returns when it answers; a start that fails leaves nothing behind."""
        self.machine.sh(f"rm -rf /tmp/{self.instance}.state; {self.command(*more)} >{self.output} 2>&1 &")
        Server.running.append(self)
        try:
            wait_for(self.is_answering)
        except AssertionError as error:
            log = self.log()
            self.end()
            raise AssertionError(f"{error}\n{log}") from None
        return self

    def refusal(self, *more):
        """Starts it where it cannot start: its first error."""
        code, out = self.machine.try_sh(f"rm -rf /tmp/{self.instance}.state; timeout {WAIT_S} env {self.command(*more)} 2>&1",
                                        2 * WAIT_S)
        assert code == 1, out
        return next(line for line in out.splitlines() if line.startswith("error "))

    def stop(self):
        """In order; every buffer of packets has to be back."""
        try:
            _, out = self.machine.try_sh(f"kill $(cat {self.pidfile}); while [ -e {self.pidfile} ]; do sleep 0.1; done; "
                                         f"cat {self.output}")
        finally:
            self.end()
        missing = re.findall(r"main stopped buffers_missing=(\d+)", out)
        assert missing and set(missing) == {"0"}, out

    def end(self):
        """Whatever is left of it, and of every other when it did not stop in order, or not come far enough to have a
        pidfile."""
        Server.running.remove(self)
        code, _ = self.machine.try_sh(f"[ -e {self.pidfile} ] || pgrep -f '[r]un-dir /run/{self.instance}( |$)'")
        if code == 0:
            names = "burst53 burst53-dataplane burst53-slowpath burst53-control burst53-monitor"
            self.machine.try_sh(f"killall -9 {names}; while pidof {names}; do sleep 0.1; done; rm -f {self.pidfile}")

    def log(self):
        """What it wrote."""
        return self.machine.sh(f"cat {self.output}")

    def is_answering(self):
        """Whether it said so, or a failure when it ended. A worker that the machine forgot for a second is replaced:
        that is no end."""
        log = self.log()
        assert not re.search("^error supervisor (?!a worker hangs)", log, re.M), log
        return "supervisor answering" in log

    def opened(self):
        """What the log says of the port, of its last opening."""
        lines = [line for line in self.log().splitlines() if " port opened " in line]
        return dict(word.split("=", 1) for word in lines[-1].split()[3:]), len(lines)

    def status(self):
        """burst53 status."""
        return json.loads(self.machine.try_sh(f"burst53 status --json --run-dir /run/{self.instance}")[1])

    def is_ready(self):
        """What /ready says."""
        return self.machine.try_sh("wget -q -O /dev/null http://127.0.0.1:8181/ready")[0] == 0

    def counted(self, key):
        """A counter of the workers, summed."""
        return sum(worker[key] for worker in self.status()["workers"])

    def pid(self, name):
        """Of a child."""
        return next(p["pid"] for p in self.status()["processes"] if p["name"] == name)


def dig(nic, name=WEB, kind="A", *words, family=4, netns=LINK):
    """The answer's text, sorted; None without a reply."""
    for _ in range(ATTEMPTS if "+tries=1" not in words else 1):  # of a connection that fails dig tries no second
        done = inside(netns, "dig", f"@{nic.served[family]}", name, kind, "+short", "+tries=4", "+time=10", *words)
        if done.returncode == 0:
            return sorted(done.stdout.split())
    return None


def answers(nic, family=4):
    """Whether a question is answered rightly, even when the emulated machine has to wait for its processors."""
    return dig(nic, family=family) == [WEB_A]


def is_silent(nic):
    """Whether a question is not answered."""
    return dig(nic, WEB, "A", "+tries=1", "+time=1") is None


def dnsperf(nic, folder, queries=4000, rate=1500, family=4):
    """(sent, completed) of dnsperf."""
    data = folder / "queries"
    data.write_text("".join(f"{name}.default.svc.cluster.local {kind}\n" for name in ("web", "missing")
                            for kind in ("A", "AAAA")), encoding="ascii")
    out = inside(LINK, "dnsperf", "-s", nic.served[family], "-d", data, "-c", "16", "-Q", rate,
                 "-n", queries // 4, "-t", "60", timeout=600).stdout
    return tuple(int(re.search(rf"Queries {word}: +(\d+)", out).group(1)) for word in ("sent", "completed"))


__all__ = ["FAR", "LINK", "PREFIX", "Port", "Server", "WEB", "WEB_A", "answers", "dig", "dnsperf", "inside",
           "is_silent", "wait_for"]
