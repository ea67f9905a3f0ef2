# SPDX-License-Identifier: Apache-2.0
"""Commands with kubectl in the documents, on a real API server."""

import documents
import pytest
import tools
from administrator import Administrator
from kube import wait

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: default}
spec:
  podSelector: {}
  egress:
    - to: [{podSelector: {matchLabels: {k8s-app: %s}}}]
"""
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ciliumnetworkpolicies.cilium.io}
spec:
  group: cilium.io
  names: {kind: CiliumNetworkPolicy, plural: ciliumnetworkpolicies}
  scope: Namespaced
  versions:
    - name: v2
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
CILIUM = """
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: to-dns, namespace: kube-system}
spec:
  egress:
    - toEndpoints: [{matchLabels: {"k8s:k8s-app": kube-dns}}]
"""


def test_policies_that_name_kube_dns_are_listed(cluster, tmp_path):
    cluster.kubectl("apply", "-f", "-", text=CRD)
    cluster.kubectl("wait", "--for=condition=Established", "crd/ciliumnetworkpolicies.cilium.io")
    objects = "\n---".join([POLICY % ("wanted", "kube-dns"), POLICY % ("other", "web"), CILIUM])
    cluster.kubectl("apply", "-f", "-", text=objects)
    administrator = Administrator(cluster, tmp_path / "bin")
    try:
        found = "".join(administrator.do("bash", "-euc", text).stdout for _, text in documents.blocks(tools.TOP, "kubectl"))
    finally:
        cluster.kubectl("delete", "-f", "-", text=objects)
        cluster.kubectl("delete", "-f", "-", text=CRD)
    assert sorted(found.split("\n")) == ["", "CiliumNetworkPolicy kube-system/to-dns", "NetworkPolicy default/wanted"]


COREDNS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: kube-dns, app: coredns}}
  template:
    metadata: {labels: {k8s-app: kube-dns, app: coredns}}
    spec: {containers: [{name: coredns, image: "registry.k8s.io/coredns/coredns:v1.11.1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}]
"""


NODELOCAL = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-local-dns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: node-local-dns}}
  template:
    metadata: {labels: {k8s-app: node-local-dns}}
    spec: {containers: [{name: node-cache, image: "registry.k8s.io/dns/k8s-dns-node-cache:1.23.1"}]}
"""


class Operator(Administrator):
    """Looks at what the blocks of docs/migration.md have done, too."""

    def show(self, deployment, path):
        """A field of a Deployment."""
        return self.cluster.kubectl("get", "deployment", deployment, "-n", "kube-system", "-o", f"jsonpath={{{path}}}").strip()

    def pods(self):
        """Which Deployments' pods are behind Service kube-dns."""
        names = self.cluster.kubectl("get", "endpointslices", "-n", "kube-system", "-l", "kubernetes.io/service-name=kube-dns", "-o",
                                     "jsonpath={.items[*].endpoints[*].targetRef.name}").split()
        return {name.split("-")[0] for name in names}


@pytest.fixture(name="administrator")
def _administrator(cluster, tmp_path):
    cluster.kubectl("apply", "-f", "-", text=COREDNS)
    try:
        yield Operator(cluster, tmp_path / "bin")
    finally:
        cluster.kubectl("delete", "deployment", "coredns", "burst53", "-n", "kube-system", "--ignore-not-found")
        cluster.kubectl("delete", "service", "kube-dns", "-n", "kube-system", "--ignore-not-found")
        cluster.kubectl("delete", "poddisruptionbudget", "burst53", "-n", "kube-system", "--ignore-not-found")


def test_the_image_is_changed_and_back(administrator):
    image = ".spec.template.spec.containers[0].image"
    before = administrator.show("coredns", image)
    administrator.block("image")
    assert administrator.show("coredns", image) == "REGISTRY/burst53:0.1.0"
    administrator.block("undo")
    assert administrator.show("coredns", image) == before


def test_the_nodelocal_cache_gets_its_corefile_back(administrator):
    """The manifest with the cluster's own address in place of the example's, and what was there before."""
    kubectl = administrator.cluster.kubectl
    kubectl("create", "configmap", "node-local-dns", "-n", "kube-system", "--from-literal=Corefile=ours.example:53 {\n}\n")

    def corefile():
        return kubectl("get", "configmap", "node-local-dns", "-n", "kube-system", "-o", "jsonpath={.data.Corefile}")

    before = corefile()
    try:
        administrator.block("nodelocal")
        address = kubectl("get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec.clusterIP}")
        assert f"bind 169.254.20.10 {address}\n" in corefile() and "forward . 198.18.255.53" in corefile()
        administrator.block("nodelocalback")
        assert corefile() == before
    finally:
        kubectl("delete", "configmap", "node-local-dns", "node-local-dns-before", "-n", "kube-system", "--ignore-not-found")


def test_the_cluster_s_corefile_is_checked_as_it_stands(administrator):
    kubectl = administrator.cluster.kubectl
    kubectl("create", "configmap", "coredns", "-n", "kube-system", f"--from-file=Corefile={tools.TOP / 'deploy' / 'systemd' / 'Corefile'}")
    try:
        assert "Services and endpoints of the cluster answer for cluster.local." in administrator.block("configmap")
    finally:
        kubectl("delete", "configmap", "coredns", "-n", "kube-system")


def test_the_daemon_set_of_nodelocal_changes_its_image(administrator):
    kubectl = administrator.cluster.kubectl
    kubectl("apply", "-f", "-", text=NODELOCAL)
    try:
        administrator.block("daemonset")
        image = kubectl("get", "daemonset", "node-local-dns", "-n", "kube-system", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
        assert image == "REGISTRY/burst53:0.1.0"
    finally:
        kubectl("delete", "-f", "-", text=NODELOCAL)


def test_the_chart_puts_burst53_beside_what_the_cluster_has(administrator):
    kubectl = administrator.cluster.kubectl
    tools.build(["helm"])
    # A helm that was built without its release's flags takes every cluster for an old one.
    administrator.add_program("helm", f'#!/bin/sh\nexec {tools.BIN}/helm "$@" --kube-version 1.30\n')
    before = kubectl("get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec}")
    try:
        assert "daemonset.apps/burst53 created" in administrator.block("chart")
        assert kubectl("get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec}") == before
    finally:
        for kind in ("daemonset", "service", "configmap", "poddisruptionbudget"):
            kubectl("delete", kind, "burst53", "-n", "kube-system", "--ignore-not-found")


def test_a_deployment_beside_takes_over_and_leaves(administrator):
    wait("CoreDNS behind the Service", lambda: administrator.pods() == {"coredns"}, 120)
    administrator.block("beside")
    assert administrator.show("burst53", ".spec.template.spec.containers[0].image") == "REGISTRY/burst53:0.1.0"
    wait("burst53 behind the Service", lambda: administrator.pods() == {"burst53"}, 120)
    administrator.block("leave")
    wait("CoreDNS back", lambda: administrator.pods() == {"coredns"}, 120)
