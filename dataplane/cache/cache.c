// SPDX-License-Identifier: Apache-2.0
// rte_hash in its lock-free mode with extendable buckets and deferred deletes. Entries are found by
// a keyed hash of the question, so that nobody can choose where they land; the question itself is
// compared. The keys in the table are cards (struct cached), their data where they stand. Eviction
// is CLOCK over slots: workers mark in arrays of their own what they used.
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
	PREFETCH_BYTES = 256, // of an entry, at most
	// An entry's records begin with a line, so that a hit reads no more lines than it must.
	ENTRY_AT = RTE_CACHE_LINE_SIZE - sizeof(struct entry),
};

_Static_assert(sizeof(struct entry) <= RTE_CACHE_LINE_SIZE, "an entry's head is within a line");

struct outside_cache {
	struct outside_cache_options o;
	struct rte_hash *table;
	const struct cached **slots; // max_entries; in the table; writer only
	uint32_t *free_slots;
	uint32_t n_free, hand;
	uint64_t bytes;
	struct cache_secret secret;
	_Atomic uint8_t *used[CACHE_READERS_MAX]; // a worker marks slots, the writer clears
};

// Where an entry was allocated, and how much.
static void *entry_base(const struct cached *c)
{
	return (uint8_t *)(uintptr_t)c->entry - ENTRY_AT;
}

static size_t base_bytes(size_t records_bytes, size_t name_size)
{
	return RTE_ALIGN_CEIL(
		RTE_CACHE_LINE_SIZE + records_bytes + name_size, (size_t)RTE_CACHE_LINE_SIZE);
}

// Of everything, for the bound.
static size_t counted_bytes(const struct cached *c)
{
	return base_bytes(cached_bytes(c), cache_key_name_size(&c->key)) + ALLOCATION_BYTES;
}

static hash_sig_t key_signature(const struct cache_key *k)
{
	return (hash_sig_t)(k->low >> 32);
}

// Signatures are given to rte_hash, but for one look-up of its own, of a card in the table.
static uint32_t table_hash(const void *key, uint32_t size, uint32_t init)
{
	(void)size;
	(void)init;
	return key_signature(key);
}

// Of a card only its key counts: whoever looks up has nothing but that.
static int table_compare(const void *a, const void *b, size_t size_bytes)
{
	const struct cache_key *x = a, *y = b;

	(void)size_bytes;
	return ((x->low ^ y->low) | (x->high ^ y->high)) != 0;
}

// Called by rte_hash when no reader can hold the entry any more; by later versions also for the
// data that another takes the place of, which is none here (table_add).
static void on_unused(void *ctx, void *data)
{
	(void)ctx;
	if (data != NULL)
		free(entry_base(data));
}

static bool table_make(struct outside_cache *c)
{
	static _Atomic unsigned serial;
	char name[RTE_HASH_NAMESIZE];

	(void)snprintf(name, sizeof(name), "outside-%u", atomic_fetch_add(&serial, 1));
	const struct rte_hash_parameters params = {.name = name,
		.entries = c->o.max_entries * 2, // deleted keys wait for their readers
		.key_len = sizeof(struct cached),
		.hash_func = table_hash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE};
	struct rte_hash_rcu_config rcu = {.v = c->o.qsbr,
		.mode = RTE_HASH_QSBR_MODE_DQ,
		.max_reclaim_size = 64,
		.free_key_data_func = on_unused};

	c->table = rte_hash_create(&params);
	if (c->table == NULL)
		return false;
	rte_hash_set_cmp_func(c->table, table_compare);
	return rte_hash_rcu_qsbr_add(c->table, &rcu) == 0;
}

static bool arrays_make(struct outside_cache *c)
{
	uint32_t n = c->o.max_entries;

	c->slots = calloc(n, sizeof(c->slots[0]));
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

static bool secret_make(struct cache_secret *s)
{
	ssize_t n = getrandom(s, sizeof(*s), 0);

	s->factor |= 1;
	return n == (ssize_t)sizeof(*s);
}

struct outside_cache *outside_cache_new(const struct outside_cache_options *o)
{
	struct outside_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->o = *o;
	if (secret_make(&c->secret) && o->n_readers <= CACHE_READERS_MAX &&
		o->max_entries <= CACHE_SLOTS_MAX && table_make(c) && arrays_make(c))
		return c;
	outside_cache_free(c);
	return NULL;
}

void outside_cache_free(struct outside_cache *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; c->slots != NULL && i < c->o.max_entries; i++) {
		if (c->slots[i] != NULL)
			free(entry_base(c->slots[i]));
	}
	for (unsigned i = 0; i < c->o.n_readers && i < CACHE_READERS_MAX; i++)
		rte_free((void *)(uintptr_t)c->used[i]);
	rte_hash_free(c->table); // frees what waits for readers
	free((void *)c->slots);
	free(c->free_slots);
	free(c);
}

const struct cache_secret *outside_cache_secret(const struct outside_cache *c)
{
	return &c->secret;
}

_Atomic uint8_t *outside_cache_marks(const struct outside_cache *c, unsigned reader)
{
	return c->used[reader];
}

// Takes an entry out; readers may go on using it until they are quiescent.
static void evict(struct outside_cache *c, const struct cached *e)
{
	c->slots[e->slot] = NULL;
	c->free_slots[c->n_free++] = e->slot;
	c->bytes -= counted_bytes(e);
	// The key is there, so this cannot fail; it hands e to on_unused.
	(void)rte_hash_del_key_with_hash(c->table, e, key_signature(&e->key));
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

static bool is_alive(const struct cached *e, uint64_t now_ms)
{
	return e->born_ms > now_ms || now_ms - e->born_ms < e->life_ms;
}

// Makes room: first what expired or was not used since the hand came by.
static bool make_room(struct outside_cache *c, size_t size_bytes, uint64_t now_ms)
{
	unsigned evicted = 0;

	for (unsigned i = 0; i < EVICT_STEPS && is_full(c, size_bytes); i++) {
		const struct cached *e = c->slots[c->hand];
		uint32_t slot = c->hand;
		c->hand = (c->hand + 1) & (c->o.max_entries - 1);
		if (e == NULL || (take_mark(c, slot) && is_alive(e, now_ms)))
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

// Freed by its entry_base. NULL: no memory.
static struct entry *entry_new(size_t records_bytes, size_t name_size)
{
	uint8_t *base = aligned_alloc(RTE_CACHE_LINE_SIZE, base_bytes(records_bytes, name_size));

	return base == NULL ? NULL : (struct entry *)(base + ENTRY_AT);
}

// A copy of the entry, without what is not kept, and the name behind it.
static struct entry *entry_copy(const struct entry *e, const uint8_t *name)
{
	const struct entry_view view = {.is_cached = true};
	uint16_t n_ns = entry_drops_authority(e, &view) ? 0 : e->n_ns;
	size_t n = (size_t)e->n_an + n_ns;
	size_t rr_bytes = entry_rr_start(e, n);
	size_t records_bytes = n * sizeof(e->rrs[0]) + rr_bytes;
	struct entry *copy = entry_new(records_bytes, e->qname_size);

	if (copy == NULL)
		return NULL;
	memcpy(copy, e, sizeof(*e));
	copy->n_ns = n_ns;
	copy->rr_bytes = (uint32_t)rr_bytes;
	memcpy(copy->rrs, e->rrs, n * sizeof(e->rrs[0]));
	memcpy(copy->rrs + n, entry_bytes(e), rr_bytes);
	memcpy((uint8_t *)copy->rrs + records_bytes, name, e->qname_size);
	return copy;
}

// What workers write themselves of an entry is plain: no option, whole, and no error, which would
// be none to port 53 (proto:H20).
static void card_fill(struct cached *c, const struct entry *e)
{
	c->entry = e;
	c->is_plain = e->ede == EDE_NONE && !e->is_truncated &&
		(e->rcode == RCODE_NOERROR || e->rcode == RCODE_NXDOMAIN);
	c->is_denial = e->kind != ENTRY_SUCCESS;
	c->is_rotated = e->n_rotated > 1;
	c->flags = (uint16_t)(e->rcode | (e->has_aa ? HEADER_AA : 0) | (e->has_ra ? HEADER_RA : 0) |
		(e->has_ad ? HEADER_AD : 0));
	c->n_an = e->n_an;
	c->n_ns = e->n_ns;
	c->rr_bytes = (uint16_t)e->rr_bytes;
}

// The card of a message, but for its slot. False: no memory.
static bool card_make(
	const struct outside_cache *c, const struct punt_cache_msg *m, struct cached *out)
{
	const struct cache_question q = {.hash = name_hash(c->secret.name, m->name, m->name_size),
		.name_size = m->name_size,
		.flags = m->flags,
		.type = m->type,
		.policy = m->policy};
	const struct entry *e = entry_copy((const void *)(m + 1), m->name);

	if (e == NULL)
		return false;
	*out = (struct cached){.key = cache_key_of(&c->secret, &q),
		.policy_hash = m->policy_hash,
		.born_ms = m->born_ms,
		.life_ms = (uint32_t)RTE_MIN(m->expires_ms - m->born_ms, (uint64_t)UINT32_MAX)};
	card_fill(out, e);
	return true;
}

// The table copies a card, and then learns where the copy is. In between readers find no data,
// which is a miss. NULL: it is full.
static const struct cached *table_add(struct rte_hash *table, const struct cached *card)
{
	hash_sig_t signature = key_signature(&card->key);
	int32_t at = rte_hash_add_key_with_hash(table, card, signature);
	void *copy = NULL;

	// Neither fails for a key that is there.
	if (at < 0 || rte_hash_get_key_with_position(table, at, &copy) != 0 ||
		rte_hash_add_key_with_hash_data(table, copy, signature, copy) != 0)
		return NULL;
	return copy;
}

static bool store(struct outside_cache *c, struct cached *card, uint64_t now_ms)
{
	void *old = NULL;

	if (rte_hash_lookup_with_hash_data(c->table, card, key_signature(&card->key), &old) >= 0)
		evict(c, old);
	if (!make_room(c, counted_bytes(card), now_ms))
		return false;
	card->slot = c->free_slots[c->n_free - 1] & (CACHE_SLOTS_MAX - 1);
	const struct cached *e = table_add(c->table, card);
	if (e == NULL)
		return false;
	c->n_free--;
	c->slots[e->slot] = e;
	c->bytes += counted_bytes(e);
	return true;
}

void outside_cache_put(struct outside_cache *c, const void *msg, size_t size_bytes, uint64_t now_ms)
{
	const struct punt_cache_msg *m = msg;
	struct cached card;
	bool is_made = is_sound(m, size_bytes) && card_make(c, m, &card);

	if (is_made && store(c, &card, now_ms)) {
		counter_add(&c->o.counters->stored, 1);
	} else {
		counter_add(&c->o.counters->refused, 1);
		if (is_made)
			free(entry_base(&card));
	}
	counter_set(&c->o.counters->entries, c->o.max_entries - c->n_free);
	counter_set(&c->o.counters->bytes, c->bytes);
}

// Of what a hit reads, the lines that the look-up did not.
static inline void entry_prefetch(const struct cached *c)
{
	const uint8_t *from = (const uint8_t *)c->entry->rrs;
	const uint8_t *end =
		from + RTE_MIN(cached_bytes(c) + cache_key_name_size(&c->key), PREFETCH_BYTES);

	for (; from < end; from += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(from);
}

void outside_cache_look(const struct outside_cache *c, const struct cache_key *keys, unsigned n,
	const struct cached **out)
{
	hash_sig_t signatures[CACHE_BULK_MAX];
	const void *pointers[CACHE_BULK_MAX];
	void *data[CACHE_BULK_MAX];
	uint64_t hits = 0;

	for (unsigned i = 0; i < n; i++) {
		signatures[i] = key_signature(&keys[i]);
		pointers[i] = &keys[i];
	}
	(void)rte_hash_lookup_with_hash_bulk_data(c->table, pointers, signatures, n, &hits, data);
	// The entries of a burst are fetched from memory side by side, not one behind the other.
	for (unsigned i = 0; i < n; i++) {
		out[i] = (hits >> i) & 1 ? data[i] : NULL;
		if (out[i] == NULL)
			continue;
		entry_prefetch(out[i]);
	}
}

void outside_cache_find(const struct outside_cache *c, const struct cache_reader *reader,
	const struct cache_question *questions, unsigned n, struct cache_hit *out)
{
	struct cache_key keys[CACHE_BULK_MAX];
	const struct cached *found[CACHE_BULK_MAX];

	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		keys[i] = cache_key_of(&c->secret, &questions[i]);
	outside_cache_look(c, keys, n, found);
	for (unsigned i = 0; i < n; i++) {
		const struct cache_question *q = &questions[i];
		const struct cached *e = found[i];
		out[i] = (struct cache_hit){0};
		if (!cached_is_for(e, reader, q->name, q->name_size))
			continue;
		cached_mark(e, c->used[reader->number]);
		out[i] = (struct cache_hit){e->entry, cached_age_s(e, reader)};
	}
}
