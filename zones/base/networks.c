// SPDX-License-Identifier: Apache-2.0
// Fills a list of networks.
#include "zones/base/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

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

bool networks_add_text(struct networks *n, const char *text)
{
	char host[INET6_ADDRSTRLEN], *end = NULL;
	size_t len = strcspn(text, "/");
	uint8_t addr[16];
	unsigned family = 4;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	if (inet_pton(AF_INET, host, addr) != 1) {
		family = 6;
		if (inet_pton(AF_INET6, host, addr) != 1)
			return false;
	}
	unsigned long max = family == 4 ? 32 : 128, prefix_len = max;
	if (text[len] == '/') {
		text += len + 1;
		prefix_len = strtoul(text, &end, 10);
		if (*text < '0' || *text > '9' || *end != 0 || prefix_len > max)
			return false;
	}
	return networks_add(n, family, addr, (unsigned)prefix_len);
}
