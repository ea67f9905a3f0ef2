// SPDX-License-Identifier: Apache-2.0
// An allocator for jansson that remembers failures.
#include "control/kube/jsonmem.h"

#include <stdlib.h>

#include <jansson.h>

static _Thread_local bool failure;

static void *remembering_malloc(size_t n)
{
	void *p = malloc(n);

	failure = failure || p == NULL;
	return p;
}

void jsonmem_init(void)
{
	json_set_alloc_funcs(remembering_malloc, free);
}

bool jsonmem_take_failure(void)
{
	bool was = failure;

	failure = false;
	return was;
}
