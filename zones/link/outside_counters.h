// SPDX-License-Identifier: Apache-2.0
// What the slow path counts of caches and upstreams. All of its threads add to the same numbers
// (counter_share), one at a time per question: there is no number per thread. Who finds no room
// in a table is counted in its first entry, "other".
#pragma once

#include "zones/link/counter.h"
#include "zones/link/rule_counters.h"
#include "zones/link/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OUTSIDE_CACHES_MAX = 16,
	OUTSIDE_UPSTREAMS_MAX = 32,
	UPSTREAM_TO_BYTES = 80,
};

enum { OUTSIDE_SUCCESS, OUTSIDE_DENIAL, OUTSIDE_KINDS };

struct cache_counters {
	struct scope_label label; // its zone is the list of the cache's zones
	counter_t entries[OUTSIDE_KINDS], hits[OUTSIDE_KINDS], evictions[OUTSIDE_KINDS];
	counter_t misses, prefetches, stale;
};

// How a question went to an upstream.
enum upstream_proto { UPSTREAM_UDP, UPSTREAM_TCP, UPSTREAM_TLS, UPSTREAM_PROTOS };

struct upstream_counters {
	char to[UPSTREAM_TO_BYTES]; // "192.0.2.1:53"; ends with 0
	counter_t asked;
	counter_t latency[SCOPE_RCODE_COUNT][SCOPE_LATENCY_BUCKETS];
	counter_t latency_sum_ns[SCOPE_RCODE_COUNT];
	counter_t failed_checks;
	counter_t kept[UPSTREAM_PROTOS], opened[UPSTREAM_PROTOS]; // connections: used again, new
};

struct outside_counters {
	_Alignas(64) counter_t all_broken; // every upstream was down: one was tried anyway
	counter_t rejected; // over max_concurrent
	counter_t loop_probes, loops_found; // `loop`
	counter_t looping; // forwards that answer SERVFAIL for it now
	counter_t unusable_files; // that `forward` names, now
	counter_t regex_given_up; // matches that took too long
	_Atomic uint32_t n_caches, n_upstreams; // with "other"; slow path's main thread: wo
	struct cache_counters caches[OUTSIDE_CACHES_MAX];
	struct upstream_counters upstreams[OUTSIDE_UPSTREAMS_MAX];
	struct rule_counters rules;
};

// Several threads of one process write.
static inline void counter_share(counter_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

// The entry of a label, made when it is new; for the table's only writer.
struct cache_counters *cache_counters_find(
	struct outside_counters *o, const struct scope_label *label);
struct upstream_counters *upstream_counters_find(struct outside_counters *o, const char *to);

// How many entries can be read.
uint32_t outside_caches(const struct outside_counters *o);
uint32_t outside_upstreams(const struct outside_counters *o);

// An upstream's reply came.
void upstream_count_reply(struct upstream_counters *u, uint16_t rcode, uint64_t took_ns);
