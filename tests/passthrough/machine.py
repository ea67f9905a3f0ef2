# SPDX-License-Identifier: Apache-2.0
"""The emulated machine: QEMU in a network namespace with one TAP per NIC, and a shell in it over a serial port."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("B53_PASSTHROUGH", TOP / "build" / "passthrough"))
PREFIX = os.environ.get("B53_LAB", "b53p")
LINK = f"{PREFIX}-link"  # a client on every NIC's link, and the router to the other namespace
FAR = f"{PREFIX}-far"
BOOT_S = 600
LIFE_S = 5400  # QEMU is ended by then, whatever happens
WAIT_S = 180  # for what takes a second or two on a machine that has nothing else to do
RUN = "/run/burst53"


class Nic:  # pylint: disable=too-few-public-methods,too-many-instance-attributes
    """One NIC of the machine: its device in QEMU, and its own network outside."""

    def __init__(self, number, name, device, queues=1, tap="vnet_hdr=off"):
        self.number, self.name, self.device, self.queues = number, name, device, queues
        self.tap_options = tap  # without that header QEMU's NIC has to do the checksums itself
        self.mac = f"52:54:00:53:00:{number:02x}"
        self.served = {4: f"198.18.{number}.53", 6: f"fd00:53:{number}::53"}
        self.client = {4: f"198.18.{number}.10", 6: f"fd00:53:{number}::10"}

    @property
    def tap(self):
        """Name of the interface outside."""
        return f"tap{self.number}"

    def words(self):
        """Arguments of QEMU."""
        many = f",queues={self.queues}" if self.queues > 1 else ""
        return ["-netdev", f"tap,id=n{self.number},ifname={self.tap},script=no,downscript=no,{self.tap_options}{many}",
                *[w.format(id=f"d{self.number}", netdev=f"n{self.number}", mac=self.mac) for w in self.device]]


def e1000e(number, more=""):
    """Intel 82574L."""
    return Nic(number, "e1000e", ["-device", "e1000e,id={id},netdev={netdev},mac={mac},romfile=" + more])


def virtio(number, queues=2):
    """virtio-net behind the IOMMU, with receive-side scaling."""
    return Nic(number, "virtio", ["-device", "virtio-net-pci,id={id},netdev={netdev},mac={mac},romfile=,mq=on,rss=on,"
                                  f"vectors={2 * queues + 2},disable-legacy=on,iommu_platform=on"], queues,
               "vnet_hdr=on")


def igb(number):
    """Intel 82576 with virtual functions."""
    return Nic(number, "igb", ["-device", f"pcie-root-port,id=rp{number},slot={number}",
                               "-device", f"igb,bus=rp{number}," "id={id},netdev={netdev},mac={mac},romfile="])


def run(*words, timeout=WAIT_S, check=False, **more):
    """One command on this machine; its output is text."""
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, check=check, **more)


def inside(netns, *words, **more):
    """A command in a namespace of this machine."""
    return run("ip", "netns", "exec", netns, *words, **more)


def qemu_words():
    """The newer QEMU when prepare found it, else the system's."""
    new = OUT / "qemu" / "usr"
    if (new / "bin" / "qemu-system-x86_64").exists():
        return [str(new / "bin" / "qemu-system-x86_64"), "-L", str(new / "share" / "qemu"),
                "-L", str(new / "share" / "seabios")]
    return ["qemu-system-x86_64"]


def has_igb():
    """Whether QEMU has a NIC with SR-IOV."""
    return run(*qemu_words(), "-device", "igb,help").returncode == 0


class Network:
    """Namespaces and TAPs around the machine."""

    def __init__(self, nics):
        self.nics = nics

    def make(self):
        """A client that routes, and another behind it."""
        self.remove()
        for netns in (LINK, FAR):
            run("ip", "netns", "add", netns, check=True)
            inside(netns, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
            run("ip", "-n", netns, "link", "set", "lo", "up", check=True)
        inside(LINK, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        run("ip", "-n", LINK, "link", "add", "far0", "type", "veth", "peer", "name", "eth0", "netns", FAR, check=True)
        for netns, dev, four, six in ((LINK, "far0", "198.19.0.254/24", "fd00:54::fe/64"),
                                      (FAR, "eth0", "198.19.0.10/24", "fd00:54::10/64")):
            run("ip", "-n", netns, "link", "set", dev, "up", check=True)
            run("ip", "-n", netns, "addr", "add", four, "dev", dev, check=True)
            run("ip", "-n", netns, "addr", "add", six, "dev", dev, "nodad", check=True)
        run("ip", "-n", FAR, "route", "add", "default", "via", "198.19.0.254", check=True)
        run("ip", "-n", FAR, "-6", "route", "add", "default", "via", "fd00:54::fe", check=True)
        for nic in self.nics:
            many = ["multi_queue"] if nic.queues > 1 else []
            inside(LINK, "ip", "tuntap", "add", "dev", nic.tap, "mode", "tap", *many, check=True)
            run("ip", "-n", LINK, "link", "set", nic.tap, "up", check=True)
            run("ip", "-n", LINK, "addr", "add", nic.client[4] + "/24", "dev", nic.tap, check=True)
            run("ip", "-n", LINK, "addr", "add", nic.client[6] + "/64", "dev", nic.tap, "nodad", check=True)

    def remove(self):
        """Only what make() made: names with our prefix."""
        for netns in (FAR, LINK):
            if Path("/run/netns", netns).exists():
                run("ip", "netns", "del", netns)


class Machine:
    """One run of QEMU."""

    def __init__(self, nics, *, iommu=True, cpus=3, memory_mb=1536, hugepages=256, folder=None):
        self.nics, self.iommu, self.cpus = nics, iommu, cpus
        self.memory_mb, self.hugepages = memory_mb, hugepages
        self.folder = Path(folder)
        self.process = self.shell = self.monitor = None
        self.rest, self.commands = b"", 0

    def words(self):
        """QEMU's command line."""
        # The kernel's own check of its timer panics where the machine gets no time for some milliseconds.
        cmdline = "console=ttyS0 panic=-1 quiet no_timer_check default_hugepagesz=2M hugepagesz=2M" + (
            f" hugepages={self.hugepages}" if self.hugepages else "") + (
            " intel_iommu=on iommu=nopt" if self.iommu else "")
        kernel = next((OUT / "kernel" / "boot").glob("vmlinuz-*"))
        words = ["timeout", "-k", "5", str(LIFE_S), "nice", "-n", "5", *qemu_words(),
                 "-machine", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi", "-cpu", "max",
                 "-smp", str(self.cpus), "-m", str(self.memory_mb), "-nodefaults", "-nographic", "-no-reboot",
                 "-kernel", str(kernel), "-initrd", str(OUT / "initrd"), "-append", cmdline,
                 "-serial", f"file:{self.folder}/console",
                 "-serial", f"unix:{self.folder}/shell,server=on,wait=off",
                 "-qmp", f"unix:{self.folder}/monitor,server=on,wait=off"]
        if self.iommu:
            words += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
        for nic in self.nics:
            words += nic.words()
        return words

    def start(self):
        """Boots; returns when commands can be given."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("shell", "monitor", "console"):
            (self.folder / name).unlink(missing_ok=True)
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", LINK, *self.words()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + BOOT_S
        self.shell = self.connect("shell", end)
        self.monitor = self.connect("monitor", end)
        self.read_until(rb"@ready\r?\n", end)
        self.qmp("qmp_capabilities")

    def connect(self, name, end):
        """A socket of QEMU's, as soon as it is there."""
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(str(self.folder / name))
                return s
            except OSError:
                s.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError("QEMU does not start: " + self.console()) from None
                time.sleep(0.05)

    def console(self):
        """What the kernel and QEMU said last."""
        text = ""
        for name in ("qemu.log", "console"):
            path = self.folder / name
            if path.exists():
                text += path.read_text(encoding="utf-8", errors="replace")[-3000:]
        return text

    def read_until(self, pattern, end):
        """Bytes before a match, which is returned too."""
        while True:
            found = re.search(pattern, self.rest)
            if found:
                before, self.rest = self.rest[:found.start()], self.rest[found.end():]
                return before, found
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"the machine says nothing: {self.rest[-500:]!r}\n{self.console()}")
            self.shell.settimeout(left)
            try:
                more = self.shell.recv(65536)
            except TimeoutError:
                continue
            if not more:
                raise AssertionError("the machine ended: " + self.console())
            self.rest += more

    def try_sh(self, command, timeout=WAIT_S):
        """One line of shell inside: (exit code, output). The machine itself ends what takes longer, so that the
        next command is heard; marks have numbers, so that it does not get the answer of this one."""
        assert "\n" not in command and len(command) < 4000, command
        self.commands += 1
        self.shell.sendall(f"{self.commands} {timeout} {command}\n".encode())
        end = time.monotonic() + timeout + WAIT_S
        self.read_until(rb"@begin %d\r?\n" % self.commands, end)
        out, mark = self.read_until(rb"@end %d (\d+)\r?\n" % self.commands, end)
        return int(mark.group(1)), out.decode(errors="replace").replace("\r", "")

    def sh(self, command, timeout=WAIT_S):
        """The same, which has to succeed."""
        code, out = self.try_sh(command, timeout)
        assert code == 0, f"{command}: exit code {code}\n{out}"
        return out

    def qmp(self, command, **arguments):
        """A command to QEMU itself: set_link, device_del."""
        self.monitor.settimeout(WAIT_S)
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        text = b""
        while b'"return"' not in text and b'"error"' not in text:
            more = self.monitor.recv(65536)
            assert more, "QEMU ended: " + self.console()
            text += more
        assert b'"error"' not in text, text

    def link(self, nic, is_up):
        """The cable of a NIC, and its TAP's carrier."""
        self.qmp("set_link", name=f"d{nic.number}", up=is_up)

    def stop(self):
        """Ends QEMU, which we started."""
        for s in (self.shell, self.monitor):
            if s is not None:
                s.close()
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(WAIT_S)


def wait_for(what, seconds=WAIT_S):
    """Waits until the function says something true; returns that, or fails."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s for {getattr(what, '__name__', what)}"
        time.sleep(0.2)
