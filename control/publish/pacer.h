// SPDX-License-Identifier: Apache-2.0
// When to publish: at once, as long as publishing takes at most a fifth of a core; and when to
// fold: when the publishes since the last fold have cost as much as a fold (DESIGN 3, 6). Times are
// nanoseconds of CLOCK_MONOTONIC.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	PACER_REST = 4, // times what a publish took: a fifth of the time in all
	PACER_FOLD_MIN_NS = 5000000, // cheaper than this no fold is worth its index
};

struct pacer {
	uint64_t free_at_ns;
	uint64_t spent_ns; // on overlays since the last fold
	uint64_t fold_ns; // what the last fold cost
};

static inline void pacer_published(struct pacer *p, uint64_t now_ns, uint64_t cost_ns)
{
	p->free_at_ns = now_ns + PACER_REST * cost_ns;
	p->spent_ns += cost_ns;
}

static inline void pacer_folded(struct pacer *p, uint64_t cost_ns)
{
	p->fold_ns = cost_ns;
	p->spent_ns = 0;
}

static inline uint64_t pacer_wait_ns(const struct pacer *p, uint64_t now_ns)
{
	return p->free_at_ns > now_ns ? p->free_at_ns - now_ns : 0;
}

static inline bool pacer_wants_fold(const struct pacer *p)
{
	return p->spent_ns >= PACER_FOLD_MIN_NS && p->spent_ns >= p->fold_ns;
}
