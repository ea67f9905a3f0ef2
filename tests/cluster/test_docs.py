# SPDX-License-Identifier: Apache-2.0
"""Commands with kubectl in the documents, on a real API server."""

import os
import subprocess

import documents
import tools

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
    (tmp_path / "kubectl").symlink_to(tools.BIN / "kubectl")
    env = {**os.environ, "KUBECONFIG": str(cluster.admin), "PATH": f"{tmp_path}:{os.environ['PATH']}",
           "KUBECACHEDIR": str(tmp_path / "cache")}
    found = ""
    try:
        for _, text in documents.blocks(tools.TOP, "kubectl"):
            found += subprocess.run(["bash", "-euc", text], env=env, capture_output=True, text=True, check=False, timeout=60).stdout
    finally:
        cluster.kubectl("delete", "-f", "-", text=objects)
        cluster.kubectl("delete", "-f", "-", text=CRD)
    assert sorted(found.split("\n")) == ["", "CiliumNetworkPolicy kube-system/to-dns", "NetworkPolicy default/wanted"]
