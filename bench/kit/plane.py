# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server of our own for one case, filled with services, and CoreDNS beside it on loopback."""

import pathlib
import shutil
import sys

from kit import machine, report

sys.dont_write_bytecode = True
sys.path.insert(0, str(machine.ROOT / "tests" / "cluster"))

# pylint: disable=wrong-import-position
import fixtures  # noqa: E402
import handle  # noqa: E402
from kube import KubeError  # noqa: E402,F401
from kit import fill  # noqa: E402

FIRST_BUILD_S = 3600
NAMESPACES, ENDPOINTS_EACH = 20, 10
KEPT, KEPT_SERVICES = machine.ROOT / "build" / "bench", 1000
COREDNS_PORT = 5311
COREDNS = machine.ROOT / "build" / "cluster" / "bin" / "coredns"
COREFILE = """.:{port} {{
    bind 127.0.0.1
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods {pods}
        ttl 30
    }}
    loadbalance
}}
"""
OUR_COREFILE = """.:53 {{
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        pods {pods}
        ttl 30
    }}
    loadbalance
}}
"""


class Plane:
    """`with Plane(folder, services) as plane:` starts etcd and kube-apiserver with so many services and ten endpoints each;
    both end with it. What was loaded is kept for the next run, in build/bench."""

    def __init__(self, folder, services, pods=False):
        self.folder = pathlib.Path(folder)
        self.cluster = handle.Cluster(self.folder / "plane")
        self.plan = fixtures.Plan(services, ENDPOINTS_EACH * services, NAMESPACES, pods)

    def __enter__(self):
        report.progress("starting an API server (its programs are built the first time, which takes minutes)")
        machine.call([handle.SCRIPT, "build", "etcd", "kube-apiserver", "kubectl", "coredns"], FIRST_BUILD_S)
        kept = KEPT / f"etcd-{self.plan.services}-{self.plan.endpoints}{'-pods' if self.plan.pods else ''}"
        try:
            if kept.exists():
                self.cluster.up("--no-controllers", "--data", kept)
            else:
                self.cluster.up("--no-controllers")
                self.load(kept)
        except BaseException:
            self.cluster.down()
            raise
        return self

    def __exit__(self, *_):
        self.cluster.down()

    def load(self, kept):
        """Fills it and keeps a copy; one that is not whole is never there under its name."""
        also = ", as many pods" if self.plan.pods else ""
        report.progress(f"loading {self.plan.services} services, {self.plan.endpoints} endpoints{also}: once")
        if self.plan.services < KEPT_SERVICES:
            fixtures.load(self.kube, self.plan)
            return
        count = fill.fill(self.cluster, self.plan)
        report.progress(f"loaded: {count} objects")
        KEPT.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        self.cluster.script("save", part)
        part.rename(kept)

    @property
    def kube(self):
        """A client of it."""
        return self.cluster.kube

    @property
    def kubeconfig(self):
        """burst53's rights, for both servers."""
        return self.cluster.ours

    def coredns(self, lab, pods="disabled", cgroup=None):
        """Starts CoreDNS in this machine's own namespace; returns its process."""
        path = self.folder / "peer.Corefile"
        path.write_text(COREFILE.format(port=COREDNS_PORT, kubeconfig=self.kubeconfig, pods=pods), encoding="ascii")
        return lab.start([str(COREDNS), "-conf", str(path)], ns=None, cpu=None, cgroup=cgroup)
