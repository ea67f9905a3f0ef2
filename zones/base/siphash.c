// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4.
#include "zones/base/siphash.h"

#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

uint64_t siphash24(const uint8_t key[16], const void *bytes, size_t size_bytes)
{
	const uint8_t *p = bytes;
	uint64_t k0 = 0;
	uint64_t k1 = 0;
	uint64_t m = 0;

	memcpy(&k0, key, 8);
	memcpy(&k1, key + 8, 8);
	struct sip s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
		k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
	for (size_t left = size_bytes; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		sip_word(&s, m);
	}
	m = 0;
	memcpy(&m, p, size_bytes % 8);
	sip_word(&s, m | (uint64_t)size_bytes << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
