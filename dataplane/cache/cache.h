// SPDX-License-Identifier: Apache-2.0
// Outside answers that workers give themselves (DESIGN 4). The slow path sends entries, one thread
// writes them into an rte_hash that workers read without locks; what is replaced or evicted is
// freed when every worker has passed a quiescent state. Bounded by number and bytes; a full or
// stalled cache means "not cached" and is counted.
#pragma once

#include "zones/base/bytes.h"
#include "zones/base/name_hash.h"
#include "zones/entry/entry.h"
#include "zones/link/counters.h"

#include <rte_rcu_qsbr.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_BULK_MAX = 64, CACHE_READERS_MAX = 32, CACHE_SLOTS_MAX = 1 << 24 };

struct outside_cache;

struct outside_cache_options {
	struct rte_rcu_qsbr *qsbr; // workers are its readers; borrowed
	unsigned n_readers; // workers
	uint32_t max_entries; // a power of two, at most CACHE_SLOTS_MAX
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

// What questions are hashed with, so that nobody can choose where they land.
struct cache_secret {
	uint8_t name[NAME_HASH_SECRET_BYTES]; // zones/base/name_hash.h
	uint64_t factor; // odd
};

const struct cache_secret *outside_cache_secret(const struct outside_cache *c);

// What a worker asks for.
struct cache_question {
	const uint8_t *name; // lower case, borrowed
	uint64_t hash; // name_hash of it under the secret
	uint8_t name_size;
	uint8_t flags; // PUNT_CACHE_...
	uint16_t type;
	uint32_t policy; // of the punting step
};

// All of a question but its name as it is, the name as its hash.
struct cache_key {
	uint64_t low, high;
};

static inline uint64_t cache_question_word(const struct cache_question *q)
{
	return (uint64_t)q->policy << 32 | (uint32_t)q->name_size << 24 | (uint32_t)q->type << 8 |
		q->flags;
}

static inline struct cache_key cache_key_of(
	const struct cache_secret *s, const struct cache_question *q)
{
	uint64_t word = cache_question_word(q);

	return (struct cache_key){q->hash + word * s->factor, word};
}

static inline size_t cache_key_name_size(const struct cache_key *k)
{
	return (uint8_t)(k->high >> 24);
}

// What a look-up has to know of an answer: the key in the table, one cache line with the word in
// front of it. A plain query gets all records of the entry in their order; they stand in whole
// lines of their own, with the name behind them. Immutable once workers can find it.
struct cached {
	struct cache_key key;
	uint64_t policy_hash, born_ms;
	const struct entry *entry; // without the authority that is not kept
	uint32_t life_ms;
	uint32_t slot : 24;
	uint32_t is_plain : 1; // else the reply takes more than the records
	uint32_t is_denial : 1;
	uint32_t is_rotated : 1; // where the rule says so
	uint16_t flags; // of the header; AD is only for who asks for it
	uint16_t n_an, n_ns;
	uint16_t rr_bytes;
};

_Static_assert(sizeof(struct cached) == 56, "a card and the word in front of it are a line");

// Of the records and what belongs to them.
static inline size_t cached_bytes(const struct cached *c)
{
	return ((size_t)c->n_an + c->n_ns) * sizeof(struct entry_rr) + c->rr_bytes;
}

static inline const uint8_t *cached_records(const struct cached *c)
{
	return (const uint8_t *)(c->entry->rrs + c->n_an + c->n_ns);
}

static inline const uint8_t *cached_name(const struct cached *c)
{
	return (const uint8_t *)c->entry->rrs + cached_bytes(c);
}

// Who asks: a worker by its number, under the policy of the snapshot that it serves.
struct cache_reader {
	unsigned number;
	uint64_t policy_hash;
	uint64_t now_ms; // of CLOCK_MONOTONIC
};

// Looks n keys up (at most CACHE_BULK_MAX) and asks memory for what has them: NULL, or an entry
// that stays until the worker's next quiescent state. Whoever takes it asks cached_is_for. Workers
// only.
void outside_cache_look(const struct outside_cache *c, const struct cache_key *keys, unsigned n,
	const struct cached **out);

// Whether an entry that was found by its key is served to the reader now, for this name.
static inline bool cached_is_for(const struct cached *c, const struct cache_reader *reader,
	const uint8_t *name, size_t name_size)
{
	return c != NULL && c->policy_hash == reader->policy_hash &&
		reader->now_ms - c->born_ms < c->life_ms && // and not before it was born
		bytes_are_equal(cached_name(c), name, name_size);
}

// Of one that is served.
static inline uint32_t cached_age_s(const struct cached *c, const struct cache_reader *reader)
{
	return (uint32_t)(reader->now_ms - c->born_ms) / 1000; // less than life_ms
}

// Where a worker marks the entries that it used.
_Atomic uint8_t *outside_cache_marks(const struct outside_cache *c, unsigned reader);

static inline void cached_mark(const struct cached *c, _Atomic uint8_t *marks)
{
	if (atomic_load_explicit(&marks[c->slot], memory_order_relaxed) == 0)
		atomic_store_explicit(&marks[c->slot], 1, memory_order_relaxed);
}

// What it gets; entry is NULL for a miss and stays valid until the worker's next quiescent state.
struct cache_hit {
	const struct entry *entry;
	uint32_t age_s;
};

// All of that for n questions (at most CACHE_BULK_MAX).
void outside_cache_find(const struct outside_cache *c, const struct cache_reader *reader,
	const struct cache_question *questions, unsigned n, struct cache_hit *out);
