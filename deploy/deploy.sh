#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the manifests of burst53 for a cluster, as coredns/deployment's deploy.sh does for CoreDNS:
#   deploy/deploy.sh -i 10.96.0.10 -d cluster.local | kubectl apply -f -
set -eu

usage() {
	cat <<EOF
usage: deploy/deploy.sh [-m MODE] [-i IP] [-d DOMAIN] [-u UPSTREAM] [-r CIDR]... [-g IMAGE] [-c]
  -m MODE      kernel (default), shared, own or nodelocal
  -i IP        cluster IP of the DNS Service; default: that of the cluster's kube-dns; not for own, which has none
  -d DOMAIN    cluster domain (cluster.local)
  -u UPSTREAM  where other names are forwarded to (/etc/resolv.conf; nodelocal: found on the node)
  -r CIDR      a reverse zone (repeatable; default in-addr.arpa ip6.arpa)
  -g IMAGE     image (burst53:0.1.0)
  -c           leave out the ConfigMap: the cluster's Corefile stays as it is
EOF
}

here=$(cd "$(dirname "$0")" && pwd)
mode=kernel domain=cluster.local no_config=0
ip='' upstream='' zones='' image=''
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
if [ "$mode" = own ]; then
	if [ -n "$ip" ]; then
		echo "deploy.sh: mode own has no cluster IP: its addresses are --address of the DaemonSet, or the node's burst53.conf" >&2
		exit 2
	fi
	ip=10.96.0.10 # stands nowhere in that manifest
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

# A ConfigMap with a Corefile is left out with -c.
documents() {
	if [ "$no_config" = 0 ]; then
		cat "$manifest"
		return
	fi
	awk 'function flush() { if (doc !~ /\nkind: ConfigMap\n/ || doc !~ /\n  name: (coredns|node-local-dns)\n/) printf "%s", doc; doc = "" }
		/^---$/ { flush() } { doc = doc $0 "\n" } END { flush() }' "$manifest"
}

# NodeLocal's Corefile has a block for the reverse zones; its upstream is filled in on the node.
keys=''
for zone in ${zones:-in-addr.arpa ip6.arpa}; do keys="$keys$zone:53 "; done

documents | sed \
	-e "s|10\.96\.0\.10|$ip|g" \
	-e "s|kubernetes cluster\.local in-addr\.arpa ip6\.arpa|kubernetes $domain${zones:- in-addr.arpa ip6.arpa}|" \
	-e "s|cluster\.local:53|$domain:53|" \
	-e "s|in-addr\.arpa:53 ip6\.arpa:53 |$keys|" \
	-e "s|forward \. /etc/resolv\.conf|forward . ${upstream:-/etc/resolv.conf}|" \
	-e "s|__PILLAR__UPSTREAM__SERVERS__|${upstream:-__PILLAR__UPSTREAM__SERVERS__}|" \
	-e "s|fallthrough in-addr\.arpa ip6\.arpa|fallthrough${zones:- in-addr.arpa ip6.arpa}|" \
	-e "s|image: burst53:[0-9.]*|image: ${image:-burst53:0.1.0}|"
