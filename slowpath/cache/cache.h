// SPDX-License-Identifier: Apache-2.0
// Answers from outside, kept for a while (k8s:2.13 cache). Used by all threads: divided into
// shards, each behind a lock that is held for one look-up. Bounded by number and by bytes; what is
// asked again survives a flood of names that are asked once (DESIGN 5, rel:P8).
#pragma once

#include "slowpath/message/entry.h"
#include "zones/image/policy.h"
#include "zones/link/outside_counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CACHE_SHARDS = 16,
	CACHE_ENTRY_BYTES = 1024, // memory per entry of the capacity, on average
};

struct cache;

// policy is borrowed and must outlive the cache; so must counters, in which it gets or finds its
// entry (NULL: it counts for itself alone). NULL when memory is short.
struct cache *cache_new(const struct policy_cache *policy, struct outside_counters *counters);
void cache_free(struct cache *c); // NULL is fine

const struct policy_cache *cache_policy(const struct cache *c);

// Whether the cache is for the name (`cache [TTL] [ZONES]`).
bool cache_takes(const struct cache *c, const struct dname *name);

enum cache_state {
	CACHE_MISS,
	CACHE_FRESH,
	CACHE_STALE, // expired, but within `serve_stale`
};

struct cache_found {
	enum cache_state state;
	struct entry *entry; // held for the caller, NULL for a miss
	uint32_t age_s;
	bool wants_refresh; // this caller should fetch it anew: prefetch, or stale
};

// hash is ask_hash(); now_ms of CLOCK_MONOTONIC.
struct cache_found cache_get(struct cache *c, uint64_t hash, const struct ask *a, uint64_t now_ms);

// The same, uncounted, for who has asked once already.
struct cache_found cache_peek(struct cache *c, uint64_t hash, const struct ask *a, uint64_t now_ms);

// Bounds the TTLs of a new entry as the policy says, also when it will not be kept.
void cache_clamp(const struct cache *c, struct entry *e);

// Keeps the entry (held by the cache then) when it may be kept, in place of an older one.
void cache_put(
	struct cache *c, uint64_t hash, const struct ask *a, struct entry *e, uint64_t now_ms);

// For tests and metrics.
struct cache_stats {
	uint64_t entries[2], bytes[2]; // success, denial
	uint64_t hits[2], misses, evictions[2], stale, prefetches;
};
void cache_stats(struct cache *c, struct cache_stats *out);
