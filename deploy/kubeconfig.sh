#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints a kubeconfig for burst53 on a machine of its own, with the token of deploy/token.yaml and the address at which
# kubectl reaches the API server now:
#   deploy/kubeconfig.sh >kubeconfig
set -eu
umask 077

cluster() { kubectl config view --raw --minify --flatten --output "jsonpath={.clusters[0].cluster.$1}"; }
token() { kubectl --namespace kube-system get secret burst53 --output 'jsonpath={.data.token}' | base64 --decode; }

server=$(cluster server)
ca=$(cluster certificate-authority-data)
# A controller of the cluster writes it into the Secret, within a moment.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	token=$(token) || token=
	[ -z "$token" ] || break
	sleep 1
done
if [ -z "$token" ]; then
	echo "kubeconfig.sh: Secret kube-system/burst53 has no token: kubectl apply -f deploy/rbac.yaml -f deploy/token.yaml" >&2
	exit 1
fi

cat <<END
apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster:
    server: $server
    certificate-authority-data: $ca
users:
- name: burst53
  user:
    token: $token
contexts:
- name: cluster
  context:
    cluster: cluster
    user: burst53
current-context: cluster
END
