# SPDX-License-Identifier: Apache-2.0
"""deploy/ on a real API server: the chart, the plain manifests, deploy.sh, the role, and the container they describe."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

import container
import lab
import plane
import tools

DEPLOY = tools.TOP / "deploy"
MODES = ("kernel", "shared", "own", "nodelocal")
ALL = "serviceMonitor.create=true,networkPolicy.create=true"
MONITOR_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  names: {kind: ServiceMonitor, plural: servicemonitors}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
COREFILE = """cluster.local:15353 {
    bind 127.0.0.1
    errors
    health 127.0.0.1:18080
    ready 127.0.0.1:18181
    kubernetes
}
"""


def run(*words, text=None):
    """A command that must succeed; its output."""
    done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def template(*values):
    """What helm makes of the chart."""
    tools.build(["helm"])
    return run(tools.BIN / "helm", "template", "burst53", DEPLOY / "chart", "--kube-version", "1.30", "--set", ",".join(values))


def documents(text):
    """Objects by kind and name."""
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text) if d}


def test_helm_lint_is_content():
    tools.build(["helm"])
    for mode in MODES:
        told = run(tools.BIN / "helm", "lint", "--strict", DEPLOY / "chart", "--set", f"mode={mode},{ALL}")
        assert "0 chart(s) failed" in told


@pytest.mark.parametrize("mode", MODES)
def test_the_plain_manifests_are_the_chart_s(mode):
    plain = (DEPLOY / "manifests" / f"{mode}.yaml").read_text(encoding="utf-8")
    assert documents(plain) == documents(template(f"mode={mode}"))


@pytest.mark.parametrize("mode", MODES)
def test_the_role_is_the_one_that_the_tests_run_with(mode):
    wanted = documents(plane.RBAC.read_text(encoding="utf-8"))
    found = documents(template(f"mode={mode}"))
    for key, document in wanted.items():
        assert found[key] == document
    assert {verb for rule in wanted["ClusterRole", "burst53"]["rules"] for verb in rule["verbs"]} == {"list", "watch"}


@pytest.mark.parametrize("mode", MODES)
def test_the_api_server_takes_every_object(cluster, mode):
    cluster.kubectl("apply", "-f", "-", text=MONITOR_CRD)
    cluster.kubectl("wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com")
    text = template(f"mode={mode}", ALL)
    told = cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
    assert told.count("(server dry run)") == len(documents(text))
    assert "servicemonitor.monitoring.coreos.com/burst53" in told and "networkpolicy" in told


@pytest.mark.parametrize("mode", MODES)
def test_deploy_sh_prints_what_the_api_server_takes(cluster, mode):
    address = [] if mode == "own" else ["-i", "10.96.0.11"]
    text = run(DEPLOY / "deploy.sh", "-m", mode, *address, "-d", "example.test", "-u", "192.0.2.1", "-r", "10.0.0.0/8", "-r",
               "fd00::/48", "-g", "registry.test/dns:1")
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
    assert ("10.96.0.11" in text) == (mode != "own") and "10.96.0.10" not in text
    assert "example.test" in text and "cluster.local" not in text
    assert "image: registry.test/dns:1" in text
    corefile = next(d["data"]["Corefile"] for (kind, _), d in documents(text).items() if kind == "ConfigMap")
    assert "forward . 192.0.2.1" in corefile and "resolv.conf" not in corefile and "UPSTREAM" not in corefile
    assert ("10.0.0.0/8:53 fd00::/48:53 {" if mode == "nodelocal" else "example.test 10.0.0.0/8 fd00::/48 {") in corefile
    assert "in-addr.arpa" not in corefile and "ip6.arpa" not in corefile


def test_deploy_sh_leaves_the_cluster_s_corefile_alone():
    for mode, server in (("kernel", ("Deployment", "burst53")), ("nodelocal", ("DaemonSet", "node-local-dns"))):
        found = documents(run(DEPLOY / "deploy.sh", "-m", mode, "-c", "-i", "10.96.0.11"))
        assert "ConfigMap" not in {kind for kind, _ in found} and server in found


def test_deploy_sh_refuses_an_address_where_there_is_no_service():
    done = subprocess.run([DEPLOY / "deploy.sh", "-m", "own", "-i", "10.96.0.11"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no cluster IP" in done.stderr and done.stdout == ""


def test_what_serves_from_a_card_is_not_behind_the_service(cluster):
    pods = documents(template("mode=kernel"))["Service", "kube-dns"]["spec"]["selector"]
    text = template("mode=own,own.nodeConfig=/etc/burst53/burst53.conf,configMap.name=burst53")
    found = documents(text)
    pod = found["DaemonSet", "burst53"]["spec"]["template"]
    assert not pods.items() <= pod["metadata"]["labels"].items() and ("Service", "kube-dns") not in found
    assert found["Service", "burst53"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert ("ConfigMap", "coredns") not in found
    assert "--address" not in pod["spec"]["containers"][0]["args"][0]
    assert {"name": "node", "hostPath": {"path": "/etc/burst53/burst53.conf", "type": "File"}} in pod["spec"]["volumes"]
    told = cluster.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
    assert told.count("(server dry run)") == len(found)


def test_it_is_found_and_scraped_as_coredns_is():
    found = documents(template("mode=kernel"))
    service = found["Service", "kube-dns"]
    pods = found["Deployment", "burst53"]["spec"]["template"]
    assert service["spec"]["selector"] == {"k8s-app": "kube-dns"} and pods["metadata"]["labels"]["k8s-app"] == "kube-dns"
    assert [(p["name"], p["port"], p["protocol"]) for p in service["spec"]["ports"]] == \
        [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")]
    assert pods["spec"]["dnsPolicy"] == "Default"
    assert found["ConfigMap", "coredns"]["data"]["Corefile"].startswith(".:53 {")


@pytest.fixture(name="answering")
def _answering(cluster):
    """The kernel mode manifest's container, with the service account that the manifest names."""
    pod = documents(template("mode=kernel"))["Deployment", "burst53"]["spec"]["template"]["spec"]
    with tempfile.TemporaryDirectory(prefix="b53-container-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = folder / "root"
        container.make_root(root, lab.BUILD)
        (folder / "config").mkdir()
        (folder / "config" / "Corefile").write_text(COREFILE, encoding="utf-8")
        secrets = root / container.SECRETS
        secrets.mkdir(exist_ok=True, parents=True)
        token = cluster.kubectl("create", "token", pod["serviceAccountName"], "--namespace", "kube-system")
        (secrets / "token").write_text(token, encoding="utf-8")
        (secrets / "namespace").write_text("kube-system", encoding="utf-8")
        (secrets / "ca.crt").write_bytes((cluster.folder / "certs" / "apiserver.crt").read_bytes())
        words = container.command(root, pod, {"config-volume": folder / "config"})
        env = {"PATH": os.environ["PATH"], "KUBERNETES_SERVICE_HOST": "127.0.0.1", "BURST53_SANDBOX": "kill",
               "KUBERNETES_SERVICE_PORT": str(cluster.state()["ports"]["api"])}
        with open(folder / "log", "wb") as log, subprocess.Popen(words, env=env, stdout=log, stderr=log) as server:
            try:
                yield server, folder / "log", token
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=20)


def test_the_container_answers_with_the_manifest_s_rights(answering):
    server, log, token = answering

    def answers():
        assert server.poll() is None, log.read_text(encoding="utf-8")
        done = subprocess.run(["dig", "@127.0.0.1", "-p", "15353", "+short", "+tries=1", "+time=1",
                               "kubernetes.default.svc.cluster.local"], capture_output=True, text=True, check=False)
        return done.stdout.strip() == "10.96.0.1"
    try:
        lab.wait_for(answers, 15)
    except AssertionError:
        print(log.read_text(encoding="utf-8"))
        raise
    with open(f"/proc/{server.pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split()[0] == "65532" and status["NoNewPrivs"] == "1"
    assert int(status["CapBnd"], 16) == 1 << 10, "NET_BIND_SERVICE and nothing else"
    assert int(status["CapEff"], 16) == 0, "given up once the sockets are there"
    assert token not in log.read_text(encoding="utf-8")
    assert token not in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
