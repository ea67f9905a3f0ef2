// SPDX-License-Identifier: Apache-2.0
// The keyed hash of names: a name's blocks of 16 bytes, the last one filled up with zeros, each
// multiplied out under its own part of the secret. Whoever has a name in registers hashes it there.
#pragma once

#include "zones/base/bytes.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NAME_HASH_SECRET_BYTES = 256 }; // a part for each block of the longest name

// Adds the block at offset `at` to a sum that began with 0.
static inline uint64_t name_hash_block(
	uint64_t sum, const uint8_t *secret, size_t at, const uint64_t halves[2])
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(halves[0] ^ bytes_word_at(secret + at)) *
		(halves[1] ^ bytes_word_at(secret + at + 8));

	return sum + ((uint64_t)product ^ (uint64_t)(product >> 64));
}

static inline uint64_t name_hash_end(uint64_t sum)
{
	sum = (sum ^ sum >> 37) * UINT64_C(0x165667919e3779f9);
	return sum ^ sum >> 32;
}

static inline uint64_t name_hash(const uint8_t *secret, const uint8_t *name, size_t size_bytes)
{
	uint64_t halves[2], sum = 0;
	size_t at = 0;

	for (; at + sizeof(halves) <= size_bytes; at += sizeof(halves)) {
		memcpy(halves, name + at, sizeof(halves));
		sum = name_hash_block(sum, secret, at, halves);
	}
	if (at < size_bytes) {
		halves[0] = halves[1] = 0;
		memcpy(halves, name + at, size_bytes - at);
		sum = name_hash_block(sum, secret, at, halves);
	}
	return name_hash_end(sum);
}
