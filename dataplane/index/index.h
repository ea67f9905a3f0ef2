// SPDX-License-Identifier: Apache-2.0
// rte_hash over the names of one image. Keys are a keyed 64-bit hash of view and name: whoever
// chooses names cannot choose where they land. Gives exactly what snapshot_find
// gives; a test asks both for every name.
#pragma once

#include "dataplane/index/card.h"

#include "zones/base/name_hash.h"

#include "zones/snapshot/snapshot.h"

#include <stddef.h>
#include <stdint.h>

enum { INDEX_SECRET_BYTES = NAME_HASH_SECRET_BYTES, INDEX_BULK_MAX = 64 };

struct index_secret {
	uint64_t id; // indexes with the same id share the secret
	uint64_t view_factor; // odd
	uint8_t bytes[INDEX_SECRET_BYTES];
};

struct index;

// What workers look up in: both may be NULL, the overlay comes first.
struct index_pair {
	const struct index *base, *overlay;
};

// A fresh random secret. 0 or -errno.
[[nodiscard]] int index_secret_renew(struct index_secret *s);

// Indexes the image, which must outlive the index; takes a fresh secret when two names share a
// key. Allocates from DPDK's heap: never on a worker. 0, -ENOMEM, or -EIO after several collisions.
[[nodiscard]] int index_build(
	const struct image *img, struct index_secret *secret, struct index **out);
void index_free(struct index *ix); // NULL is fine

// The same with a hash of the caller's: for the test of collisions.
struct index_key {
	uint64_t hash;
};

// The key of a name whose blocks add up to sum (name_hash.h).
static inline struct index_key index_key_from(
	const struct index_secret *s, uint64_t sum, uint16_t view)
{
	return (struct index_key){name_hash_end(sum) + view * s->view_factor};
}

typedef struct index_key index_key_fn(const struct index_secret *s, const struct name_key *key);
[[nodiscard]] int index_build_with(
	const struct image *img, struct index_secret *secret, index_key_fn *fn, struct index **out);
struct index_key index_key_of(const struct index_secret *s, const struct name_key *key);

void index_find(const struct index_pair *p, const struct name_key *key, struct found *out);

// The secret of all keys, or NULL: the two indexes have different ones, or there is none.
const struct index_secret *index_secret_of(const struct index_pair *p);

// Where a name was found.
struct index_hit {
	struct found found;
	const struct index_card *card; // of found.name; NULL: there is none of this entry
};

// The same for n keys at once, at most INDEX_BULK_MAX; out has n entries.
void index_find_bulk(const struct index_pair *p, const struct name_key *const *keys, unsigned n,
	struct index_hit *out);

// index_find_bulk for who has the keys already, made with index_secret_of.
void index_find_keys(const struct index_pair *p, const struct name_key *const *names,
	const struct index_key *keys, unsigned n, struct index_hit *out);

// Distinct (view, name) pairs, and bytes of DPDK's heap (roughly).
uint32_t index_names(const struct index *ix);
