// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: doubles, is capped, has jitter, and forgets after a quiet
// time (api:1.1).
#pragma once

#include <stdint.h>

struct backoff {
	unsigned next_ms; // 0: start over
	uint64_t used_ms; // when it was last asked
};

struct backoff_rule {
	unsigned first_ms;
	unsigned max_ms;
	unsigned reset_ms;
};

// The next wait, in [d, 2d) of a d that doubles.
static inline unsigned backoff_take(
	struct backoff *b, const struct backoff_rule *rule, uint64_t now_ms, uint32_t random)
{
	unsigned d = b->next_ms;

	if (d == 0 || now_ms - b->used_ms > rule->reset_ms)
		d = rule->first_ms;
	if (d > rule->max_ms)
		d = rule->max_ms;
	b->next_ms = d * 2;
	b->used_ms = now_ms;
	return d + (unsigned)(((uint64_t)d * random) >> 32);
}
