#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the manifests of burst53 for a cluster, as coredns/deployment's deploy.sh does for CoreDNS:
#   deploy/deploy.sh -i 10.96.0.10 -d cluster.local | kubectl apply -f -
set -eu

usage() {
	cat <<EOF
usage: deploy/deploy.sh [-m MODE] [-i IP] [-d DOMAIN] [-u UPSTREAM] [-r CIDR]... [-g IMAGE] [-c]
  -m MODE      kernel (default), shared, own or nodelocal
  -i IP        cluster IP of the DNS Service; default: that of the cluster's kube-dns
  -d DOMAIN    cluster domain (cluster.local)
  -u UPSTREAM  where other names are forwarded to (/etc/resolv.conf)
  -r CIDR      a reverse zone (repeatable; default in-addr.arpa ip6.arpa)
  -g IMAGE     image (burst53:0.1.0)
  -c           leave out the ConfigMap: the cluster's Corefile stays as it is
EOF
}

here=$(cd "$(dirname "$0")" && pwd)
mode=kernel domain=cluster.local upstream=/etc/resolv.conf no_config=0
ip='' zones='' image=''
while getopts m:i:d:u:r:g:ch option; do
	case $option in
	m) mode=$OPTARG ;;
	i) ip=$OPTARG ;;
	d) domain=$OPTARG ;;
	u) upstream=$OPTARG ;;
	r) zones="$zones $OPTARG" ;;
	g) image=$OPTARG ;;
	c) no_config=1 ;;
	h)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
manifest=$here/manifests/$mode.yaml
if [ ! -f "$manifest" ]; then
	echo "deploy.sh: there is no mode '$mode': kernel, shared, own or nodelocal" >&2
	exit 2
fi
if [ -z "$ip" ]; then
	ip=$(kubectl get service --namespace kube-system kube-dns -o jsonpath='{.spec.clusterIP}' 2>/dev/null || true)
fi
if [ -z "$ip" ]; then
	echo "deploy.sh: no Service kube-dns is found: give the cluster IP with -i" >&2
	exit 1
fi
for value in "$ip" "$domain" "$upstream" "$zones" "$image"; do
	case $value in
	*[!A-Za-z0-9.:/\ _@-]*)
		echo "deploy.sh: '$value' holds a character that no address, name or path here has" >&2
		exit 2
		;;
	esac
done

# A document of kind ConfigMap named coredns is left out with -c.
documents() {
	if [ "$no_config" = 0 ]; then
		cat "$manifest"
		return
	fi
	awk 'function flush() { if (doc !~ /\nkind: ConfigMap\n/ || doc !~ /\n  name: coredns\n/) printf "%s", doc; doc = "" }
		/^---$/ { flush() } { doc = doc $0 "\n" } END { flush() }' "$manifest"
}

documents | sed \
	-e "s|10\.96\.0\.10|$ip|g" \
	-e "s|kubernetes cluster\.local in-addr\.arpa ip6\.arpa|kubernetes $domain${zones:- in-addr.arpa ip6.arpa}|" \
	-e "s|cluster\.local:53|$domain:53|" \
	-e "s|forward \. /etc/resolv\.conf|forward . $upstream|" \
	-e "s|fallthrough in-addr\.arpa ip6\.arpa|fallthrough${zones:- in-addr.arpa ip6.arpa}|" \
	-e "s|image: burst53:[0-9.]*|image: ${image:-burst53:0.1.0}|"
