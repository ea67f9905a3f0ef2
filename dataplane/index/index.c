// SPDX-License-Identifier: Apache-2.0
// An index is filled before anybody sees it and never changes, so the table needs none of
// rte_hash's flags for concurrency: its readers take no locks.
#include "dataplane/index/index.h"

#include "zones/base/bytes.h"

#include <rte_hash.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ATTEMPTS = 8 };

struct index {
	struct rte_hash *table; // its keys are cards, their data where they stand
	struct card_endings endings;
	const struct image *img; // borrowed
	struct index_secret secret;
	uint32_t n_names;
};

int index_secret_renew(struct index_secret *s)
{
	ssize_t n = getrandom(s, sizeof(*s), 0);

	s->view_factor |= 1;
	return n == (ssize_t)sizeof(*s) ? 0 : -EIO;
}

static inline struct index_key key_hash(const struct index_secret *s, const struct name_key *key)
{
	uint64_t h = name_hash(s->bytes, key->norm, key->size_bytes);

	return (struct index_key){h + key->view * s->view_factor};
}

struct index_key index_key_of(const struct index_secret *s, const struct name_key *key)
{
	return key_hash(s, key);
}

static inline hash_sig_t key_signature(const struct index_key *k)
{
	return (hash_sig_t)(k->hash >> 32);
}

// rte_hash wants a function of its own, which is never called: all signatures are given.
static uint32_t table_hash(const void *key, uint32_t size, uint32_t init)
{
	(void)size;
	(void)init;
	return key_signature(key);
}

// Of a card only its key counts: whoever looks up has nothing but that.
static int table_compare(const void *a, const void *b, size_t size_bytes)
{
	(void)size_bytes;
	return ((const struct index_key *)a)->hash != ((const struct index_key *)b)->hash;
}

static struct name_key entry_key(const struct image *img, const struct image_name *n)
{
	return (struct name_key){image_name_wire(img, n), n->name_size, 0, n->view};
}

// Entries that differ only in their underscores stand together and share a key.
static bool is_same_name(const struct image *img, uint32_t i, uint32_t j)
{
	const struct image_name *a = &img->names[i], *b = &img->names[j];

	return a->view == b->view && a->name_size == b->name_size &&
		memcmp(image_name_wire(img, a), image_name_wire(img, b), a->name_size) == 0;
}

static uint32_t count_names(const struct image *img)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < img->n_names; i++)
		n += i == 0 || !is_same_name(img, i - 1, i);
	return n;
}

static struct rte_hash *table_new(uint32_t entries)
{
	static _Atomic unsigned serial;
	char name[RTE_HASH_NAMESIZE];

	(void)snprintf(name, sizeof(name), "index-%u", atomic_fetch_add(&serial, 1));
	const struct rte_hash_parameters params = {.name = name,
		.entries = entries,
		.key_len = sizeof(struct index_card),
		.hash_func = table_hash,
		.socket_id = SOCKET_ID_ANY};
	struct rte_hash *table = rte_hash_create(&params);
	if (table != NULL)
		rte_hash_set_cmp_func(table, table_compare);
	return table;
}

static struct index_card card_make(struct index *ix, const struct image *img, uint32_t i)
{
	const struct image_name *n = &img->names[i];
	struct index_card c = {
		.name = i, .view = n->view, .us_mask = n->us_mask & 15u, .flags = n->flags};

	card_sets(&c, img, n);
	card_name(&c, &ix->endings, image_name_wire(img, n), n->name_size);
	return c;
}

// The table copies a card, and then learns where the copy is.
static int card_add(struct rte_hash *table, const struct index_card *c, hash_sig_t signature)
{
	void *copy = NULL;
	int32_t at = rte_hash_add_key_with_hash(table, c, signature);

	if (at < 0 || rte_hash_get_key_with_position(table, at, &copy) != 0)
		return -ENOSPC;
	return rte_hash_add_key_with_hash_data(table, copy, signature, copy) == 0 ? 0 : -ENOSPC;
}

// 0, -ENOSPC when a bucket overflows, -EEXIST when two names share a key.
static int table_fill(struct index *ix, const struct image *img, const struct index_secret *secret,
	index_key_fn *fn)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < img->n_names; i++) {
		if (i > 0 && is_same_name(img, i - 1, i))
			continue;
		struct name_key name = entry_key(img, &img->names[i]);
		struct index_card card = card_make(ix, img, i);
		struct index_key key = fn(secret, &name);
		card.key = key.hash;
		if (card_add(ix->table, &card, key_signature(&key)) != 0)
			return -ENOSPC;
		n++;
	}
	// Adding a key that is there replaces it: a collision shows in the count.
	return rte_hash_count(ix->table) == (int32_t)n ? 0 : -EEXIST;
}

void index_free(struct index *ix)
{
	if (ix == NULL)
		return;
	rte_hash_free(ix->table);
	free(ix);
}

int index_build_with(
	const struct image *img, struct index_secret *secret, index_key_fn *fn, struct index **out)
{
	uint32_t n = count_names(img);
	// Buckets are counted in powers of two; a fifth of the room stays free for cuckoo moves.
	uint64_t entries = 64 + n + (uint64_t)n / 4;
	struct index *ix = calloc(1, sizeof(*ix));
	int rc = ix == NULL ? -ENOMEM : -EIO;

	for (int i = 0; i < ATTEMPTS && rc != 0 && rc != -ENOMEM; i++) {
		ix->table = table_new((uint32_t)entries);
		rc = ix->table == NULL ? -ENOMEM : table_fill(ix, img, secret, fn);
		if (rc == 0)
			break;
		rte_hash_free(ix->table);
		ix->table = NULL;
		if (rc == -ENOSPC)
			entries *= 2;
		if (rc == -EEXIST && index_secret_renew(secret) != 0)
			rc = -ENOMEM; // without randomness nothing gets better
	}
	if (rc != 0) {
		index_free(ix);
		return rc == -ENOMEM ? rc : -EIO;
	}
	ix->img = img;
	ix->secret = *secret;
	ix->n_names = n;
	*out = ix;
	return 0;
}

int index_build(const struct image *img, struct index_secret *secret, struct index **out)
{
	return index_build_with(img, secret, index_key_of, out);
}

uint32_t index_names(const struct index *ix)
{
	return ix->n_names;
}

// Keys of one burst, hashed once for all indexes that share a secret.
struct bulk {
	const struct name_key *const *names;
	unsigned n;
	const void *pointers[INDEX_BULK_MAX];
	hash_sig_t signatures[INDEX_BULK_MAX];
	void *data[INDEX_BULK_MAX];
};

static void bulk_hash(struct bulk *b, const struct index_secret *s, struct index_key *keys)
{
	for (unsigned i = 0; i < b->n; i++)
		keys[i] = key_hash(s, b->names[i]);
}

static void bulk_keys(struct bulk *b, const struct index_key *keys)
{
	for (unsigned i = 0; i < b->n; i++) {
		b->pointers[i] = &keys[i];
		b->signatures[i] = key_signature(&keys[i]);
	}
}

static inline bool is_of(
	const struct index *ix, const struct index_card *c, const struct name_key *key)
{
	return c->view == key->view && c->name_size == key->size_bytes &&
		((c->us_mask >> key->underscores) & 1u) != 0 &&
		card_is_of(c, &ix->endings, key->norm);
}

// A card whose name is too long for it, or whose other entries may be meant.
__attribute__((noinline)) static bool take_other(const struct index *ix, const struct index_card *c,
	const struct name_key *key, struct index_hit *out)
{
	const struct image_name *n = snapshot_match(ix->img, c->name, key);

	if (n == NULL)
		return false;
	if (!(n->flags & NAME_TOMBSTONE))
		out->found = (struct found){ix->img, n};
	return true;
}

// True when the index knows the name, be it as gone.
static inline bool take(const struct index *ix, const struct index_card *c,
	const struct name_key *key, struct index_hit *out)
{
	if (!is_of(ix, c, key))
		return take_other(ix, c, key, out);
	if (!(c->flags & NAME_TOMBSTONE))
		*out = (struct index_hit){{ix->img, &ix->img->names[c->name]}, c};
	return true;
}

// Takes the hits of one index; done names the keys that need no other index.
static uint64_t bulk_take(
	struct bulk *b, const struct index *ix, uint64_t done, struct index_hit *out)
{
	uint64_t hits = 0;

	if (rte_hash_lookup_with_hash_bulk_data(
		    ix->table, b->pointers, b->signatures, b->n, &hits, b->data) <= 0)
		return done;
	for (uint64_t left = hits & ~done; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		if (take(ix, b->data[i], b->names[i], &out[i]))
			done |= UINT64_C(1) << i;
	}
	return done;
}

const struct index_secret *index_secret_of(const struct index_pair *p)
{
	const struct index *ix = p->overlay != NULL ? p->overlay : p->base;

	if (ix == NULL || (p->base != NULL && p->base->secret.id != ix->secret.id))
		return NULL;
	return &ix->secret;
}

void index_find_keys(const struct index_pair *p, const struct name_key *const *names,
	const struct index_key *keys, unsigned n, struct index_hit *out)
{
	struct bulk b;
	uint64_t done = 0;

	b.names = names;
	b.n = n;
	for (unsigned i = 0; i < n; i++)
		out[i] = (struct index_hit){0};
	if (n == 0)
		return;
	bulk_keys(&b, keys);
	if (p->overlay != NULL)
		done = bulk_take(&b, p->overlay, done, out);
	if (p->base != NULL)
		(void)bulk_take(&b, p->base, done, out);
}

void index_find_bulk(const struct index_pair *p, const struct name_key *const *keys, unsigned n,
	struct index_hit *out)
{
	struct index_key hashed[INDEX_BULK_MAX];
	struct bulk b;
	uint64_t done = 0;

	b.names = keys;
	b.n = n;
	for (unsigned i = 0; i < n; i++)
		out[i] = (struct index_hit){0};
	if (n == 0)
		return;
	if (p->overlay != NULL) {
		bulk_hash(&b, &p->overlay->secret, hashed);
		bulk_keys(&b, hashed);
		done = bulk_take(&b, p->overlay, done, out);
	}
	if (p->base != NULL) {
		if (p->overlay == NULL || p->overlay->secret.id != p->base->secret.id) {
			bulk_hash(&b, &p->base->secret, hashed);
			bulk_keys(&b, hashed);
		}
		(void)bulk_take(&b, p->base, done, out);
	}
}

void index_find(const struct index_pair *p, const struct name_key *key, struct found *out)
{
	struct index_hit hit;

	index_find_bulk(p, &key, 1, &hit);
	*out = hit.found;
}
