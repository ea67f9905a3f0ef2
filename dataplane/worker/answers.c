// SPDX-License-Identifier: Apache-2.0
// Last stages: what was found, the replies in place, and what goes to the slow path.
#include "dataplane/worker/burst.h"

#include <rte_prefetch.h>
#include <rte_ring.h>

enum { REPLY_ROOM_MIN_BYTES = DNS_UDP_MIN_BYTES };

// Asks for the answer section that will be copied.
static void section_prefetch(const struct burst_query *bq, const struct found *found)
{
	if (found->name == NULL)
		return;
	const struct image_set *set = image_find_set(found->img, found->name, bq->query.qtype);
	if (set == NULL)
		return;
	const struct image_section *s = image_section_at(found->img, set->section);
	rte_prefetch0(s);
	rte_prefetch0((const uint8_t *)s + RTE_CACHE_LINE_SIZE);
}

void burst_find(struct burst *b)
{
	if (b->n_keys == 0)
		return;
	index_find_bulk(&b->root->index, b->keys, b->n_keys, b->found);
	for (unsigned i = 0; i < b->n_queries; i++) {
		if (b->queries[i].plan.needs_find)
			section_prefetch(&b->queries[i], &b->found[b->queries[i].key]);
	}
}

// For the steps behind the first (answer_find_fn).
static void find_in_root(const void *ctx, const struct name_key *key, struct found *out)
{
	const struct root *root = ctx;

	index_find(&root->index, key, out);
}

// proto:H20, CVE-2024-2169: no errors to a port that may answer them.
static bool is_error_loop(const struct frame *f, uint16_t rcode)
{
	return f->client_port == ROOT_DNS_PORT && rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN;
}

// proto:E6: the port's MTU bounds what leaves in one packet.
static uint16_t udp_max_bytes(const struct worker *w, const struct frame *f)
{
	unsigned headers = (f->family == 4 ? IP4_BYTES : IP6_BYTES) + UDP_BYTES;
	unsigned max = w->port->mtu > headers ? w->port->mtu - headers : 0;

	return (uint16_t)RTE_MIN(max, (unsigned)DNS_UDP_MAX_BYTES);
}

static void reply_count(struct burst *b, const struct burst_query *bq,
	const struct answer_result *r, size_t size_bytes)
{
	struct scope_counters *c = &b->scopes[bq->scope];
	enum scope_plugin plugin = scope_plugin_of(&b->root->scopes, bq->plan.top, r->step);

	counter_add(&b->counters->replies_udp, 1);
	counter_add(&c->responses[plugin][counters_rcode(r->rcode)], 1);
	counter_add(&c->udp.response_bytes[counters_size_bucket(size_bytes)], 1);
	counter_add(&c->udp.response_bytes_sum, size_bytes);
	if (r->is_truncated)
		counter_add(&b->counters->truncated, 1);
	b->answered[b->n_answered++] = bq->scope;
}

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
		.udp_max_bytes = udp_max_bytes(w, f),
		.l3 = f->l3,
		.family = f->family};
	b->punts[b->n_punts++] = b->mbufs[bq->frame];
	enum scope_plugin plugin = scope_plugin_of(&b->root->scopes, bq->plan.top, step);
	counter_add(&b->scopes[bq->scope].punts[plugin], 1);
}

static void answer_one(const struct worker *w, struct burst *b, const struct burst_query *bq)
{
	struct frame *f = &b->frames[bq->frame];
	size_t room = (size_t)f->room_bytes - (f->l4 + UDP_BYTES);
	struct answer_env env;
	struct answer_result result;

	if (room < REPLY_ROOM_MIN_BYTES) {
		burst_drop(b, bq->frame, DROP_NO_ROOM);
		return;
	}
	env = (struct answer_env){.transport = TRANSPORT_UDP,
		.udp_max_bytes = udp_max_bytes(w, f),
		.cookie_size = bq->cookie_size,
		.find = find_in_root,
		.find_ctx = b->root};
	memcpy(env.cookie, bq->cookie, bq->cookie_size);
	struct wrbuf out = wrbuf_of(frame_dns(f), room);
	const struct found *found = bq->plan.needs_find ? &b->found[bq->key] : NULL;
	if (answer_write(&bq->plan, found, &bq->query, &env, &out, &result) == ANSWER_PUNT) {
		punt_prepare(w, b, bq, result.step);
		return;
	}
	if (is_error_loop(f, result.rcode)) {
		burst_drop(b, bq->frame, DROP_DNS_ERROR_LOOP);
		return;
	}
	if (bq->is_slip)
		frame_dns(f)[2] |= HEADER_TC >> 8;
	reply_count(b, bq, &result, out.pos);
	frame_reply(f, out.pos);
	burst_send(b, bq->frame);
}

void burst_answers(struct worker *w, struct burst *b)
{
	for (unsigned i = 0; i < b->n_queries; i++)
		answer_one(w, b, &b->queries[i]);
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
