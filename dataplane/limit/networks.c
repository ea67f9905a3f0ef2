// SPDX-License-Identifier: Apache-2.0
// Fills a list of networks.
#include "dataplane/limit/networks.h"

// The upper n bits of a word, n from 0 to 64.
static uint64_t upper_bits(unsigned n)
{
	return n == 0 ? 0 : UINT64_MAX << (64 - n);
}

bool networks_add(struct networks *n, unsigned family, const uint8_t *addr, unsigned prefix_len)
{
	unsigned *len = family == 4 ? &n->n4 : &n->n6;
	struct network *list = family == 4 ? n->v4 : n->v6;

	if (*len == NETWORKS_MAX)
		return false;
	struct network *x = &list[(*len)++];
	x->high_mask = upper_bits(prefix_len < 64 ? prefix_len : 64);
	x->low_mask = upper_bits(prefix_len < 64 ? 0 : prefix_len - 64);
	network_words(family, addr, &x->high, &x->low);
	x->high &= x->high_mask;
	x->low &= x->low_mask;
	return true;
}
