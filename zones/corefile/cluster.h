// SPDX-License-Identifier: Apache-2.0
// Typed options of the directives that answer from cluster objects: kubernetes, k8s_external,
// autopath.
#pragma once

#include "zones/corefile/config.h"

enum pods_mode { PODS_DISABLED, PODS_INSECURE, PODS_VERIFIED };

// k8s:2.1. NULL and 0 mean "not given" unless a default is named.
struct config_kubernetes {
	struct config_zones zones; // of the directive's line, else of the server block
	size_t primary_zone; // index: first zone that is not reverse (suffix of PTR targets)
	const char *endpoint; // URL of the API server
	const char *tls_cert;
	const char *tls_key;
	const char *tls_ca;
	const char *kubeconfig;
	const char *kubeconfig_context;
	double apiserver_qps;
	uint32_t apiserver_burst;
	uint32_t apiserver_max_inflight;
	struct config_words namespaces; // empty: all
	const char *namespace_labels; // selector text as the API takes it
	const char *labels;
	enum pods_mode pods;
	bool endpoint_pod_names;
	bool noendpoints;
	bool ignore_empty_service;
	bool zonal;
	uint32_t ttl; // default 5
	struct config_fall fall;
	struct config_zones multicluster; // subset of zones
	uint64_t startup_timeout_ms; // default 5000
};

struct config_k8s_external {
	struct config_zones zones;
	const char *apex; // default "dns"
	uint32_t ttl; // default 5
	bool headless;
	struct config_fall fall;
};

struct config_autopath {
	struct config_zones zones;
	bool from_kubernetes; // @kubernetes
	const char *resolv_conf; // else a file with the search list
};
