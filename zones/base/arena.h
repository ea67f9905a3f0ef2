// SPDX-License-Identifier: Apache-2.0
// Memory of one build, freed whole. Not for threads to share; nothing inside is freed singly.
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	size_t used_bytes; // handed out in all
};

// Zeroed storage aligned for any type, owned by the arena; NULL when memory is short.
void *arena_alloc(struct arena *a, size_t size_bytes);

// A copy of size_bytes bytes, owned by the arena; NULL when memory is short.
void *arena_copy(struct arena *a, const void *bytes, size_t size_bytes);

// Frees everything; accepts the zeroed struct and leaves it zeroed.
void arena_fini(struct arena *a);
