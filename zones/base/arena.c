// SPDX-License-Identifier: Apache-2.0
// A chunked bump allocator.
#include "zones/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size_bytes;
	size_t used_bytes;
	alignas(max_align_t) uint8_t bytes[];
};

static struct arena_chunk *chunk_new(size_t need_bytes)
{
	size_t size_bytes = need_bytes > CHUNK_BYTES ? need_bytes : CHUNK_BYTES;
	struct arena_chunk *c = malloc(sizeof(*c) + size_bytes);

	if (c == NULL)
		return NULL;
	c->next = NULL;
	c->size_bytes = size_bytes;
	c->used_bytes = 0;
	return c;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
	const size_t align = alignof(max_align_t);

	if (size_bytes > SIZE_MAX / 2)
		return NULL;
	size_bytes = (size_bytes + align - 1) & ~(align - 1);
	if (a->head == NULL || a->head->size_bytes - a->head->used_bytes < size_bytes) {
		struct arena_chunk *c = chunk_new(size_bytes);
		if (c == NULL)
			return NULL;
		c->next = a->head;
		a->head = c;
	}
	void *p = a->head->bytes + a->head->used_bytes;
	a->head->used_bytes += size_bytes;
	a->used_bytes += size_bytes;
	memset(p, 0, size_bytes);
	return p;
}

void *arena_copy(struct arena *a, const void *bytes, size_t size_bytes)
{
	void *p = arena_alloc(a, size_bytes);

	if (p != NULL && size_bytes > 0)
		memcpy(p, bytes, size_bytes);
	return p;
}

void arena_fini(struct arena *a)
{
	while (a->head != NULL) {
		struct arena_chunk *next = a->head->next;
		free(a->head);
		a->head = next;
	}
	a->used_bytes = 0;
}
