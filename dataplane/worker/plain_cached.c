// SPDX-License-Identifier: Apache-2.0
// Plain queries for names outside: the cache of outside answers is asked for all of a burst at
// once, and what it has is copied behind the questions. What it has not, and what is not written
// whole and in order, goes the way of all other queries.
#include "dataplane/worker/plain.h"

#include "dataplane/worker/burst.h"
#include "dataplane/worker/plain_reply.h"

#include "zones/entry/entry.h"
#include "zones/link/punt.h"

static struct cache_question question_of(const struct burst *b, const struct plain_query *p)
{
	unsigned flags = (p->is_do ? PUNT_CACHE_DO : 0) |
		(p->flags & HEADER_CD ? PUNT_CACHE_CD : 0) |
		(p->flags & HEADER_RD ? PUNT_CACHE_RD : 0);

	return (struct cache_question){.name = p->name,
		.hash = b->cache_hashes[p - b->plain],
		.name_size = p->key.size_bytes,
		.flags = (uint8_t)flags,
		.type = p->type,
		.policy = p->rule->punt->policy};
}

void burst_plain_cached_find(const struct worker *w, struct burst *b)
{
	struct cache_question questions[PORT_BURST];
	unsigned first = PORT_BURST - b->n_plain_outside;

	if (b->n_plain_outside == 0)
		return;
	for (unsigned i = first; i < PORT_BURST; i++)
		questions[i] = question_of(b, &b->plain[i]);
	const struct cache_reader reader = burst_cache_reader(w, b);
	outside_cache_find(
		w->cache, &reader, questions + first, b->n_plain_outside, b->cache_hits + first);
}

// The records to be written, and how (zones/entry: entry_write).
struct records {
	const struct entry *entry;
	size_t size_bytes;
	uint32_t age_s;
	uint16_t n_an, n_ns;
	bool is_rotated;
};

// False: the answer is not one of those that are written here.
static inline bool take(
	const struct plain_query *p, const struct cache_hit *hit, struct records *out)
{
	const struct entry *e = hit->entry;

	// An error to port 53 is no reply (proto:H20).
	if (e == NULL || e->ede != EDE_NONE || e->is_truncated ||
		(e->rcode != RCODE_NOERROR && e->rcode != RCODE_NXDOMAIN))
		return false;
	const struct entry_view view = {.is_cached = true, .is_minimal = p->rule->is_minimal};
	*out = (struct records){.entry = e,
		.age_s = hit->age_s,
		.n_an = e->n_an,
		.n_ns = entry_drops_authority(e, &view) ? 0 : e->n_ns,
		.is_rotated = p->rule->is_rotated && e->n_rotated > 1};
	out->size_bytes = entry_rr_start(e, (size_t)out->n_an + out->n_ns);
	return true;
}

static inline void write_records(uint8_t *out, const struct records *r, uint16_t id)
{
	const struct entry *e = r->entry;
	const uint8_t *bytes = entry_bytes(e);
	unsigned n = (unsigned)r->n_an + r->n_ns;

	for (unsigned i = 0; i < n; i++) {
		size_t k = r->is_rotated ? entry_rotated(e, id, i) : i;
		const struct entry_rr *rr = &e->rrs[k];
		size_t start = entry_rr_start(e, k), size = rr->end - start;
		bytes_copy(out, bytes + start, size);
		be32_put(out + (rr->ttl_at - start),
			rr->ttl_s > r->age_s ? rr->ttl_s - r->age_s : 0);
		out += size;
	}
}

static inline unsigned flags_of(const struct plain_query *p, const struct entry *e)
{
	unsigned flags = e->rcode;

	flags |= e->has_aa ? HEADER_AA : 0;
	flags |= e->has_ra ? HEADER_RA : 0;
	flags |= e->has_ad && (p->is_do || (p->flags & HEADER_AD)) ? HEADER_AD : 0;
	return flags;
}

// The reply from an entry; or false, with nothing written.
static inline bool cached_answer(
	struct burst *b, const struct plain_query *p, const struct cache_hit *hit)
{
	const struct frame *f = &b->frames[p->frame];
	uint8_t *dns = frame_dns(f);
	struct records r;

	if (!take(p, hit, &r))
		return false;
	size_t pos = DNS_HEADER_BYTES + 4u + p->key.size_bytes;
	size_t end = pos + r.size_bytes + (p->has_opt ? DNS_OPT_BYTES : 0);
	if (!plain_fits(b, p, f, end))
		return false;
	write_records(dns + pos, &r, be16_get(dns));
	if (p->has_opt)
		plain_write_opt(dns + pos + r.size_bytes, p->is_do);
	plain_write_header(dns, p, flags_of(p, r.entry), (const uint16_t[]){r.n_an, r.n_ns, 0});
	counter_add(&b->counters->cache_hits[r.entry->kind != ENTRY_SUCCESS], 1);
	burst_count(b, p->scope, SCOPE_PLUGIN_CACHE, r.entry->rcode, end);
	burst_finish(b, p->frame, end);
	return true;
}

void burst_plain_cached_answers(struct burst *b)
{
	unsigned n_tx = b->n_tx;

	for (unsigned i = PORT_BURST - b->n_plain_outside; i < PORT_BURST; i++) {
		if (!cached_answer(b, &b->plain[i], &b->cache_hits[i]))
			burst_unplain(b, i);
	}
	counter_add(&b->counters->replies_udp, b->n_tx - n_tx);
}
