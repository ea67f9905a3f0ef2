// SPDX-License-Identifier: Apache-2.0
// The policy part of an image: what the slow path has to know of the directives that it executes
// itself. A punting step names a chain; a chain is its operations in plugin.cfg order. Control
// fills struct policy_set and encodes it; the slow path decodes the bytes once per change.
//
// The bytes are a plain sequence of fields (integers big-endian, lists and texts counted), checked
// by decoding them.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POLICY_CHAINS_MAX = 4096,
	POLICY_OPS_MAX = 1024, // of one chain
	POLICY_TIMEOUTS_MAX = 64,
	POLICY_UPSTREAMS_MAX = 15, // k8s:2.13 forward
};

enum policy_kind {
	POLICY_CACHE = 1,
	POLICY_FORWARD,
	// From here on the structs are in policy_plugins.h.
	POLICY_REWRITE,
	POLICY_TEMPLATE,
	POLICY_ACL,
	POLICY_DNS64,
	POLICY_HEADER,
	POLICY_LOCAL,
	POLICY_ANY, // struct policy_plain
	POLICY_CHAOS,
	POLICY_WHOAMI, // struct policy_plain
	POLICY_LOOP,
	POLICY_FILE,
	POLICY_AUTOPATH,
	POLICY_LOADBALANCE,
	POLICY_KIND_MAX = POLICY_LOADBALANCE
};

// A domain name in wire form, lower case.
struct policy_name {
	const uint8_t *wire;
};

struct policy_names {
	const struct policy_name *items;
	size_t n;
};

struct policy_u16s {
	const uint16_t *items;
	size_t n;
};

enum policy_upstream_kind {
	POLICY_UPSTREAM_DNS = 1,
	POLICY_UPSTREAM_TLS,
	POLICY_UPSTREAM_FILE, // host is the path of a file in resolv.conf format
	POLICY_UPSTREAM_KIND_MAX = POLICY_UPSTREAM_FILE
};

struct policy_upstream {
	uint8_t kind;
	uint16_t port;
	const char *host; // address text, or path
	const char *server_name; // TLS: to verify; "" for none
};

struct policy_upstreams {
	const struct policy_upstream *items;
	size_t n;
};

// Same numbers as enum forward_policy of the Corefile.
enum policy_balance { POLICY_RANDOM_ORDER, POLICY_IN_TURN, POLICY_IN_ORDER, POLICY_BALANCES };

// k8s:2.13 forward. Texts are never NULL, "" means none.
struct policy_forward {
	struct policy_name from;
	struct policy_upstreams to;
	struct policy_names except;
	uint8_t balance; // enum policy_balance
	uint32_t max_fails; // 0 = never down
	uint32_t max_concurrent; // 0 = unlimited
	uint32_t max_connect_attempts; // 0 = two per upstream
	uint32_t max_idle_conns; // 0 = unlimited
	uint64_t expire_ms, max_age_ms, read_timeout_ms, health_check_ms;
	bool health_check_no_rec;
	struct policy_name health_check_domain;
	bool force_tcp, prefer_udp, failfast_all_unhealthy, next_on_nodata;
	struct policy_u16s next, failover; // rcodes
	const char *tls_cert, *tls_key, *tls_ca, *tls_servername;
	const char *source_address;
};

struct policy_cache_kind {
	uint32_t capacity, ttl_s, min_ttl_s;
};

// k8s:2.13 cache.
struct policy_cache {
	const char *server; // "dns://:53", for metrics
	struct policy_names zones;
	struct policy_cache_kind success, denial;
	uint32_t prefetch; // 0 = off
	uint64_t prefetch_window_ms;
	uint32_t prefetch_percent;
	uint64_t stale_ms; // 0 = off
	bool stale_verify; // else immediate
	uint64_t stale_timeout_ms;
	uint32_t stale_ttl_s;
	uint64_t stale_recheck_ms;
	bool stale_prefer_positive;
	uint64_t servfail_ms;
	struct policy_names no_success, no_denial; // `disable`
	bool keep_ttl;
};

struct policy_op {
	uint8_t kind; // enum policy_kind
	uint16_t line; // in the Corefile
	uint16_t ordinal; // of the directive in its block, in order of execution: step_ordinal
	const void *data; // struct policy_<kind>
};

struct policy_chain {
	const struct policy_op *ops;
	size_t n;
};

// Limits of TCP connections to a port (`timeouts`); milliseconds.
struct policy_timeouts {
	uint16_t port;
	uint32_t read_ms, write_ms, idle_ms;
	uint32_t max_queries; // per connection, 0 = unlimited
};

struct policy_timeouts_list {
	const struct policy_timeouts *items;
	size_t n;
};

struct policy_set {
	const struct policy_chain *chains; // step_chain counts from 1
	size_t n;
	struct policy_timeouts_list timeouts; // the first one for a port counts
};

// The bytes for image_build_policy, owned by the arena; NULL when memory is short. The same policy
// gives the same bytes.
const uint8_t *policy_encode(const struct policy_set *p, struct arena *a, size_t *size_bytes);

// Decodes into the arena; nothing points into bytes afterwards. 0, -ENOMEM or -EINVAL (and *err,
// which may be NULL) when the bytes are no policy that policy_encode could have made.
[[nodiscard]] int policy_decode(const uint8_t *bytes, size_t size_bytes, struct arena *a,
	struct policy_set *out, struct err *err);
