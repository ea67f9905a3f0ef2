// SPDX-License-Identifier: Apache-2.0
// Doubling growth of malloc'ed arrays with checked arithmetic.
#include "zones/base/array.h"

#include <stdint.h>
#include <stdlib.h>

void *array_grow(void *items, size_t *cap, size_t want, size_t elem_bytes)
{
	size_t n = *cap == 0 ? 16 : *cap;

	if (want <= *cap && items != NULL)
		return items;
	while (n < want) {
		if (n > SIZE_MAX / 2)
			return NULL;
		n *= 2;
	}
	if (n > SIZE_MAX / elem_bytes)
		return NULL;
	void *grown = realloc(items, n * elem_bytes);
	if (grown != NULL)
		*cap = n;
	return grown;
}
