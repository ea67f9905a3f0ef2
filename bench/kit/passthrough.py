# SPDX-License-Identifier: Apache-2.0
"""Cards that are handed over, in the emulated machine of tests/passthrough: burst53 on the card, and burst53 on the
kernel's sockets over the same card, by turns. Everything is emulated, so only the ratio says anything."""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from kit import report

SUITE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "passthrough"
SECONDS, QUICK_SECONDS = 10, 4
REPEATS, QUICK_REPEATS = 5, 3
CLIENTS = 16


def ask(suite, nic, folder, seconds):
    """Replies a second of one run of dnsperf, which sends as fast as it gets replies; and how many were lost."""
    queries = folder / "queries"
    queries.write_text(f"{suite.WEB} A\nmissing.default.svc.cluster.local A\n", encoding="ascii")
    words = ("dnsperf", "-s", nic.served[4], "-d", queries, "-c", CLIENTS, "-l", seconds, "-t", "10")
    out = suite.inside(suite.LINK, *words, timeout=600).stdout
    return float(re.search(r"Queries per second: +([\d.]+)", out).group(1)), int(re.search(r"Queries lost: +(\d+)", out).group(1))


class Kernel:
    """The same server without DPDK: the card is the kernel's."""

    def __init__(self, suite, machine, port):
        self.suite, self.machine, self.port = suite, machine, port
        self.server = suite.Server(machine, port)

    def interface(self):
        """The card's name in the kernel, when it is there; virtio has it one folder deeper."""
        folder = f"/sys/bus/pci/devices/{self.port.device}"
        code, out = self.machine.try_sh(f"basename $(ls -d {folder}/net/* {folder}/virtio*/net/* 2>/dev/null)")
        return out.strip() if code == 0 else None

    def start(self):
        nic, device = self.port.nic, self.port.device
        self.machine.try_sh(f"burst53 nic unbind {device}")
        dev = self.suite.wait_for(self.interface)
        self.machine.sh(f"/usr/sbin/ip link set {dev} up; /usr/sbin/ip addr replace {nic.served[4]}/24 dev {dev}")
        command = self.server.command().split()
        for option, count in (("--port", 2), ("--idle", 2), ("--gateway", 2), ("--gateway", 2), ("--address", 2), ("--address", 2)):
            at = command.index(option)
            del command[at:at + count]
        self.machine.sh(f"rm -rf /tmp/burst53.state; {' '.join(command)} --port none >{self.server.output} 2>&1 &")
        self.suite.Server.running.append(self.server)
        self.suite.wait_for(lambda: self.suite.answers(nic))

    def stop(self):
        pidfile = self.server.pidfile
        self.machine.try_sh(f"kill $(cat {pidfile}); while [ -e {pidfile} ]; do sleep 0.1; done")
        self.server.end()


class Card:
    """burst53 on the card."""

    def __init__(self, suite, machine, port):
        self.suite, self.machine, self.port = suite, machine, port
        self.server = suite.Server(machine, port)

    def start(self):
        self.machine.sh(f"burst53 nic bind --force {self.port.device}")
        self.server.start()
        self.suite.wait_for(lambda: self.suite.answers(self.port.nic))

    def stop(self):
        self.server.stop()


def measure(suite, machine, port, folder, options):
    """Ratios of each pair of turns, and what was lost."""
    seconds, repeats = (QUICK_SECONDS, QUICK_REPEATS) if options.quick else (SECONDS, REPEATS)
    rates = {"card": [], "kernel": []}
    lost = {"card": 0, "kernel": 0}
    for _ in range(repeats):
        for name, contender in (("kernel", Kernel), ("card", Card)):
            turn = contender(suite, machine, port)
            turn.start()
            rate, gone = ask(suite, port.nic, folder, seconds)
            rates[name].append(rate)
            lost[name] += gone
            turn.stop()
    ratios = [card / kernel for card, kernel in zip(rates["card"], rates["kernel"])]
    return {"ratio": report.summary(ratios), "lost": lost}


def run(options, out):
    """Table of ratios; QEMU and the kernel are fetched when they are missing."""
    del out
    os.environ.setdefault("B53_LAB", "b53b")
    where = SUITE.parents[1] / "build" / "passthrough"
    os.environ["B53_PASSTHROUGH"] = str(where)
    where.mkdir(parents=True, exist_ok=True)
    with open(where / ".lock", "wb") as lock:  # the suite boots from the same files
        fcntl.flock(lock, fcntl.LOCK_EX)
        return in_turns(options, where)


def in_turns(options, where):
    """Boots and measures."""
    subprocess.run([SUITE / "prepare", options.build, where], check=True)
    sys.path.insert(0, str(SUITE))
    import conftest  # pylint: disable=import-outside-toplevel,import-error
    import machine as machines  # pylint: disable=import-outside-toplevel,import-error
    import server as suite  # pylint: disable=import-outside-toplevel,import-error
    nics = [machines.e1000e(1), machines.virtio(2)]
    network, folder = machines.Network(nics), pathlib.Path(tempfile.mkdtemp(prefix="b53-bench-"))
    machine = machines.Machine(nics, folder=folder / "vm")
    results = {}
    try:
        network.make()
        machine.start()
        ports = {nic.name: suite.Port(nic, conftest.pci_address(machine, nic), "", nic.queues) for nic in nics}
        for name, port in ports.items():
            report.progress(f"passthrough: {name}")
            results[name] = measure(suite, machine, port, folder, options)
    finally:
        machine.stop()
        network.remove()
        shutil.rmtree(folder)
    rows = [[name, ports[name].workers, f"{r['ratio']['median']:.2f}", f"{r['ratio']['spread']:.0%}", r["lost"]["card"],
             r["lost"]["kernel"]] for name, r in results.items()]
    print(report.table("Cards that are handed over (emulated: only the ratio counts)",
                       ["card", "workers", "replies, times those over kernel sockets", "spread", "lost", "lost by the kernel's"], rows))
    return results
