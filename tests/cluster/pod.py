# SPDX-License-Identifier: Apache-2.0
"""A network namespace that plays a pod: a DNS server in it, and clients with Kubernetes' resolv.conf."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from asking import Asker

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("B53_BUILD", TOP / "build" / "release"))
COREDNS = TOP / "build" / "cluster" / "bin" / "coredns"
PREFIX = os.environ.get("B53_LAB", "b53c")


class Pod:
    """A namespace of our own; the server address lives on its loopback. What runs in it logs to folder/log."""

    def __init__(self, name, address, folder):
        self.name = f"{PREFIX}-{name}"
        self.address = address
        self.folder = folder
        self.etc = Path("/etc/netns") / self.name
        self.asker = Asker(address, self.name)
        self.servers = []

    def __enter__(self):
        subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", self.address + self.mask, "dev", "lo", *(["nodad"] if ":" in self.address else []))
        self.etc.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.etc, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    @property
    def mask(self):
        """The prefix of a lone address."""
        return "/128" if ":" in self.address else "/32"

    def stop(self):
        """Ends the servers."""
        for server in self.servers:
            if server.poll() is None:
                server.send_signal(signal.SIGTERM)
        for server in self.servers:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self.servers.clear()

    def run(self, *command, **options):
        """Runs a command in the namespace; returns what it printed."""
        options.setdefault("timeout", 60)
        full = ["ip", "netns", "exec", self.name, *map(str, command)]
        return subprocess.run(full, capture_output=True, text=True, check=False, **options).stdout

    def resolv_conf(self, search, *options):
        """Writes what the kubelet would write, and more options."""
        lines = [f"nameserver {self.address}", f"search {' '.join(search)}", " ".join(["options", "ndots:5", *options]), ""]
        (self.etc / "resolv.conf").write_text("\n".join(lines), encoding="ascii")

    def start(self, command):
        """Starts a server in the namespace."""
        full = ["ip", "netns", "exec", self.name, *map(str, command)]
        with open(self.folder / "log", "ab") as log:
            self.servers.append(subprocess.Popen(full, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def start_burst53(self, corefile, kubeconfig, *words):
        """burst53 on kernel sockets; control reaches the API server from the namespace of this process."""
        conf = self.folder / "Corefile"
        conf.write_text(corefile, encoding="ascii")
        self.start([BUILD / "cli" / "burst53", "run", "--conf", conf, "--kubeconfig", kubeconfig, "--port", "none",
                    "--address", self.address + self.mask, "--api-netns", f"/proc/{os.getpid()}/ns/net",
                    "--run-dir", self.folder / "run", "--state-dir", self.folder / "state", *words])

    def start_coredns(self, corefile, kubeconfig):
        """The real CoreDNS; the API server must be within the namespace's reach."""
        conf = self.folder / "Corefile"
        conf.write_text(corefile.replace("kubernetes cluster.local in-addr.arpa ip6.arpa {",
                                         f"kubernetes cluster.local in-addr.arpa ip6.arpa {{\n        kubeconfig {kubeconfig}"),
                        encoding="ascii")
        self.start([COREDNS, "-conf", conf])

    def log(self):
        """What the servers wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def wait_ready(self, patience_s=20):
        """Waits until the server answers from data."""
        try:
            return self.asker.wait("no.cluster.local", "A",
                                   lambda r: r.rcode == "NXDOMAIN", patience_s)
        except AssertionError as err:
            raise AssertionError(f"{err}\n{self.log()[-3000:]}") from None
