// SPDX-License-Identifier: Apache-2.0
// getrandom(2) into a buffer of each thread.
#include "slowpath/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *out, size_t size_bytes)
{
	uint8_t *p = out;

	while (size_bytes > 0) {
		ssize_t n = getrandom(p, size_bytes, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort(); // Linux without getrandom: nothing here could be safe
		p += n;
		size_bytes -= (size_t)n;
	}
}

uint16_t random_u16(void)
{
	static _Thread_local uint16_t pool[128];
	static _Thread_local unsigned left;

	if (left == 0) {
		random_bytes(pool, sizeof(pool));
		left = sizeof(pool) / sizeof(pool[0]);
	}
	uint16_t v = pool[--left];
	pool[left] = 0; // used ones are not kept
	return v;
}

uint32_t random_below(uint32_t n)
{
	uint32_t limit = UINT32_MAX - UINT32_MAX % n;
	uint32_t v;

	do {
		v = (uint32_t)random_u16() << 16 | random_u16();
	} while (v >= limit);
	return v % n;
}
