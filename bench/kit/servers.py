# SPDX-License-Identifier: Apache-2.0
"""Who is compared, all with the same names: burst53, a program that only swaps addresses, and DNS servers of others."""

import json
import os
import pathlib
import shutil
import subprocess
import time

from kit import lab as labs
from kit import machine

ZONE = "cluster.local"
SERVICES = 1000
COREFILE = """.:53 {
    kubernetes cluster.local {
        ttl 30
    }
    loadbalance
}
"""
PEER_COREFILE = """.:53 {{
    bind {address}
    file {zone} cluster.local
}}
"""
RING = "blocksz=65536,framesz=2048,framecnt=2048,qdisc_bypass=1"


def name(i):
    return f"svc{i}.ns{i // 50}.svc.{ZONE}"


def address(i):
    return f"10.96.{i // 250}.{i % 250 + 1}"


def metadata(number, name_, namespace=None):
    data = {"name": name_, "uid": f"00000000-0000-4000-8000-{number:012d}", "resourceVersion": str(number + 1)}
    if namespace:
        data["namespace"] = namespace
    return data


def dump():
    """The services as kubectl would print them."""
    items = []
    for n in range((SERVICES + 49) // 50):
        items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(len(items), f"ns{n}")})
    for i in range(SERVICES):
        spec = {
            "type": "ClusterIP",
            "clusterIP": address(i),
            "clusterIPs": [address(i)],
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        }
        meta = metadata(len(items), f"svc{i}", f"ns{i // 50}")
        items.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


def zone():
    lines = [f"$ORIGIN {ZONE}.", "$TTL 30", "@ SOA ns.dns hostmaster 1 7200 1800 86400 30", "@ NS ns.dns", "ns.dns A 10.96.0.10"]
    lines += [f"{name(i)}. A {address(i)}" for i in range(SERVICES)]
    return "\n".join(lines) + "\n"


def questions(kind):
    """Lines of a query file: `hits`, or `mix` of 60 % hits, 20 % NODATA, 20 % NXDOMAIN (by turns of five)."""
    lines = []
    for i in range(SERVICES):
        n = (i * 619) % SERVICES
        if kind == "mix" and i % 5 == 3:
            lines.append(f"{name(n)}. AAAA")
        elif kind == "mix" and i % 5 == 4:
            lines.append(f"{name(n).replace('.svc.', '.ns0.svc.')}. A")
        else:
            lines.append(f"{name(n)}. A")
    return "\n".join(lines) + "\n"


class Server:
    """One contender: how it is started, and what has to be there."""

    is_echo = False
    has_kernel_address = True

    def __init__(self, title, program):
        self.title, self.program = title, program

    def missing(self):
        return None if shutil.which(str(self.program)) else f"{self.program} is not installed"

    def command(self, folder):
        raise NotImplementedError

    def start(self, lab):
        lab.clean_xdp()
        lab.own_address(self.has_kernel_address)
        process = lab.start(self.command(lab.folder), stdin=subprocess.PIPE)
        if self.is_echo:
            time.sleep(2)
        else:
            lab.wait_answer(process, name(0))
        return process


class Burst53(Server):
    """Own mode on a port, shared mode when the kernel has the address too, kernel mode without a port."""

    def __init__(self, build, port, is_shared=False):
        title = "burst53 kernel sockets" if port == "none" else f"burst53 {port}{', shared' if is_shared else ''}"
        super().__init__(title, build / "cli" / "burst53")
        self.port = port
        self.has_kernel_address = is_shared or port == "none"

    def command(self, folder):
        (folder / "dump.json").write_text(json.dumps(dump()), encoding="utf-8")
        (folder / "Corefile").write_text(COREFILE, encoding="utf-8")
        for sub in ("run", "state"):
            shutil.rmtree(folder / sub, ignore_errors=True)
            (folder / sub).mkdir()
        port = "none" if self.port == "none" else f"{self.port}:eth0"
        return [
            str(self.program), "run", "--config", "/dev/null", "--conf", str(folder / "Corefile"),
            "--dump", str(folder / "dump.json"), "--port", port, "--workers", "1", "--idle", "poll",
            "--run-dir", str(folder / "run"), "--state-dir", str(folder / "state"),
            "--address", f"{labs.ADDRESS}/24",
        ]  # fmt: skip


class Burst53Cluster(Burst53):
    """burst53 as it runs in a cluster: fed by an API server, sleeping when idle, on any CPU."""

    def __init__(self, build, port, kubeconfig, corefile):
        super().__init__(build, port)
        self.kubeconfig, self.corefile, self.cgroup = kubeconfig, corefile, None

    def clear(self, folder):
        """Forgets the saved image."""
        shutil.rmtree(folder / "state", ignore_errors=True)

    def command(self, folder):
        (folder / "Corefile").write_text(self.corefile, encoding="utf-8")
        shutil.rmtree(folder / "run", ignore_errors=True)
        for sub in ("run", "state"):
            (folder / sub).mkdir(exist_ok=True)
        port = "none" if self.port == "none" else f"{self.port}:eth0"
        return [
            str(self.program), "run", "--config", "/dev/null", "--conf", str(folder / "Corefile"),
            "--kubeconfig", str(self.kubeconfig), "--port", port, "--api-netns", f"/proc/{os.getpid()}/ns/net",
            "--run-dir", str(folder / "run"), "--state-dir", str(folder / "state"), "--address", f"{labs.ADDRESS}/24",
        ]  # fmt: skip

    def start(self, lab):
        lab.clean_xdp()
        lab.own_address(self.has_kernel_address)
        return lab.start(self.command(lab.folder), cpu=None, cgroup=self.cgroup)


class Echo(Server):
    """dpdk-testpmd turns addresses and ports round: what the port itself can do."""

    is_echo = True
    has_kernel_address = False

    def __init__(self, port):
        super().__init__(f"echo {port} (testpmd)", "dpdk-testpmd")
        self.device = f"net_af_packet0,iface=eth0,{RING}" if port == "af_packet" else "net_af_xdp0,iface=eth0"

    def command(self, folder):
        return [
            "dpdk-testpmd", "--no-huge", "-m256", "--no-pci", "--no-shconf", "--no-telemetry",
            f"--lcores=0@({labs.CLIENT_CPU}),1@({labs.SERVER_CPU})", f"--vdev={self.device}", "--",
            "--forward-mode=5tswap", "--nb-cores=1", "--total-num-mbufs=16384", "--auto-start", "--no-mlockall", "-i",
        ]  # fmt: skip


class Knot(Server):
    def __init__(self, is_xdp):
        super().__init__("Knot XDP" if is_xdp else "Knot", "knotd")
        self.is_xdp = is_xdp

    def command(self, folder):
        (folder / "zone").write_text(zone(), encoding="utf-8")
        work = folder / "knot"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (folder / "knot.conf").write_text(
            f"server:\n  listen: {labs.ADDRESS}@53\n  rundir: {work}\n  udp-workers: 1\n  tcp-workers: 1\n"
            f"  background-workers: 1\n  tcp-max-clients: 4000\ndatabase:\n  storage: {work}\n"
            + ("xdp:\n  listen: eth0@53\n" if self.is_xdp else "")
            + f"zone:\n  - domain: {ZONE}\n    file: {folder / 'zone'}\n    zonefile-load: whole\n",
            encoding="utf-8",
        )
        return ["knotd", "-c", str(folder / "knot.conf")]


class Nsd(Server):
    def __init__(self):
        super().__init__("NSD", "nsd")

    def command(self, folder):
        (folder / "zone").write_text(zone(), encoding="utf-8")
        (folder / "nsd.conf").write_text(
            f"server:\n  ip-address: {labs.ADDRESS}\n  server-count: 1\n  tcp-count: 2000\n  zonesdir: {folder}\n  username: root\n"
            + '  database: ""\n  xfrdfile: ""\n  pidfile: ""\n'
            + f'  zonelistfile: "{folder}/nsd.list"\n  logfile: /dev/stderr\n  rrl-ratelimit: 0\n'
            + "remote-control:\n  control-enable: no\n"
            + f"zone:\n  name: {ZONE}\n  zonefile: {folder / 'zone'}\n",
            encoding="utf-8",
        )
        return ["nsd", "-d", "-c", str(folder / "nsd.conf")]


class CoreDns(Server):
    def __init__(self):
        local = machine.ROOT / "build" / "cluster" / "bin" / "coredns"
        super().__init__("CoreDNS (file)", local if local.exists() else "coredns")

    def command(self, folder):
        (folder / "zone").write_text(zone(), encoding="utf-8")
        (folder / "peer.Corefile").write_text(
            PEER_COREFILE.format(address=labs.ADDRESS, zone=folder / "zone"), encoding="utf-8"
        )
        return ["env", "GOMAXPROCS=1", str(pathlib.Path(self.program)), "-conf", str(folder / "peer.Corefile")]


def everybody(build):
    """All contenders in the order of the tables."""
    return [
        Echo("af_packet"), Burst53(build, "af_packet"), Echo("af_xdp"), Burst53(build, "af_xdp"),
        Burst53(build, "none"), Knot(True), Knot(False), Nsd(), CoreDns(),
    ]  # fmt: skip
