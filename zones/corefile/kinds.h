// SPDX-License-Identifier: Apache-2.0
// The names of all directives of CoreDNS 1.14 in plugin.cfg order, which is the order of execution.
#pragma once

// plugin.cfg order, which is the order of execution (k8s:2.13).
#define CONFIG_KINDS(X) \
	X(ROOT, "root") \
	X(METADATA, "metadata") \
	X(GEOIP, "geoip") \
	X(CANCEL, "cancel") \
	X(PROXYPROTO, "proxyproto") \
	X(QUIC, "quic") \
	X(GRPC_SERVER, "grpc_server") \
	X(HTTPS, "https") \
	X(HTTPS3, "https3") \
	X(TIMEOUTS, "timeouts") \
	X(MULTISOCKET, "multisocket") \
	X(RELOAD, "reload") \
	X(NSID, "nsid") \
	X(BUFSIZE, "bufsize") \
	X(BIND, "bind") \
	X(DEBUG, "debug") \
	X(TRACE, "trace") \
	X(READY, "ready") \
	X(HEALTH, "health") \
	X(PPROF, "pprof") \
	X(SHED, "shed") \
	X(PROMETHEUS, "prometheus") \
	X(ERRORS, "errors") \
	X(LOG, "log") \
	X(DNSTAP, "dnstap") \
	X(LOCAL, "local") \
	X(DNS64, "dns64") \
	X(ANY, "any") \
	X(CHAOS, "chaos") \
	X(LOADBALANCE, "loadbalance") \
	X(TSIG, "tsig") \
	X(REWRITE, "rewrite") \
	X(AUTOPATH, "autopath") \
	X(ACL, "acl") \
	X(CACHE, "cache") \
	X(HEADER, "header") \
	X(DNSSEC, "dnssec") \
	X(TLS, "tls") \
	X(MINIMAL, "minimal") \
	X(TEMPLATE, "template") \
	X(TRANSFER, "transfer") \
	X(HOSTS, "hosts") \
	X(ROUTE53, "route53") \
	X(AZURE, "azure") \
	X(CLOUDDNS, "clouddns") \
	X(K8S_EXTERNAL, "k8s_external") \
	X(KUBERNETES, "kubernetes") \
	X(FILE, "file") \
	X(AUTO, "auto") \
	X(SECONDARY, "secondary") \
	X(ETCD, "etcd") \
	X(LOOP, "loop") \
	X(FORWARD, "forward") \
	X(GRPC, "grpc") \
	X(ERRATIC, "erratic") \
	X(WHOAMI, "whoami") \
	X(ON, "on") \
	X(SIGN, "sign") \
	X(VIEW, "view") \
	X(NOMAD, "nomad")

enum config_kind {
#define X(id, name) DIR_##id,
	CONFIG_KINDS(X)
#undef X
		DIR_N,
};
