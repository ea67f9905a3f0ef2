// SPDX-License-Identifier: Apache-2.0
// Last stages: queries that the snapshot does not answer. A worker answers from its cache of
// outside answers what it can (DESIGN 4), the rest goes to the slow path.
#include "dataplane/worker/burst.h"

#include "zones/base/name_hash.h"
#include "zones/entry/entry.h"
#include "zones/link/punt.h"

#include <rte_ring.h>

#include <time.h>

static uint32_t rule_index(const struct answer_plan *plan)
{
	return plan->rule == NULL ? UINT32_MAX : (uint32_t)(plan->rule - plan->top->rules);
}

static void punt_prepare(const struct worker *w, struct burst *b, const struct burst_query *bq,
	const struct image_step *step)
{
	const struct frame *f = &b->frames[bq->frame];

	if (!w->has_slowpath) {
		burst_drop(b, bq->frame, DROP_NO_SLOWPATH);
		return;
	}
	*punt_note_of(b->mbufs[bq->frame]) = (struct punt_note){.generation = b->root->generation,
		.rule = rule_index(&bq->plan),
		.l4 = f->l4,
		.dns_bytes = (uint16_t)frame_dns_bytes(f),
		.client_port = f->client_port,
		.server_port = f->server_port,
		.udp_max_bytes = burst_udp_max_bytes(w, f->family),
		.l3 = f->l3,
		.family = f->family};
	b->punts[b->n_punts++] = b->mbufs[bq->frame];
	enum scope_plugin plugin = scope_plugin_of(&b->root->scopes, bq->plan.top, step);
	counter_add(&b->scopes[bq->scope].punts[plugin], 1);
}

static struct cache_question question_of(
	const struct burst *b, const struct burst_query *bq, const struct image_step *step)
{
	const struct query *q = &bq->query;
	bool is_do = q->edns.present && q->edns.is_do;
	unsigned flags = (is_do ? PUNT_CACHE_DO : 0) | (q->flags & HEADER_CD ? PUNT_CACHE_CD : 0) |
		(q->flags & HEADER_RD ? PUNT_CACHE_RD : 0);

	// Entries are of class IN: a size that no name has matches none.
	return (struct cache_question){.name = q->name,
		.hash = name_hash(b->cache_secret->name, q->name, q->qname_size),
		.name_size = q->qclass == RR_CLASS_IN ? q->qname_size : 0,
		.flags = (uint8_t)flags,
		.type = q->qtype,
		.policy = step->policy};
}

// Writes the reply from an entry.
static void hit(struct burst *b, const struct burst_query *bq, const struct cache_hit *found)
{
	const struct image_rule *rule = bq->plan.rule;
	struct frame *f = &b->frames[bq->frame];
	struct wrbuf out = wrbuf_of(frame_dns(f), (size_t)f->room_bytes - (f->l4 + UDP_BYTES));
	const struct entry_view view = {.age_s = found->age_s,
		.fixed_ttl_s = -1,
		.is_cached = true,
		.is_rotated = (rule->flags & RULE_ROTATE) != 0,
		.is_minimal = (rule->flags & RULE_MINIMAL) != 0,
		.udp_max_bytes = bq->plan.top->servers[rule->server].udp_max_bytes,
		.ede = EDE_NONE};

	entry_write(found->entry, &bq->query, burst_env(b, bq), &view, &out);
	const struct answer_result result = {
		.rcode = found->entry->rcode,
		.is_truncated = (frame_dns(f)[2] & HEADER_TC >> 8) != 0,
	};
	counter_add(&b->counters->cache_hits[found->entry->kind != ENTRY_SUCCESS], 1);
	burst_reply(b, bq, &result, SCOPE_PLUGIN_CACHE, out.pos);
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t); // vDSO: no system call
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct cache_reader burst_cache_reader(const struct worker *w, const struct burst *b)
{
	return (struct cache_reader){
		w->id, snapshot_top(&b->root->snapshot)->policy_hash, monotonic_ms()};
}

static void find_all(const struct worker *w, const struct burst *b, struct cache_hit *hits)
{
	struct cache_question questions[PORT_BURST];

	for (unsigned i = 0; i < b->n_outside; i++) {
		const struct burst_outside *o = &b->outside[i];
		questions[i] = question_of(b, &b->queries[o->query], o->step);
	}
	const struct cache_reader reader = burst_cache_reader(w, b);
	outside_cache_find(w->cache, &reader, questions, b->n_outside, hits);
}

void burst_outside(struct worker *w, struct burst *b)
{
	struct cache_hit hits[PORT_BURST];

	if (b->n_outside == 0)
		return;
	memset(hits, 0, sizeof(hits[0]) * b->n_outside);
	if (w->cache != NULL)
		find_all(w, b, hits);
	for (unsigned i = 0; i < b->n_outside; i++) {
		const struct burst_outside *o = &b->outside[i];
		const struct burst_query *bq = &b->queries[o->query];
		if (hits[i].entry != NULL)
			hit(b, bq, &hits[i]);
		else
			punt_prepare(w, b, bq, o->step);
	}
}

void burst_punts(struct worker *w, struct burst *b)
{
	if (b->n_punts == 0)
		return;
	unsigned n = rte_ring_sp_enqueue_burst(
		w->lane.queries, (void *const *)b->punts, b->n_punts, NULL);
	counter_add(&b->counters->punts, n);
	counter_add(&b->counters->drops[DROP_PUNT_FULL], b->n_punts - n);
	rte_pktmbuf_free_bulk(b->punts + n, b->n_punts - n);
}
