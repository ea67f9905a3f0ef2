// SPDX-License-Identifier: Apache-2.0
// Chained buckets that double when there are as many nodes as buckets.
#include "control/store/table.h"

#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_MIN = 16 };

static struct table_node *same_hash(struct table_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->chain;
	return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
	if (t->n_buckets == 0)
		return NULL;
	return same_hash(t->buckets[hash & (t->n_buckets - 1)], hash);
}

struct table_node *table_next(const struct table_node *node)
{
	return same_hash(node->chain, node->hash);
}

static void link_in(struct table *t, struct table_node *node)
{
	struct table_node **bucket = &t->buckets[node->hash & (t->n_buckets - 1)];

	node->chain = *bucket;
	*bucket = node;
}

// Failing to grow an existing table only makes chains longer.
static int grow(struct table *t)
{
	size_t n = t->n_buckets == 0 ? BUCKETS_MIN : t->n_buckets * 2;
	struct table_node **buckets = calloc(n, sizeof(struct table_node *));

	if (buckets == NULL)
		return t->n_buckets == 0 ? -ENOMEM : 0;
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = n;
	for (struct table_node *node = t->first; node != NULL; node = node->next)
		link_in(t, node);
	return 0;
}

int table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	if (t->n >= t->n_buckets) {
		int rc = grow(t);
		if (rc != 0)
			return rc;
	}
	node->hash = hash;
	link_in(t, node);
	node->prev = t->last;
	node->next = NULL;
	if (t->last != NULL)
		t->last->next = node;
	else
		t->first = node;
	t->last = node;
	t->n++;
	return 0;
}

void table_del(struct table *t, struct table_node *node)
{
	struct table_node **at = &t->buckets[node->hash & (t->n_buckets - 1)];

	while (*at != node)
		at = &(*at)->chain;
	*at = node->chain;
	if (t->cursor == node)
		t->cursor = node->next;
	if (node->prev != NULL)
		node->prev->next = node->next;
	else
		t->first = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
	else
		t->last = node->prev;
	t->n--;
}

void table_rewind(struct table *t)
{
	t->cursor = t->first;
}

struct table_node *table_walk(struct table *t)
{
	struct table_node *node = t->cursor;

	if (node != NULL)
		t->cursor = node->next;
	return node;
}

void table_fini(struct table *t)
{
	free(t->buckets);
	*t = (struct table){0};
}
