# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server of our own for one case, filled with services, and CoreDNS beside it on loopback."""

import pathlib
import sys

from kit import machine, report

sys.dont_write_bytecode = True
sys.path.insert(0, str(machine.ROOT / "tests" / "cluster"))

# pylint: disable=wrong-import-position
import fixtures  # noqa: E402
import handle  # noqa: E402
from kube import KubeError  # noqa: E402,F401

FIRST_BUILD_S = 3600
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
    """`with Plane(folder) as plane:` starts etcd and kube-apiserver; both end with it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.cluster = handle.Cluster(self.folder / "plane")

    def __enter__(self):
        report.progress("starting an API server (its programs are built the first time, which takes minutes)")
        machine.call([handle.SCRIPT, "build", "etcd", "kube-apiserver", "kubectl", "coredns"], FIRST_BUILD_S)
        self.cluster.up("--no-controllers")
        return self

    def __exit__(self, *_):
        self.cluster.down()

    @property
    def kube(self):
        """A client of it."""
        return self.cluster.kube

    @property
    def kubeconfig(self):
        """burst53's rights, for both servers."""
        return self.cluster.ours

    def load(self, services, endpoints, pods=False):
        """Fills it; loading more of the same adds only what is missing."""
        report.progress(f"loading {services} services, {endpoints} endpoints{', pods' if pods else ''}")
        return fixtures.load(self.kube, fixtures.Plan(services, endpoints, 20, pods))

    def coredns(self, lab, pods="disabled", cgroup=None):
        """Starts CoreDNS in this machine's own namespace; returns its process."""
        path = self.folder / "peer.Corefile"
        path.write_text(COREFILE.format(port=COREDNS_PORT, kubeconfig=self.kubeconfig, pods=pods), encoding="ascii")
        return lab.start([str(COREDNS), "-conf", str(path)], ns=None, cpu=None, cgroup=cgroup)
