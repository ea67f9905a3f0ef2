# SPDX-License-Identifier: Apache-2.0
"""Two burst53 behind a router: deploy/anycast in namespaces. Each node owns its link address and the service
addresses on the exception path, where BIRD speaks for the one, and FRR (BIRD where it is missing) for the other."""

import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

from lab import BUILD, DATA, PREFIX, TOP, inside, netns_name, run, wait_for

ANYCAST = {4: "198.18.255.53", 6: "fd00:53:ff::53"}
CONFIGS = TOP / "deploy" / "anycast"


def documented(kind):
    """Lines of the block of docs/nodes.md for a routing daemon."""
    text = (TOP / "docs" / "nodes.md").read_text(encoding="utf-8")
    return re.search(rf"^<!-- anycast: {kind} -->\n```\n(.*?)\n```$", text, re.M | re.S)[1].splitlines()


class Node:
    """One burst53 with its BIRD and its announcer."""

    def __init__(self, number, folder):
        self.number, self.role = number, f"any{number}"
        self.run_dir = Path(f"/run/burst53-{PREFIX}-{self.role}")
        self.folder = folder / self.role
        self.control = self.folder / "bird.ctl"
        self.children, self.daemons = [], {}
        self.space = f"{PREFIX}-{self.role}"
        self.is_frr = number == 2 and Path("/usr/lib/frr/bgpd").exists()

    def spawn(self, name, *words, netns=None):
        """A process that runs until stop(); its output is in a file."""
        prefix = ["ip", "netns", "exec", netns] if netns else []
        with open(self.folder / f"{name}.log", "ab") as log:
            child = subprocess.Popen([*prefix, *map(str, words)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True)
        self.children.append(child)
        return child

    def start(self, *source):
        """burst53 first: BIRD lives in a namespace of its making. source: another than the saved cluster."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.control.unlink(missing_ok=True)
        n = self.number
        self.supervisor = self.spawn(
            "burst53", BUILD / "cli" / "burst53", "run", "--conf", DATA / "anycast.Corefile",
            *(source or ("--dump", DATA / "lab.json")), "--port", "af_packet:eth0", "--address", f"198.18.{n}.1/24", "--address", f"fd00:53:{n}::1/64",
            "--address", f"{ANYCAST[4]}/32", "--address", f"{ANYCAST[6]}/128", "--gateway", f"198.18.{n}.254",
            "--gateway", f"fd00:53:{n}::fe", "--run-dir", self.run_dir, "--state-dir", self.folder / "state",
            netns=netns_name(self.role))
        wait_for((self.run_dir / "net").exists, 60)
        self.speak()

    def config(self, name):
        """The example with this node's addresses."""
        text = (CONFIGS / name).read_text(encoding="ascii")
        path = self.folder / name
        path.write_text(text.replace("198.18.1.", f"198.18.{self.number}.").replace("fd00:53:1:", f"fd00:53:{self.number}:"),
                        encoding="ascii")
        return path

    def is_at_once(self, line):
        """Whether a documented line ends by itself."""
        return not line.startswith(("nsenter ", "deploy/anycast/announce "))

    def local(self, line):
        """A documented line with this node's paths in place of the node's."""
        for old, new in (("/run/burst53/net", f"{self.run_dir}/net"), ("/etc/burst53/bird.conf", self.config("bird.conf")),
                         ("/etc/burst53/frr.conf", self.config("frr.conf")), ("/run/burst53-bird.ctl", self.control),
                         ("frr/burst53", f"frr/{self.space}"), ("-N burst53", f"-N {self.space}"),
                         ("bird-network up", f"bird-network up {self.control}"),
                         ("bird-network down", f"bird-network down {self.control}"),
                         ("frr-network up", f"frr-network up {self.space}"),
                         ("frr-network down", f"frr-network down {self.space}"), ("deploy/anycast/", f"{CONFIGS}/"),
                         ("burst53 query", f"{BUILD}/cli/burst53 query --run-dir {self.run_dir}")):
            line = line.replace(old, str(new))
        return shlex.split(line)

    def speak(self):
        """The routing daemon and the announcer, by docs/nodes.md."""
        for line in documented("frr" if self.is_frr else "bird"):
            words = self.local(line)
            if self.is_at_once(line):
                done = run(*words)
                assert done.returncode == 0, done.stdout + done.stderr
            else:
                self.spawn_line(words)

    def spawn_line(self, words):
        """A line that stays; the others go on when its socket is there."""
        name = Path(words[2 if words[0] == "nsenter" else 0]).name
        socket = Path("/var/run/frr") / self.space / f"{name}.vty" if self.is_frr else self.control
        if name == "announce":
            self.spawn(name, *words, netns=netns_name(self.role))
            return
        socket.unlink(missing_ok=True)
        self.daemons[name] = self.spawn(name, *words)
        wait_for(socket.exists)

    def status(self):
        """burst53 status."""
        return json.loads(run(BUILD / "cli" / "burst53", "status", "--json", "--run-dir", self.run_dir).stdout)

    def replies(self):
        """What its workers answered."""
        return sum(worker["replies"] for worker in self.status()["workers"])

    def kill(self, name):
        """kill -9 of one of its processes."""
        os.kill(next(p["pid"] for p in self.status()["processes"] if p["name"] == name), signal.SIGKILL)

    def stop(self):
        """In the order of a shutdown; only what we started."""
        for child in reversed(self.children):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    child.wait(8)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait(5)
        self.children = []

    def log(self):
        """Of all its processes."""
        return "".join(f"--- {path.name}\n" + path.read_text(encoding="utf-8", errors="replace")[-1500:]
                       for path in sorted(self.folder.glob("*.log")))


class Lab:
    """Router, client behind it, two nodes on links of their own."""

    ROLES = ("anyrtr", "anycli", "any1", "any2")

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="b53-anycast-"))
        self.nodes = [Node(1, self.folder), Node(2, self.folder)]
        self.router = None

    def make_network(self):
        """Addresses of the nodes are on none of their interfaces."""
        for role in self.ROLES:
            run("ip", "netns", "add", netns_name(role), check=True)
            inside(role, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                   "net.ipv6.conf.all.forwarding=1", "net.ipv4.ip_forward=1")
            inside(role, "sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1")
            run("ip", "-n", netns_name(role), "link", "set", "lo", "up", check=True)
        router = netns_name("anyrtr")
        for role, four, six in (("any1", "198.18.1.254/24", "fd00:53:1::fe/64"),
                                ("any2", "198.18.2.254/24", "fd00:53:2::fe/64"),
                                ("anycli", "198.19.0.254/24", "fd00:54::fe/64")):
            run("ip", "-n", router, "link", "add", role, "type", "veth", "peer", "name", "eth0", "netns",
                netns_name(role), check=True)
            run("ip", "-n", router, "link", "set", role, "up", check=True)
            run("ip", "-n", netns_name(role), "link", "set", "eth0", "up", check=True)
            run("ip", "-n", router, "addr", "add", four, "dev", role, check=True)
            run("ip", "-n", router, "addr", "add", six, "dev", role, "nodad", check=True)
        client = netns_name("anycli")
        run("ip", "-n", client, "addr", "add", "198.19.0.10/24", "dev", "eth0", check=True)
        run("ip", "-n", client, "addr", "add", "fd00:54::10/64", "dev", "eth0", "nodad", check=True)
        run("ip", "-n", client, "route", "add", "default", "via", "198.19.0.254", check=True)
        run("ip", "-n", client, "-6", "route", "add", "default", "via", "fd00:54::fe", check=True)

    def up(self):
        """Everything runs; nothing is waited for."""
        self.make_network()
        with open(self.folder / "router.log", "ab") as log:
            self.router = subprocess.Popen(
                ["ip", "netns", "exec", netns_name("anyrtr"), "bird", "-f", "-c", str(CONFIGS / "router.conf"),
                 "-s", str(self.folder / "router.ctl")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        for node in self.nodes:
            node.start()

    def down(self):
        """Nothing is left."""
        for node in self.nodes:
            node.stop()
        if self.router is not None:
            os.killpg(self.router.pid, signal.SIGTERM)
            self.router.wait(5)
        for role in self.ROLES:
            if Path("/run/netns", netns_name(role)).exists():
                run("ip", "netns", "del", netns_name(role))
        run("rm", "-rf", str(self.folder), *(f"{top}/{node.space}" for node in self.nodes for top in ("/var/run/frr", "/etc/frr")))

    def paths(self, family=4):
        """Numbers of the nodes that the router sends the service address to."""
        out = run("ip", "-n", netns_name("anyrtr"), f"-{family}", "route", "show", ANYCAST[family]).stdout
        return sorted({int(n) for n in re.findall(r"dev any(\d)", out)})

    def sessions(self, node):
        """How many sessions with a node stand: one or none."""
        out = run("birdc", "-s", self.folder / "router.ctl", "show", "protocols").stdout
        return len(re.findall(rf"^node{node.number} .* Established", out, re.M))

    def both_paths(self):
        """Whether all are used, in both families."""
        return self.paths(4) == [1, 2] and self.paths(6) == [1, 2]

    def log(self):
        """What everybody said."""
        return "".join(node.log() for node in self.nodes) + (self.folder / "router.log").read_text(encoding="utf-8")


class Changes:
    """The router's changes of its routes to a service address, with the kernel's time stamps: when something happened,
    however late somebody looks."""

    def __init__(self, folder, family=4):
        self.family, self.path = family, folder / f"routes{family}"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(["ip", "-n", netns_name("anyrtr"), "-ts", f"-{family}", "monitor", "route"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def after(self, start_s):
        """Seconds from then to each change that came later."""
        text = self.path.read_text(encoding="ascii")
        stamps = re.findall(rf"^\[(\S+)\] (?:Deleted )?{ANYCAST[self.family]} ", text, re.M)
        times = (datetime.fromisoformat(stamp).timestamp() - start_s for stamp in stamps)
        return [seconds for seconds in times if seconds >= 0]

    def stop(self):
        """The monitor ends."""
        self.process.terminate()
        self.process.wait(60)


class Load:
    """dnsperf against a service address for some seconds, or until its result is asked for."""

    def __init__(self, folder, seconds=None, rate=600, family=4):
        data = folder / "queries"
        data.write_text("web.default.svc.cluster.local A\nmissing.default.svc.cluster.local AAAA\n", encoding="ascii")
        self.is_endless = seconds is None
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", netns_name("anycli"), "dnsperf", "-s", ANYCAST[family], "-d", str(data), "-c", "32",
             "-Q", str(rate), "-l", str(seconds or 600), "-t", "2"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)

    def result(self):
        """(sent, lost)."""
        if self.is_endless:
            self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=120)
        sent, completed, lost = (int(re.search(rf"Queries {word}: +(\d+)", out).group(1))
                                 for word in ("sent", "completed", "lost"))
        assert completed + lost <= sent
        return sent, lost
