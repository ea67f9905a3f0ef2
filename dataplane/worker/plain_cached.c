// SPDX-License-Identifier: Apache-2.0
// Plain queries for names outside: the cache of outside answers is asked for all of a burst at
// once, and what it has is copied behind the questions. What it has not, and what is not written
// whole and in order, goes the way of all other queries.
#include "dataplane/worker/plain.h"

#include "dataplane/worker/burst.h"
#include "dataplane/worker/plain_reply.h"

#include "zones/base/name_hash.h"
#include "zones/entry/entry.h"
#include "zones/link/punt.h"

static inline struct cache_key key_of(
	const struct cache_secret *secret, const struct plain_query *p, uint64_t sum)
{
	unsigned flags = (p->is_do ? PUNT_CACHE_DO : 0) |
		(p->flags & HEADER_CD ? PUNT_CACHE_CD : 0) |
		(p->flags & HEADER_RD ? PUNT_CACHE_RD : 0);
	const struct cache_question q = {.hash = name_hash_end(sum),
		.name_size = p->key.size_bytes,
		.flags = (uint8_t)flags,
		.type = p->type,
		.policy = p->rule->punt->policy};

	return cache_key_of(secret, &q);
}

void burst_plain_cached_find(const struct worker *w, struct burst *b)
{
	struct cache_key keys[PORT_BURST];
	unsigned first = PORT_BURST - b->n_plain_outside;

	if (b->n_plain_outside == 0)
		return;
	for (unsigned i = first; i < PORT_BURST; i++)
		keys[i] = key_of(b->cache_secret, &b->plain[i], b->cache_sums[i]);
	outside_cache_look(w->cache, keys + first, b->n_plain_outside, b->cached + first);
}

static inline uint32_t ttl_now(const struct entry_rr *rr, uint32_t age_s)
{
	return rr->ttl_s > age_s ? rr->ttl_s - age_s : 0;
}

// Addresses begin where the query's ID says (quirk 18).
__attribute__((noinline)) static void write_rotated(
	uint8_t *out, const struct entry *e, uint32_t age_s, uint16_t id)
{
	size_t n = (size_t)e->n_an + e->n_ns;

	for (size_t i = 0; i < n; i++) {
		size_t k = entry_rotated(e, id, i), start = entry_rr_start(e, k);
		memcpy(out, entry_bytes(e) + start, e->rrs[k].end - start);
		be32_put(out + (e->rrs[k].ttl_at - start), ttl_now(&e->rrs[k], age_s));
		out += e->rrs[k].end - start;
	}
}

// All records as they stand there, then their TTLs.
static inline void write_in_order(uint8_t *out, const struct cached *c, uint32_t age_s)
{
	const struct entry_rr *rr = c->entry->rrs, *end = rr + c->n_an + c->n_ns;

	bytes_copy(out, cached_records(c), c->rr_bytes);
	for (; rr < end; rr++)
		be32_put(out + rr->ttl_at, ttl_now(rr, age_s));
}

// The reply from an entry, which is NULL or has the query's key; or false, with nothing written.
static inline bool cached_answer(struct burst *b, const struct cache_reader *reader,
	_Atomic uint8_t *marks, const struct plain_query *p, const struct cached *c)
{
	const struct frame *f = &b->frames[p->frame];

	if (!cached_is_for(c, reader, p->name, p->key.size_bytes))
		return false;
	uint8_t *dns = frame_dns(f);
	size_t pos = DNS_HEADER_BYTES + 4u + p->key.size_bytes;
	size_t end = pos + c->rr_bytes + (p->has_opt ? DNS_OPT_BYTES : 0);
	bool is_cut = p->rule->is_minimal && !c->is_denial && c->n_ns != 0;
	if (!c->is_plain || is_cut || !plain_fits(b, p, f, end))
		return false;
	cached_mark(c, marks);
	if (p->rule->is_rotated && c->is_rotated)
		write_rotated(dns + pos, c->entry, cached_age_s(c, reader), be16_get(dns));
	else
		write_in_order(dns + pos, c, cached_age_s(c, reader));
	if (p->has_opt)
		plain_write_opt(dns + pos + c->rr_bytes, p->is_do);
	unsigned asked = p->flags | (p->is_do ? HEADER_AD : 0); // RFC 6840 5.7
	plain_write_header(dns, p, c->flags & (asked | ~(unsigned)HEADER_AD),
		(const uint16_t[]){c->n_an, c->n_ns, 0});
	burst_count(b, p->scope, SCOPE_PLUGIN_CACHE, c->flags & HEADER_RCODE, end);
	burst_finish(b, p->frame, end);
	return true;
}

__attribute__((noinline)) void burst_plain_cached_answers(const struct worker *w, struct burst *b)
{
	const struct plain_query *end = b->plain + PORT_BURST, *p = end - b->n_plain_outside;
	const struct cached *const *c = b->cached + (p - b->plain);
	unsigned n_tx = b->n_tx, n_denials = 0;

	if (p == end)
		return;
	const struct cache_reader reader = burst_cache_reader(w, b);
	_Atomic uint8_t *marks = outside_cache_marks(w->cache, w->id);
	for (; p < end; p++, c++) {
		if (cached_answer(b, &reader, marks, p, *c))
			n_denials += (*c)->is_denial;
		else
			burst_unplain(b, (unsigned)(p - b->plain));
	}
	n_tx = b->n_tx - n_tx;
	counter_add(&b->counters->cache_hits[0], n_tx - n_denials);
	counter_add(&b->counters->cache_hits[1], n_denials);
	counter_add(&b->counters->replies_udp, n_tx);
}
