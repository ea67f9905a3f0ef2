// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071). Sums are kept in memory order: they can be stored as they are
// on any byte order, because the ones' complement sum does not care (RFC 1071 2 B).
#pragma once

#include "dataplane/net/wire.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Ones' complement addition: the carry comes in again at the other end.
static inline uint64_t cksum_plus(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

// Adds size_bytes bytes; an odd last byte is padded with zero.
static inline uint64_t cksum_add(uint64_t sum, const uint8_t *p, size_t size_bytes)
{
	uint64_t word;
	uint32_t half;
	uint16_t quarter;

	for (; size_bytes >= 8; size_bytes -= 8, p += 8) {
		memcpy(&word, p, 8);
		sum = cksum_plus(sum, word);
	}
	if (size_bytes & 4) {
		memcpy(&half, p, 4);
		sum = cksum_plus(sum, half);
		p += 4;
	}
	if (size_bytes & 2) {
		memcpy(&quarter, p, 2);
		sum = cksum_plus(sum, quarter);
		p += 2;
	}
	if (size_bytes & 1)
		sum = cksum_plus(sum, be16_from((uint16_t)(*p << 8)).raw);
	return sum;
}

static inline uint16_t cksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
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
