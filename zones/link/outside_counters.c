// SPDX-License-Identifier: Apache-2.0
// Entries are filled before their number tells readers of them, and stay.
#include "zones/link/outside_counters.h"

#include <stdio.h>
#include <string.h>

enum { LATENCY_UNIT_NS = 250000 };

// How many entries there are, "other" included.
static uint32_t count(const _Atomic uint32_t *n, uint32_t max)
{
	uint32_t have = atomic_load_explicit(n, memory_order_acquire);

	return have < 1 ? 1 : have > max ? max : have;
}

uint32_t outside_caches(const struct outside_counters *o)
{
	return count(&o->n_caches, OUTSIDE_CACHES_MAX);
}

uint32_t outside_upstreams(const struct outside_counters *o)
{
	return count(&o->n_upstreams, OUTSIDE_UPSTREAMS_MAX);
}

struct cache_counters *cache_counters_find(
	struct outside_counters *o, const struct scope_label *label)
{
	uint32_t n = outside_caches(o);

	for (uint32_t i = 1; i < n; i++) {
		if (memcmp(&o->caches[i].label, label, sizeof(*label)) == 0)
			return &o->caches[i];
	}
	if (n == OUTSIDE_CACHES_MAX)
		return &o->caches[0];
	o->caches[n].label = *label;
	atomic_store_explicit(&o->n_caches, n + 1, memory_order_release);
	return &o->caches[n];
}

struct upstream_counters *upstream_counters_find(struct outside_counters *o, const char *to)
{
	uint32_t n = outside_upstreams(o);

	for (uint32_t i = 1; i < n; i++) {
		if (strncmp(o->upstreams[i].to, to, UPSTREAM_TO_BYTES - 1) == 0)
			return &o->upstreams[i];
	}
	if (n == OUTSIDE_UPSTREAMS_MAX)
		return &o->upstreams[0];
	(void)snprintf(o->upstreams[n].to, UPSTREAM_TO_BYTES, "%s", to); // what is too long is cut
	atomic_store_explicit(&o->n_upstreams, n + 1, memory_order_release);
	return &o->upstreams[n];
}

void upstream_count_reply(struct upstream_counters *u, uint16_t rcode, uint64_t took_ns)
{
	enum scope_rcode class = counters_rcode(rcode);

	counter_share(&u->latency[class][counters_latency_bucket(took_ns, LATENCY_UNIT_NS)], 1);
	counter_share(&u->latency_sum_ns[class], took_ns);
}
