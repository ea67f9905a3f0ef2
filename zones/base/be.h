// SPDX-License-Identifier: Apache-2.0
// Network byte order as a type, so that the compiler and the reader see which order a field has.
// Wire structs hold be16/be32; conversion happens only through these functions.
#pragma once

#include <stdint.h>
#include <string.h>

typedef struct {
	uint16_t raw;
} be16_t;

typedef struct {
	uint32_t raw;
} be32_t;

static inline be16_t be16_from(uint16_t host)
{
	return (be16_t){__builtin_bswap16(host)};
}

static inline uint16_t be16_to(be16_t net)
{
	return __builtin_bswap16(net.raw);
}

static inline be32_t be32_from(uint32_t host)
{
	return (be32_t){__builtin_bswap32(host)};
}

static inline uint32_t be32_to(be32_t net)
{
	return __builtin_bswap32(net.raw);
}

// Reads and writes at any alignment.
static inline uint16_t be16_get(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline void be16_put(uint8_t *p, uint16_t host)
{
	host = __builtin_bswap16(host);
	memcpy(p, &host, sizeof(host));
}

static inline void be32_put(uint8_t *p, uint32_t host)
{
	host = __builtin_bswap32(host);
	memcpy(p, &host, sizeof(host));
}
