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

// Fewer than 16 bytes.
static inline uint64_t cksum_add_few(uint64_t sum, const uint8_t *p, size_t size_bytes)
{
	if (size_bytes < 8)
		return cksum_plus(sum, cksum_tail(p, size_bytes));
	return cksum_plus(cksum_plus(sum, cksum_word(p)), cksum_tail(p + 8, size_bytes - 8));
}

// Adds size_bytes bytes; an odd last byte is padded with zero. Hosts are little-endian, as for
// images: the last bytes come out of the block that ends with them. Messages are of all sizes, so
// their last 1 to 16 bytes are added without a branch.
static inline uint64_t cksum_add(uint64_t sum, const uint8_t *p, size_t size_bytes)
{
	__extension__ unsigned __int128 tail;
	uint64_t odd = 0; // words of their own, so that two sums are under way

	if (size_bytes < sizeof(tail))
		return cksum_add_few(sum, p, size_bytes);
	const uint8_t *last = p + size_bytes - sizeof(tail);
	for (; p < last; p += sizeof(tail)) {
		sum = cksum_plus(sum, cksum_word(p));
		odd = cksum_plus(odd, cksum_word(p + 8));
	}
	memcpy(&tail, last, sizeof(tail));
	tail >>= 8 * (size_t)(p - last);
	sum = cksum_plus(sum, (uint64_t)tail);
	return cksum_plus(cksum_plus(sum, odd), (uint64_t)(tail >> 64));
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
