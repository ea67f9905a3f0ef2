// SPDX-License-Identifier: Apache-2.0
// One shared number. It has exactly one writer, and readers in other processes who see it grow.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter_t;

// Single writer: a plain add that readers in other processes see.
static inline void counter_add(counter_t *c, uint64_t n)
{
	atomic_store_explicit(
		c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void counter_set(counter_t *c, uint64_t v)
{
	atomic_store_explicit(c, v, memory_order_relaxed);
}

// What readers copy as a whole: its version is odd while its one writer replaces it, and another
// even one afterwards. Begin returns what end takes.
static inline uint64_t version_begin(counter_t *version)
{
	uint64_t odd = counter_get(version) | 1;

	counter_set(version, odd);
	atomic_thread_fence(memory_order_release);
	return odd;
}

static inline void version_end(counter_t *version, uint64_t odd)
{
	atomic_store_explicit(version, odd + 1, memory_order_release);
}
