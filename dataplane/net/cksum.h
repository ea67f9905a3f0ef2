// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071). Sums are kept in memory order: they can be stored as they are
// on any byte order, because the ones' complement sum does not care (RFC 1071 2 B).
#pragma once

#include "dataplane/net/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Ones' complement addition: the carry comes in again at the other end.
static inline uint64_t cksum_plus(uint64_t sum, uint64_t v)
{
	// As a carry flag: told by a comparison, it would cost three instructions more for each
	// word.
	uint64_t carry = __builtin_add_overflow(sum, v, &sum);

	return sum + carry;
}

// Fewer than eight bytes, as they would stand at the start of a word.
static inline uint64_t cksum_tail(const uint8_t *p, size_t size_bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size_bytes; i++)
		word |= (uint64_t)p[i] << (8 * i);
	return word;
}

static inline uint64_t cksum_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

// Adds size_bytes bytes; an odd last byte is padded with zero. Hosts are little-endian, as for
// images: the last bytes come out of the word that ends with them.
static inline uint64_t cksum_add(uint64_t sum, const uint8_t *p, size_t size_bytes)
{
	if (size_bytes < 8)
		return cksum_plus(sum, cksum_tail(p, size_bytes));
	for (; size_bytes >= 32; size_bytes -= 32, p += 32) {
		sum = cksum_plus(sum, cksum_word(p));
		sum = cksum_plus(sum, cksum_word(p + 8));
		sum = cksum_plus(sum, cksum_word(p + 16));
		sum = cksum_plus(sum, cksum_word(p + 24));
	}
	if (size_bytes & 16) {
		sum = cksum_plus(sum, cksum_word(p));
		sum = cksum_plus(sum, cksum_word(p + 8));
		p += 16;
	}
	if (size_bytes & 8) {
		sum = cksum_plus(sum, cksum_word(p));
		p += 8;
	}
	size_bytes &= 7;
	if (size_bytes == 0)
		return sum;
	return cksum_plus(sum, cksum_word(p + size_bytes - 8) >> (64 - 8 * size_bytes));
}

// A sum and itself with its halves exchanged: what is carried out of one half comes into the other.
static inline uint16_t cksum_fold(uint64_t sum)
{
	sum += sum << 32 | sum >> 32;
	uint32_t half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

// Whether a sum of something is all ones when it is folded: the multiples of 65535 but zero. A
// multiple of an odd number is what its inverse makes small (Granlund, Montgomery 1994, 9).
static inline bool cksum_is_right(uint64_t sum)
{
	const uint64_t inverse = UINT64_C(0xfffefffefffeffff);

	return sum * inverse <= UINT64_MAX / 0xffff && sum != 0;
}

// Of the pseudo header: both addresses (each addr_bytes long, one behind the other at addrs), the
// protocol and the size of what follows (RFC 768, RFC 8200 8.1: the sum is the same).
static inline uint64_t cksum_pseudo(
	const uint8_t *addrs, size_t addr_bytes, enum ip_proto proto, uint32_t size_bytes)
{
	uint64_t rest = (uint64_t)be32_from(size_bytes).raw + be16_from((uint16_t)proto).raw;

	return cksum_plus(cksum_add(0, addrs, 2 * addr_bytes), rest);
}

// The value for a checksum field that was zero in the sum.
static inline be16_t cksum_finish(uint64_t sum)
{
	return (be16_t){(uint16_t)~cksum_fold(sum)};
}

// The same for UDP, where zero would mean "none" (RFC 768).
static inline be16_t cksum_finish_udp(uint64_t sum)
{
	uint16_t v = (uint16_t)~cksum_fold(sum);

	return (be16_t){v == 0 ? 0xffff : v};
}
