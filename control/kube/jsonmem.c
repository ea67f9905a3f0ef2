// SPDX-License-Identifier: Apache-2.0
// An allocator for jansson that remembers failures. What one object needs comes from a block that
// is empty again when the last of it has been freed, which is after each object of a list.
#include "control/kube/jsonmem.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

enum { BLOCK_BYTES = 64 << 10 }; // most objects; what does not fit comes from malloc

static struct {
	alignas(max_align_t) char bytes[BLOCK_BYTES];
	size_t used;
	size_t n; // allocations that are not freed yet
} block;

static _Thread_local bool is_owner; // of the block: the thread that reads objects
static _Thread_local bool failure;

static void *block_take(size_t n)
{
	const size_t align = alignof(max_align_t);

	if (n > BLOCK_BYTES - block.used)
		return NULL;
	void *p = block.bytes + block.used;
	n = (n + align - 1) & ~(align - 1);
	block.used = n > BLOCK_BYTES - block.used ? BLOCK_BYTES : block.used + n;
	block.n++;
	return p;
}

static bool is_in_block(const void *p)
{
	return (uintptr_t)p - (uintptr_t)block.bytes < BLOCK_BYTES;
}

static void *remembering_malloc(size_t n)
{
	void *p = is_owner ? block_take(n) : NULL;

	if (p == NULL)
		p = malloc(n);
	failure = failure || p == NULL;
	return p;
}

static void release(void *p)
{
	if (!is_in_block(p))
		free(p);
	else if (--block.n == 0)
		block.used = 0;
}

void jsonmem_init(void)
{
	json_set_alloc_funcs(remembering_malloc, release);
	is_owner = true;
}

bool jsonmem_take_failure(void)
{
	bool was = failure;

	failure = false;
	return was;
}
