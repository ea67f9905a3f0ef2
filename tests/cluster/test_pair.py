# SPDX-License-Identifier: Apache-2.0
"""Two instances on one API server: a change reaches both, and both answer the same."""

import os
import signal
import subprocess
import time

import pytest

import fixtures
import lab
from asking import Asker
from process import free_port

CHANGES = 20
COREFILE = """.:%d {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ttl 30
    }
}
"""
PATIENCE_S = 60


class Instance:
    """burst53 on kernel sockets of its own."""

    def __init__(self, folder, kubeconfig):
        folder.mkdir()
        folder.chmod(0o755)
        self.folder, self.port = folder, free_port("127.0.0.1")
        self.asker = Asker("127.0.0.1", port=self.port)
        (folder / "Corefile").write_text(COREFILE % self.port, encoding="ascii")
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [lab.BUILD / "cli" / "burst53", "run", "--port", "none", "--conf", folder / "Corefile", "--kubeconfig",
                 kubeconfig, "--run-dir", folder / "run", "--state-dir", folder / "state", "--user", "root"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        """In order, or by force."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


@pytest.fixture(name="pair")
def _pair(cluster, tmp_path):
    made = []
    try:
        for name in ("one", "two"):
            made.append(Instance(tmp_path / name, cluster.ours))
        for instance in made:
            instance.asker.wait_rcode("kubernetes.default.svc.cluster.local", "A", "NOERROR", PATIENCE_S)
        yield made
    finally:
        for instance in made:
            instance.stop()


def test_a_change_reaches_both_and_both_answer_the_same(cluster, pair):
    kube, times = cluster.kube, []
    for i in range(CHANGES):
        start = time.monotonic()
        address = kube.create(fixtures.service("default", f"pair-{i}", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
        for instance in pair:
            instance.asker.wait_data(f"pair-{i}.default.svc.cluster.local", "A", [address], PATIENCE_S)
        times.append(time.monotonic() - start)
    print(f"both have a change after {1e3 * sorted(times)[CHANGES // 2]:.0f} ms (median), {1e3 * max(times):.0f} ms at most")
    for i in range(0, CHANGES, 2):
        kube.delete("Service", "default", f"pair-{i}")
    for instance in pair:
        for i in range(0, CHANGES, 2):
            instance.asker.wait_rcode(f"pair-{i}.default.svc.cluster.local", "A", "NXDOMAIN", PATIENCE_S)
    done = subprocess.run(
        [lab.BUILD / "cli" / "burst53", "compare", "--a", f"127.0.0.1:{pair[0].port}", "--b", f"127.0.0.1:{pair[1].port}",
         "--run-dir", pair[0].folder / "run", "--qps", "2000"], capture_output=True, text=True, check=False, timeout=600)
    print(done.stdout[-800:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    for i in range(1, CHANGES, 2):
        kube.delete("Service", "default", f"pair-{i}")
