// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF").
#include "control/store/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void key_init(void)
{
	// Without random bytes the tables still work, only collisions could be made on purpose.
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		memset(key, 0x53, sizeof(key));
}

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void round_once(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	round_once(v);
	v[0] ^= m;
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size_bytes)
{
	const uint8_t *p = bytes;
	size_t left = size_bytes;
	uint64_t m;

	(void)pthread_once(&key_once, key_init); // fails only for a bad control
	uint64_t k0 = key[0] ^ seed;
	uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		word(v, m);
	}
	m = 0;
	memcpy(&m, p, left);
	word(v, m | (uint64_t)size_bytes << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		round_once(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_str(uint64_t seed, const char *s)
{
	return hash_bytes(seed, s, strlen(s) + 1);
}
