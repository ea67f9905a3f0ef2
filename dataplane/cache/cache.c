// SPDX-License-Identifier: Apache-2.0
// rte_hash in its lock-free mode with extendable buckets and deferred deletes. Entries are found by
// a keyed hash of the question, so that nobody can choose where they land; the question itself is
// compared. Eviction is CLOCK over slots: workers mark in arrays of their own what they used.
#include "dataplane/cache/cache.h"

#include "zones/base/name_hash.h"
#include "zones/link/punt.h"

#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	EVICT_TRIES = 256,
	EVICT_STEPS = 65536,
	ALLOCATION_BYTES = 64, // glibc's, at most, beside what was asked for
	PREFETCH_BYTES = 128, // of an entry: all of one with one address
};

struct key {
	uint64_t low, high;
};

// Immutable once it is in the table. What a hit reads lies together: most entries are two or three
// cache lines.
struct cached {
	uint64_t policy_hash, born_ms, expires_ms;
	uint64_t word; // what the question has besides its name
	uint32_t slot;
	uint32_t size_bytes; // of everything, for the bound
	uint16_t entry_at; // offset in bytes; behind the name
	uint8_t name_size;
	uint8_t bytes[]; // the name, then the entry
};

struct outside_cache {
	struct outside_cache_options o;
	struct rte_hash *table;
	struct cached **slots; // max_entries; writer only
	uint32_t *free_slots;
	uint32_t n_free, hand;
	uint64_t bytes;
	uint64_t factor; // odd
	uint8_t secret[NAME_HASH_SECRET_BYTES];
	_Atomic uint8_t *used[CACHE_READERS_MAX]; // a worker marks slots, the writer clears
};

static uint64_t question_word(uint32_t policy, uint16_t type, uint8_t flags)
{
	return (uint64_t)policy << 32 | (uint32_t)type << 8 | flags;
}

static struct key question_key(
	const struct outside_cache *c, uint64_t hash, uint8_t name_size, uint64_t word)
{
	return (struct key){hash + word * c->factor, word ^ (uint64_t)name_size << 24};
}

static const struct entry *entry_of(const struct cached *e)
{
	return (const void *)(e->bytes + e->entry_at);
}

static struct key key_of(const struct outside_cache *c, const struct cached *e)
{
	uint64_t hash = name_hash(c->secret, e->bytes, e->name_size);

	return question_key(c, hash, e->name_size, e->word);
}

static hash_sig_t key_signature(const struct key *k)
{
	return (hash_sig_t)(k->low >> 32);
}

// rte_hash wants a function of its own, which is never called: all signatures are given.
static uint32_t table_hash(const void *key, uint32_t size, uint32_t init)
{
	(void)size;
	(void)init;
	return key_signature(key);
}

// Called by rte_hash when no reader can hold the entry any more.
static void on_unused(void *ctx, void *data)
{
	(void)ctx;
	free(data);
}

static bool table_make(struct outside_cache *c)
{
	static _Atomic unsigned serial;
	char name[RTE_HASH_NAMESIZE];

	(void)snprintf(name, sizeof(name), "outside-%u", atomic_fetch_add(&serial, 1));
	const struct rte_hash_parameters params = {.name = name,
		.entries = c->o.max_entries * 2, // deleted keys wait for their readers
		.key_len = sizeof(struct key),
		.hash_func = table_hash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE};
	struct rte_hash_rcu_config rcu = {.v = c->o.qsbr,
		.mode = RTE_HASH_QSBR_MODE_DQ,
		.max_reclaim_size = 64,
		.free_key_data_func = on_unused};

	c->table = rte_hash_create(&params);
	return c->table != NULL && rte_hash_rcu_qsbr_add(c->table, &rcu) == 0;
}

static bool arrays_make(struct outside_cache *c)
{
	uint32_t n = c->o.max_entries;

	c->slots = calloc(n, sizeof(struct cached *));
	c->free_slots = calloc(n, sizeof(c->free_slots[0]));
	if (c->slots == NULL || c->free_slots == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		c->free_slots[i] = n - 1 - i;
	c->n_free = n;
	for (unsigned i = 0; i < c->o.n_readers; i++) {
		c->used[i] = rte_zmalloc("cache-used", n, RTE_CACHE_LINE_SIZE);
		if (c->used[i] == NULL)
			return false;
	}
	return true;
}

struct outside_cache *outside_cache_new(const struct outside_cache_options *o)
{
	struct outside_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->o = *o;
	if (getrandom(c->secret, sizeof(c->secret), 0) == (ssize_t)sizeof(c->secret) &&
		getrandom(&c->factor, sizeof(c->factor), 0) == (ssize_t)sizeof(c->factor) &&
		o->n_readers <= CACHE_READERS_MAX && table_make(c) && arrays_make(c)) {
		c->factor |= 1;
		return c;
	}
	outside_cache_free(c);
	return NULL;
}

void outside_cache_free(struct outside_cache *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; c->slots != NULL && i < c->o.max_entries; i++)
		free(c->slots[i]);
	for (unsigned i = 0; i < c->o.n_readers && i < CACHE_READERS_MAX; i++)
		rte_free((void *)(uintptr_t)c->used[i]);
	rte_hash_free(c->table); // frees what waits for readers
	free(c->slots);
	free(c->free_slots);
	free(c);
}

const uint8_t *outside_cache_secret(const struct outside_cache *c)
{
	return c->secret;
}

// Takes an entry out; readers may go on using it until they are quiescent.
static void evict(struct outside_cache *c, struct cached *e)
{
	c->slots[e->slot] = NULL;
	c->free_slots[c->n_free++] = e->slot;
	c->bytes -= e->size_bytes;
	// The key is there, so this cannot fail; it hands e to on_unused.
	const struct key key = key_of(c, e);
	(void)rte_hash_del_key_with_hash(c->table, &key, key_signature(&key));
}

static bool take_mark(struct outside_cache *c, uint32_t slot)
{
	uint8_t marked = 0;

	for (unsigned i = 0; i < c->o.n_readers; i++) {
		marked |= atomic_load_explicit(&c->used[i][slot], memory_order_relaxed);
		atomic_store_explicit(&c->used[i][slot], 0, memory_order_relaxed);
	}
	return marked != 0;
}

static bool is_full(const struct outside_cache *c, size_t size_bytes)
{
	return c->n_free == 0 || c->bytes + size_bytes > c->o.max_bytes;
}

// Makes room: first what expired or was not used since the hand came by.
static bool make_room(struct outside_cache *c, size_t size_bytes, uint64_t now_ms)
{
	unsigned evicted = 0;

	for (unsigned i = 0; i < EVICT_STEPS && is_full(c, size_bytes); i++) {
		struct cached *e = c->slots[c->hand];
		uint32_t slot = c->hand;
		c->hand = (c->hand + 1) & (c->o.max_entries - 1);
		if (e == NULL || (take_mark(c, slot) && e->expires_ms > now_ms))
			continue;
		evict(c, e);
		counter_add(&c->o.counters->evicted, 1);
		if (++evicted == EVICT_TRIES)
			break;
	}
	return !is_full(c, size_bytes);
}

static bool is_sound(const struct punt_cache_msg *m, size_t size_bytes)
{
	if (size_bytes < sizeof(*m) || m->magic != PUNT_CACHE_MAGIC ||
		size_bytes != sizeof(*m) + m->entry_size || m->name_size == 0 || m->flags > 7 ||
		m->expires_ms < m->born_ms)
		return false;
	const struct entry *e = (const void *)(m + 1);
	return entry_is_sound(e, m->entry_size) && e->qname_size == m->name_size;
}

static struct cached *cached_make(const struct punt_cache_msg *m)
{
	size_t align = _Alignof(struct entry);
	size_t entry_at =
		(offsetof(struct cached, bytes) + m->name_size + align - 1) / align * align -
		offsetof(struct cached, bytes);
	size_t size = offsetof(struct cached, bytes) + entry_at + m->entry_size;
	// Lines of its own, so that a hit reads no more of them than it must.
	size = (size + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1);
	struct cached *e = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (e == NULL)
		return NULL;
	*e = (struct cached){.policy_hash = m->policy_hash,
		.born_ms = m->born_ms,
		.expires_ms = m->expires_ms,
		.word = question_word(m->policy, m->type, m->flags),
		.size_bytes = (uint32_t)(size + ALLOCATION_BYTES),
		.entry_at = (uint16_t)entry_at,
		.name_size = m->name_size};
	memcpy(e->bytes, m->name, m->name_size);
	memcpy(e->bytes + entry_at, m + 1, m->entry_size);
	return e;
}

static bool store(struct outside_cache *c, struct cached *e, uint64_t now_ms)
{
	const struct key key = key_of(c, e);
	void *old = NULL;

	if (rte_hash_lookup_with_hash_data(c->table, &key, key_signature(&key), &old) >= 0)
		evict(c, old);
	if (!make_room(c, e->size_bytes, now_ms))
		return false;
	e->slot = c->free_slots[c->n_free - 1];
	if (rte_hash_add_key_with_hash_data(c->table, &key, key_signature(&key), e) != 0)
		return false;
	c->n_free--;
	c->slots[e->slot] = e;
	c->bytes += e->size_bytes;
	return true;
}

void outside_cache_put(struct outside_cache *c, const void *msg, size_t size_bytes, uint64_t now_ms)
{
	const struct punt_cache_msg *m = msg;
	struct cached *e = is_sound(m, size_bytes) ? cached_make(m) : NULL;

	if (e != NULL && store(c, e, now_ms)) {
		counter_add(&c->o.counters->stored, 1);
	} else {
		counter_add(&c->o.counters->refused, 1);
		free(e);
	}
	counter_set(&c->o.counters->entries, c->o.max_entries - c->n_free);
	counter_set(&c->o.counters->bytes, c->bytes);
}

// Looks the questions up; bit i of the result: data[i] is there.
static uint64_t find_data(const struct outside_cache *c, const struct cache_question *questions,
	unsigned n, uint64_t words[CACHE_BULK_MAX], void *data[CACHE_BULK_MAX])
{
	struct key keys[CACHE_BULK_MAX];
	hash_sig_t signatures[CACHE_BULK_MAX];
	const void *pointers[CACHE_BULK_MAX];
	uint64_t hits = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct cache_question *q = &questions[i];
		words[i] = question_word(q->policy, q->type, q->flags);
		keys[i] = question_key(c, q->hash, q->name_size, words[i]);
		signatures[i] = key_signature(&keys[i]);
		pointers[i] = &keys[i];
	}
	(void)rte_hash_lookup_with_hash_bulk_data(c->table, pointers, signatures, n, &hits, data);
	return hits;
}

static bool is_it(const struct cached *e, const struct cache_question *q, uint64_t word)
{
	return e->word == word && e->name_size == q->name_size &&
		bytes_are_equal(e->bytes, q->name, q->name_size);
}

static void mark_used(struct outside_cache *c, unsigned reader, const struct cached *e)
{
	_Atomic uint8_t *mark = &c->used[reader][e->slot];

	if (atomic_load_explicit(mark, memory_order_relaxed) == 0)
		atomic_store_explicit(mark, 1, memory_order_relaxed);
}

void outside_cache_find(struct outside_cache *c, const struct cache_reader *reader,
	const struct cache_question *questions, unsigned n, struct cache_hit *out)
{
	void *data[CACHE_BULK_MAX];
	uint64_t words[CACHE_BULK_MAX];
	uint64_t hits = find_data(c, questions, n, words, data);

	// The entries of a burst are fetched from memory side by side, not one behind the other.
	for (unsigned i = 0; i < n; i++) {
		for (unsigned at = 0; (hits >> i) & 1 && at < PREFETCH_BYTES;
			at += RTE_CACHE_LINE_SIZE)
			rte_prefetch0((const uint8_t *)data[i] + at);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct cached *e = (hits >> i) & 1 ? data[i] : NULL;
		out[i] = (struct cache_hit){0};
		if (e == NULL || !is_it(e, &questions[i], words[i]) ||
			e->policy_hash != reader->policy_hash || reader->now_ms >= e->expires_ms ||
			reader->now_ms < e->born_ms)
			continue;
		mark_used(c, reader->number, e);
		out[i].entry = entry_of(e);
		out[i].age_s = (uint32_t)((reader->now_ms - e->born_ms) / 1000);
	}
}
