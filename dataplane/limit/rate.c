// SPDX-License-Identifier: Apache-2.0
// One bucket per prefix length: a network may send more than an address, but not as much as all its
// addresses.
#include "dataplane/limit/rate.h"

#include "zones/base/siphash.h"

#include <stdbool.h>
#include <string.h>

enum { REPLY = 1000 };

// What a bucket has left over after leaking since it was last looked at.
static uint32_t leaked(const struct rate_bucket *b, uint32_t now_ms)
{
	uint64_t gone = (uint64_t)b->leak_per_ms * (uint32_t)(now_ms - b->at_ms);

	return gone >= b->level ? 0 : b->level - (uint32_t)gone;
}

// The bucket of a tag in a line: its own, or the emptiest one, taken over.
static struct rate_bucket *bucket_take(
	struct rate_bucket line[RATE_WAYS], uint32_t tag, uint32_t leak_per_ms, uint32_t now_ms)
{
	struct rate_bucket *emptiest = &line[0];

	for (unsigned i = 0; i < RATE_WAYS; i++) {
		struct rate_bucket *b = &line[i];
		b->level = leaked(b, now_ms);
		b->at_ms = now_ms;
		if (b->tag == tag)
			return b;
		if (b->level < emptiest->level)
			emptiest = b;
	}
	*emptiest = (struct rate_bucket){.tag = tag, .at_ms = now_ms, .leak_per_ms = leak_per_ms};
	return emptiest;
}

static void prefix_cut(const uint8_t *addr, unsigned prefix_len, uint8_t out[18])
{
	unsigned whole = prefix_len / 8;

	memset(out, 0, 18);
	memcpy(out, addr, whole);
	if (prefix_len % 8 != 0)
		out[whole] = (uint8_t)(addr[whole] & (0xff00u >> prefix_len % 8));
	out[17] = (uint8_t)prefix_len;
}

// True when this width of the address is over its limit; counts the reply when not.
static bool is_over(struct rate *r, unsigned family, const uint8_t *addr, const struct width *w,
	uint32_t now_ms)
{
	uint8_t prefix[18];
	uint64_t limit = (uint64_t)r->options.burst * w->factor * REPLY;
	uint64_t leak_per_ms = (uint64_t)r->options.per_s * w->factor;

	prefix_cut(addr, w->prefix_len, prefix);
	prefix[16] = (uint8_t)family;
	uint64_t hash = siphash24(r->key, prefix, sizeof(prefix));
	uint32_t tag = (uint32_t)(hash >> 32) | 1u; // 0 means free
	if (leak_per_ms > UINT32_MAX)
		leak_per_ms = UINT32_MAX;
	struct rate_bucket *b =
		bucket_take(r->lines[hash % RATE_LINES], tag, (uint32_t)leak_per_ms, now_ms);
	if (limit > UINT32_MAX)
		limit = UINT32_MAX;
	if (b->level + (uint64_t)REPLY > limit)
		return true;
	b->level += REPLY;
	return false;
}

enum rate_verdict rate_take(struct rate *r, unsigned family, const uint8_t *addr, uint32_t now_ms)
{
	const struct widths *w = family == 4 ? &r->options.widths4 : &r->options.widths6;
	bool over = false;

	if (r->options.per_s == 0)
		return RATE_PASS;
	for (unsigned i = 0; i < w->n && !over; i++)
		over = is_over(r, family, addr, &w->list[i], now_ms);
	if (!over)
		return RATE_PASS;
	r->over++;
	return r->options.slip != 0 && r->over % r->options.slip == 0 ? RATE_SLIP : RATE_DROP;
}
