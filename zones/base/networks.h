// SPDX-License-Identifier: Apache-2.0
// A short list of networks: those whose clients are trusted (pods, nodes).
#pragma once

#include "zones/base/be.h"

#include <stdbool.h>
#include <stdint.h>

enum { NETWORKS_MAX = 64 };

struct network {
	uint64_t high, low; // host order; IPv4 in the upper half of high
	uint64_t high_mask, low_mask;
};

struct networks {
	unsigned n4, n6;
	struct network v4[NETWORKS_MAX], v6[NETWORKS_MAX];
};

// Adds addr/prefix_len (4 or 16 bytes of network order). False: the list is full.
bool networks_add(struct networks *n, unsigned family, const uint8_t *addr, unsigned prefix_len);

// Adds "10.0.0.0/8" or "fd00::/8"; without a length it is one address. False: it is no network, or
// the list is full.
bool networks_add_text(struct networks *n, const char *text);

// An address as two words, as struct network has it.
static inline void network_words(
	unsigned family, const uint8_t *addr, uint64_t *high, uint64_t *low)
{
	*high = (uint64_t)be32_get(addr) << 32;
	*low = 0;
	if (family == 6) {
		*high |= be32_get(addr + 4);
		*low = (uint64_t)be32_get(addr + 8) << 32 | be32_get(addr + 12);
	}
}

static inline bool networks_have(const struct networks *n, unsigned family, const uint8_t *addr)
{
	const struct network *list = family == 4 ? n->v4 : n->v6;
	unsigned len = family == 4 ? n->n4 : n->n6;
	uint64_t high, low;

	network_words(family, addr, &high, &low);
	for (unsigned i = 0; i < len; i++) {
		if ((high & list[i].high_mask) == list[i].high &&
			(low & list[i].low_mask) == list[i].low)
			return true;
	}
	return false;
}
