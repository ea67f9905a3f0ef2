// SPDX-License-Identifier: Apache-2.0
// Hash table of nodes that live inside the things they are about. The nodes also form a list in
// the order in which they were added, which one slow walk at a time may follow while nodes come
// and go.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *chain; // same bucket
	struct table_node *prev, *next; // in order of addition
	uint64_t hash;
};

// Zeroed is empty. The nodes are owned by the caller.
struct table {
	struct table_node **buckets;
	size_t n_buckets;
	size_t n;
	struct table_node *first, *last;
	struct table_node *cursor; // where the slow walk goes on
};

// The first node with this hash, or NULL; the caller compares keys.
struct table_node *table_first(const struct table *t, uint64_t hash);
// The next one with the same hash, or NULL.
struct table_node *table_next(const struct table_node *node);

// 0 or -ENOMEM (then nothing was added).
[[nodiscard]] int table_add(struct table *t, struct table_node *node, uint64_t hash);
void table_del(struct table *t, struct table_node *node);

// Takes the node out of the list of the slow walk: begins it, and gives its next node or NULL.
// Every node that is there from beginning to end is seen once.
void table_rewind(struct table *t);
struct table_node *table_walk(struct table *t);

// Frees the buckets; the nodes must be gone or are forgotten.
void table_fini(struct table *t);
