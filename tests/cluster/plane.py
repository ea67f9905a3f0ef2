# SPDX-License-Identifier: Apache-2.0
"""A control plane on loopback: etcd, kube-apiserver, kube-controller-manager and kwok's fake nodes, in one folder."""

import base64
import ipaddress
import json
import os
import secrets
import shutil
import signal
import subprocess
import time

import process
import tools
from kube import Kube, wait

CONTROLLERS = ["deployment-controller", "endpointslice-controller", "garbage-collector-controller",
               "namespace-controller", "replicaset-controller", "serviceaccount-controller",
               "serviceaccount-token-controller", "statefulset-controller"]
STOP_ORDER = ["kwok", "kube-controller-manager", "kube-apiserver", "etcd"]  # etcd last: else the API server hangs
OUR_USER = "system:serviceaccount:kube-system:burst53"  # who deploy/rbac.yaml is about
RBAC = tools.TOP / "deploy" / "rbac.yaml"
SCHEDULE = tools.MODULES.parent / "schedule.yaml"

KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: {server}
    certificate-authority-data: {ca}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: test
  context:
    cluster: test
    user: {user}
current-context: test
"""


class Plane:
    """One control plane; everything about it lives in its folder and cluster.json there."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.state_file = self.folder / "cluster.json"
        self.state = {"options": {}, "processes": {}}
        if self.state_file.exists():
            self.state = json.loads(self.state_file.read_text(encoding="utf-8"))
        self.admin_kubeconfig = self.folder / "admin.kubeconfig"
        self.our_kubeconfig = self.folder / "burst53.kubeconfig"

    # -- what is known about it

    @property
    def options(self):
        """What `up` was told."""
        return self.state["options"]

    @property
    def host(self):
        """The loopback address of the cluster's family."""
        return "::1" if self.options.get("ipv6") else "127.0.0.1"

    def url(self, what, scheme):
        """The URL of a recorded port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.state['ports'][what]}"

    def is_running(self, name):
        """Whether one of the programs runs."""
        return process.is_alive(self.state["processes"].get(name))

    def exists(self):
        """Whether the folder holds a cluster, running or not."""
        return self.state_file.exists()

    def save(self):
        """Writes cluster.json: after each start, so that `down` finds everything even after a crash."""
        temp = self.state_file.with_suffix(".new")
        temp.touch(mode=0o600)
        temp.write_text(json.dumps(self.state, indent=1), encoding="utf-8")
        os.replace(temp, self.state_file)

    def _start(self, name, command, env=None):
        command = [str(tools.BIN / name), *command]
        log = self.folder / f"{name}.log"
        self.state["processes"][name] = process.launch(command, log, env)
        self.save()

    def _log_tail(self, name):
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-12:])

    # -- the four programs

    def start_etcd(self):
        """Starts etcd on the folder's data, which need not exist."""
        client, peer = self.url("etcd", "http"), self.url("peer", "http")
        self._start("etcd", [
            "--data-dir", str(self.folder / "etcd"), "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--unsafe-no-fsync",
            "--quota-backend-bytes", str(8 << 30), "--log-level", "warn"])

    def start_api(self, patience_s=120):
        """Starts the API server on its recorded port, waits until it is ready, and grants burst53 its role."""
        options = self.options
        flags = [
            f"--etcd-servers={self.url('etcd', 'http')}", f"--cert-dir={self.folder}/certs",
            f"--secure-port={self.state['ports']['api']}", f"--bind-address={self.host}",
            f"--advertise-address={self.host}", f"--service-cluster-ip-range={options['service_cidr']}",
            "--allow-privileged=true", "--authorization-mode=RBAC", f"--token-auth-file={self.folder}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/sa.key",
            f"--service-account-signing-key-file={self.folder}/sa.key",
            "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
            "--anonymous-auth=false", "--max-requests-inflight=1000", "--max-mutating-requests-inflight=500",
            "--shutdown-watch-termination-grace-period=1s"]  # without it, watches hold a stopping server up
        if options["features"]:
            flags.append("--feature-gates=" + ",".join(options["features"]))
        self._start("kube-apiserver", flags + options["api_flags"])
        self._wait_for_api(patience_s)
        self._kubectl("apply", "--filename", str(RBAC))

    def _wait_for_api(self, patience_s):
        end = time.monotonic() + patience_s
        cert = self.folder / "certs" / "apiserver.crt"
        while time.monotonic() < end:
            for name in ("etcd", "kube-apiserver"):
                if not self.is_running(name):
                    raise SystemExit(f"scripts/cluster: {name} ended:\n{self._log_tail(name)}")
            if cert.exists() and cert.stat().st_size:
                self._write_kubeconfigs(cert.read_bytes())
                if Kube(self.admin_kubeconfig, timeout_s=10).ready():
                    return
            time.sleep(0.1)
        raise SystemExit(f"scripts/cluster: the API server is not ready after {patience_s} s:\n"
                         f"{self._log_tail('kube-apiserver')}")

    def _write_kubeconfigs(self, ca_pem):
        ca = base64.b64encode(ca_pem).decode()
        for path, user in ((self.admin_kubeconfig, "admin"), (self.our_kubeconfig, "burst53")):
            text = KUBECONFIG.format(server=self.url("api", "https"), ca=ca, user=user,
                                     token=self.state["tokens"][user])
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue  # the same after a restart: nobody who watches the file is woken
            temp = path.with_suffix(".new")
            temp.touch(mode=0o600)
            temp.write_text(text, encoding="utf-8")
            os.replace(temp, path)

    def start_controllers(self):
        """Starts the controllers that make slices, pods and terminating namespaces."""
        self._start("kube-controller-manager", [
            f"--kubeconfig={self.admin_kubeconfig}", "--controllers=" + ",".join(CONTROLLERS),
            "--leader-elect=false", f"--service-account-private-key-file={self.folder}/sa.key",
            f"--bind-address={self.host}", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000",
            "--concurrent-service-endpoint-syncs=10", "--endpointslice-updates-batch-period=0"])

    def start_nodes(self, count):
        """Starts kwok, which plays the kubelets of that many nodes; names node-0 ..., zones zone-a, -b, -c."""
        kube = Kube(self.admin_kubeconfig)
        kube.create_all([{
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": f"node-{i}", "annotations": {"kwok.x-k8s.io/node": "fake"},
                         "labels": {"kubernetes.io/hostname": f"node-{i}", "type": "kwok",
                                    "topology.kubernetes.io/zone": f"zone-{'abc'[i % 3]}"}},
        } for i in range(count)])
        stages = [arg for path in sorted(tools.KWOK_STAGES.glob("*.yaml")) for arg in ("--config", str(path))]
        self._start("kwok", [f"--kubeconfig={self.admin_kubeconfig}", "--manage-all-nodes",
                             f"--cidr={self.options['pod_cidr']}", *stages], {"HOME": str(self.folder)})

    def start_scheduling(self):
        """Gives pods that name no node one, as a scheduler would; returns when it is in force."""
        self._kubectl("apply", "--filename", str(SCHEDULE))
        kube = Kube(self.admin_kubeconfig)
        trial = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial", "namespace": "default"},
                 "spec": {"containers": [{"name": "main", "image": "none"}]}}
        wait("pods to be scheduled", lambda: kube.try_out(trial)["spec"].get("nodeName"))

    def _kubectl(self, *args):
        """Runs kubectl as the admin; returns its output."""
        run = subprocess.run([tools.BIN / "kubectl", f"--kubeconfig={self.admin_kubeconfig}", *args],
                             capture_output=True, text=True, check=False,
                             env={**os.environ, "KUBECACHEDIR": str(self.folder / "kubectl-cache")})
        if run.returncode:
            raise SystemExit(f"scripts/cluster: kubectl {args[0]} failed: {run.stderr.strip()}")
        return run.stdout

    # -- the whole

    def _prepare(self, options):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = {"options": options, "processes": {}}
        self.state["ports"] = {name: process.free_port(self.host) for name in ("etcd", "peer", "api")}
        self.state["tokens"] = {user: secrets.token_hex(16) for user in ("admin", "burst53")}
        self.save()
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.state["tokens"]["admin"]},admin,admin,"system:masters"\n'
                          f'{self.state["tokens"]["burst53"]},{OUR_USER},burst53\n', encoding="utf-8")
        subprocess.run(["openssl", "genrsa", "-out", str(self.folder / "sa.key"), "2048"],
                       check=True, capture_output=True)

    def up(self, options, data=None):
        """Makes a fresh cluster; whatever goes wrong, nothing of it stays."""
        if self.exists():
            state = "already up" if self.is_running("kube-apiserver") else "the remains of a cluster"
            raise SystemExit(f"scripts/cluster: {state} in {self.folder}: run `scripts/cluster down` first")
        tools.build(None if options["controllers"] else ["etcd", "kube-apiserver", "kubectl"])
        try:
            self._prepare(options)
            if data:
                shutil.copytree(data, self.folder / "etcd")
            self.start_etcd()
            self.start_api()
            if options["controllers"]:
                self.start_controllers()
                self.start_nodes(options["nodes"])
                wait("the nodes to be ready", self._nodes_ready)
                self.start_scheduling()
        except BaseException:
            self.down()
            raise

    def _nodes_ready(self):
        nodes = Kube(self.admin_kubeconfig).list("Node")
        ready = [node for node in nodes for cond in node.get("status", {}).get("conditions", [])
                 if cond["type"] == "Ready" and cond["status"] == "True"]
        return len(ready) >= self.options["nodes"]

    def down(self):
        """Stops every process in the right order and removes the folder."""
        for name in STOP_ORDER:
            process.stop(self.state["processes"].get(name))
        if self.exists():
            shutil.rmtree(self.folder)

    def stop_api(self, wipe, kill):
        """Takes the API server away; with wipe also all data."""
        process.stop(self.state["processes"].get("kube-apiserver"),
                     first=signal.SIGKILL if kill else signal.SIGTERM)
        if wipe:
            process.stop(self.state["processes"].get("etcd"))
            shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def bring_api_back(self, wipe):
        """Starts the API server again on the same port with the same tokens."""
        if wipe:
            self.stop_api(wipe=True, kill=False)
        if self.is_running("kube-apiserver"):
            raise SystemExit("scripts/cluster: the API server is running")
        if not self.is_running("etcd"):
            self.start_etcd()
        self.start_api()

    def copy_data(self, target):
        """Copies etcd's data for a later `up --data`; the API server is away meanwhile."""
        self.stop_api(wipe=False, kill=False)
        process.stop(self.state["processes"].get("etcd"))
        shutil.copytree(self.folder / "etcd", target)
        self.bring_api_back(wipe=False)

    def dump(self):
        """What `kubectl get namespaces,services,endpointslices,pods -A -o json` prints."""
        return self._kubectl("get", "namespaces,services,endpointslices,pods", "--all-namespaces", "--output", "json")

    def service_account_token(self, seconds):
        """A real token of burst53's service account, as a pod would get it mounted."""
        return self._kubectl("create", "token", "burst53", "--namespace", "kube-system", "--duration", f"{seconds}s")


def default_options(ipv6):
    """The address ranges of a cluster by family."""
    if ipv6:
        return {"service_cidr": "fd00:96::/112", "pod_cidr": "fd00:244::1/64"}
    return {"service_cidr": "10.96.0.0/12,fd00:96::/112", "pod_cidr": "10.244.0.1/16"}


def check_cidrs(text):
    """Refuses a list of networks that the API server would only complain about in its log."""
    for part in text.split(","):
        ipaddress.ip_network(part)
    return text
