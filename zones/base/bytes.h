// SPDX-License-Identifier: Apache-2.0
// Short copies and comparisons in the hot path, where a call would cost more than the work: whole
// blocks, the last of which overlaps the one before it, so that nothing outside is touched. The
// compiler makes vector instructions of a block where there are any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BYTES_BLOCK = 16 };

typedef uint64_t bytes_block __attribute__((vector_size(BYTES_BLOCK)));

static inline bytes_block bytes_block_at(const uint8_t *p)
{
	bytes_block v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t bytes_word_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool bytes_are_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	if (n < 8)
		return memcmp(a, b, n) == 0;
	if (n <= BYTES_BLOCK)
		return ((bytes_word_at(a) ^ bytes_word_at(b)) |
			       (bytes_word_at(a + n - 8) ^ bytes_word_at(b + n - 8))) == 0;
	bytes_block diff =
		bytes_block_at(a + n - BYTES_BLOCK) ^ bytes_block_at(b + n - BYTES_BLOCK);
	for (size_t i = 0; i < n - BYTES_BLOCK; i += BYTES_BLOCK)
		diff |= bytes_block_at(a + i) ^ bytes_block_at(b + i);
	return (diff[0] | diff[1]) == 0;
}

// The two do not overlap.
static inline void bytes_copy(uint8_t *to, const uint8_t *from, size_t n)
{
	if (n < BYTES_BLOCK) {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
		return;
	}
	for (size_t i = 0; i < n - BYTES_BLOCK; i += BYTES_BLOCK)
		memcpy(to + i, from + i, BYTES_BLOCK);
	memcpy(to + n - BYTES_BLOCK, from + n - BYTES_BLOCK, BYTES_BLOCK);
}
