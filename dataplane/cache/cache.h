// SPDX-License-Identifier: Apache-2.0
// Outside answers that workers give themselves (DESIGN 4). The slow path sends entries, one thread
// writes them into an rte_hash that workers read without locks; what is replaced or evicted is
// freed when every worker has passed a quiescent state. Bounded by number and bytes; a full or
// stalled cache means "not cached" and is counted.
#pragma once

#include "zones/entry/entry.h"
#include "zones/link/counters.h"

#include <rte_rcu_qsbr.h>

#include <stddef.h>
#include <stdint.h>

enum { CACHE_BULK_MAX = 64, CACHE_READERS_MAX = 32 };

struct outside_cache;

struct outside_cache_options {
	struct rte_rcu_qsbr *qsbr; // workers are its readers; borrowed
	unsigned n_readers; // workers
	uint32_t max_entries; // a power of two
	uint64_t max_bytes;
	struct outside_cache_counters *counters; // borrowed
};

// NULL when memory is short. Freed when no worker runs any more.
struct outside_cache *outside_cache_new(const struct outside_cache_options *o);
void outside_cache_free(struct outside_cache *c); // NULL is fine

// Takes one message of the slow path (struct punt_cache_msg with its entry), checked here. now_ms
// of CLOCK_MONOTONIC. Writer only.
void outside_cache_put(
	struct outside_cache *c, const void *msg, size_t size_bytes, uint64_t now_ms);

// The secret that names are hashed with (zones/base/name_hash.h).
const uint8_t *outside_cache_secret(const struct outside_cache *c);

// What a worker asks for.
struct cache_question {
	const uint8_t *name; // lower case, borrowed
	uint64_t hash; // name_hash of it under outside_cache_secret
	uint8_t name_size;
	uint8_t flags; // PUNT_CACHE_...
	uint16_t type;
	uint32_t policy; // of the punting step
};

// What it gets; entry is NULL for a miss and stays valid until the worker's next quiescent state.
struct cache_hit {
	const struct entry *entry;
	uint32_t age_s;
};

// Who asks: a worker by its number, under the policy of the snapshot that it serves.
struct cache_reader {
	unsigned number;
	uint64_t policy_hash;
	uint64_t now_ms; // of CLOCK_MONOTONIC
};

// Looks n questions up (at most CACHE_BULK_MAX). Workers only.
void outside_cache_find(struct outside_cache *c, const struct cache_reader *reader,
	const struct cache_question *questions, unsigned n, struct cache_hit *out);
