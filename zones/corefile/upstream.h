// SPDX-License-Identifier: Apache-2.0
// Typed options of the directives for names outside the cluster: forward and cache.
#pragma once

#include "zones/corefile/config.h"

enum upstream_kind { UPSTREAM_DNS, UPSTREAM_TLS, UPSTREAM_FILE };

struct config_upstream {
	enum upstream_kind kind;
	const char *host; // address text, or path of a resolv.conf
	uint16_t port; // 0 for a file
	const char *server_name; // tls://ip%name, else NULL
	struct config_pos pos;
};

enum forward_policy { POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_SEQUENTIAL };

struct config_rcodes {
	uint16_t *items;
	size_t n;
};

// k8s:2.13 forward. Defaults are filled in.
struct config_forward {
	struct config_zone from;
	struct config_upstream *to; // at most 15
	size_t n_to;
	struct config_zones except;
	enum forward_policy policy;
	uint32_t max_fails; // 2; 0 = never down
	uint32_t max_concurrent; // 0 = unlimited
	uint32_t max_connect_attempts; // 0 = two per upstream
	uint32_t max_idle_conns; // 0 = unlimited
	uint64_t expire_ms; // 10000
	uint64_t max_age_ms; // 0 = unlimited
	uint64_t read_timeout_ms; // 2000
	uint64_t health_check_ms; // 500
	bool health_check_no_rec;
	const char *health_check_domain; // "."
	bool force_tcp;
	bool prefer_udp;
	bool failfast_all_unhealthy;
	bool next_on_nodata;
	struct config_rcodes next;
	struct config_rcodes failover;
	const char *tls_cert;
	const char *tls_key;
	const char *tls_ca;
	const char *tls_servername;
	const char *source_address; // NULL: the system's choice
};

struct config_cache_kind {
	uint32_t capacity; // 9984
	uint32_t ttl_s; // 3600 or 1800
	uint32_t min_ttl_s; // 5
};

enum stale_mode { STALE_IMMEDIATE, STALE_VERIFY };

// k8s:2.13 cache. Defaults are filled in.
struct config_cache {
	struct config_zones zones;
	struct config_cache_kind success;
	struct config_cache_kind denial;
	uint32_t prefetch; // hits that make an entry worth refreshing, 0 = off
	uint64_t prefetch_window_ms; // 60000
	uint32_t prefetch_percent; // 10
	uint64_t stale_ms; // 0 = off
	enum stale_mode stale_mode;
	uint64_t stale_timeout_ms; // verify: 0 = wait for the upstream's own time-out
	uint32_t stale_ttl_s; // TTL of a stale answer, 0
	uint64_t stale_recheck_ms; // after a failed refresh, 0 = at every query
	bool stale_prefer_positive;
	uint64_t servfail_ms; // 5000, at most 300000
	struct config_zones no_success; // `disable`
	struct config_zones no_denial;
	bool keep_ttl;
};
