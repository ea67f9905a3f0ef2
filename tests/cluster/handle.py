# SPDX-License-Identifier: Apache-2.0
"""scripts/cluster as an object: a control plane for one test module or many."""

import base64
import json
import subprocess
import time
import urllib.request
from pathlib import Path

from kube import Kube

TOP = Path(__file__).resolve().parents[2]
SCRIPT = TOP / "scripts" / "cluster"
KUBECTL = TOP / "build" / "cluster" / "bin" / "kubectl"


class Cluster:
    """A control plane in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.admin = self.folder / "admin.kubeconfig"
        self.ours = self.folder / "burst53.kubeconfig"
        self.kube = None

    def script(self, command, *args):
        """One command of scripts/cluster."""
        done = subprocess.run([SCRIPT, command, "--dir", self.folder, *map(str, args)], capture_output=True, text=True,
                              check=False, timeout=180)
        assert done.returncode == 0, f"scripts/cluster {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def up(self, *args):
        """A fresh one, whatever was there."""
        self.script("down")
        self.script("up", *args)
        self.kube = Kube(self.admin)
        return self

    def down(self):
        """Nothing of it is left."""
        self.script("down")

    def kubectl(self, *args, text=None):
        """kubectl as the admin; what it prints."""
        done = subprocess.run([KUBECTL, "--kubeconfig", self.admin, "--cache-dir", self.folder / "kubectl-cache",
                               *map(str, args)], input=text, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"kubectl {args[0]}: {done.stdout}{done.stderr}"
        return done.stdout

    def state(self):
        """What scripts/cluster knows: ports, processes."""
        return json.loads((self.folder / "cluster.json").read_text(encoding="utf-8"))

    def _etcd(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.state()['ports']['etcd']}/v3/kv/{path}",
                                         json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def compact(self):
        """Makes etcd forget every revision but the newest; returns that."""
        nothing = base64.b64encode(b"\0").decode()
        revision = int(self._etcd("range", {"key": nothing, "limit": "1"})["header"]["revision"])
        self._etcd("compaction", {"revision": str(revision), "physical": True})
        return revision

    def create_soon(self, obj, patience_s=30):
        """Creates an object in an API server that has only just come up."""
        end = time.monotonic() + patience_s
        while True:
            try:
                return self.kube.create(obj)
            except Exception:  # refused, not ready, no namespace yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
