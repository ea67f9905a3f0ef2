// SPDX-License-Identifier: Apache-2.0
// What was found, and the replies in place.
#include "dataplane/worker/burst.h"

#include "dataplane/worker/log.h"
#include "dataplane/worker/plain_reply.h"

#include <rte_prefetch.h>

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

void burst_find(const struct worker *w, struct burst *b)
{
	burst_plain_cached_find(w, b);
	if (b->n_keys == 0)
		return;
	if (b->secret != NULL)
		index_find_keys(&b->root->index, b->keys, b->index_keys, b->n_keys, b->hits);
	else
		index_find_bulk(&b->root->index, b->keys, b->n_keys, b->hits);
	burst_plain_prefetch(b);
	for (unsigned i = 0; i < b->n_queries; i++) {
		if (b->queries[i].plan.needs_find)
			rte_prefetch0(b->hits[b->queries[i].key].found.name);
	}
	for (unsigned i = 0; i < b->n_queries; i++) {
		if (b->queries[i].plan.needs_find)
			section_prefetch(&b->queries[i], &b->hits[b->queries[i].key].found);
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

uint16_t burst_udp_max_bytes(const struct worker *w, uint8_t family)
{
	unsigned headers = (family == 4 ? IP4_BYTES : IP6_BYTES) + UDP_BYTES;
	unsigned max = w->port->mtu > headers ? w->port->mtu - headers : 0;

	return (uint16_t)RTE_MIN(max, (unsigned)DNS_UDP_MAX_BYTES);
}

void burst_reply(struct burst *b, const struct burst_query *bq, const struct answer_result *r,
	enum scope_plugin plugin, size_t size_bytes)
{
	struct frame *f = &b->frames[bq->frame];

	if (is_error_loop(f, r->rcode)) {
		burst_drop(b, bq->frame, DROP_DNS_ERROR_LOOP);
		return;
	}
	if (bq->is_slip)
		frame_dns(f)[2] |= HEADER_TC >> 8;
	counter_add(&b->counters->replies_udp, 1);
	burst_count(b, bq->scope, plugin, r->rcode, size_bytes);
	if (r->is_truncated)
		counter_add(&b->counters->truncated, 1);
	if (b->log != NULL)
		burst_log(b, bq, r, size_bytes);
	if (b->tap != NULL)
		burst_tap_reply(b, bq, size_bytes);
	burst_finish(b, bq->frame, size_bytes);
}

static void answer_one(struct burst *b, unsigned i)
{
	const struct burst_query *bq = &b->queries[i];
	struct frame *f = &b->frames[bq->frame];
	size_t room = (size_t)f->room_bytes - (f->l4 + UDP_BYTES);
	struct answer_result result;

	if (b->tap != NULL)
		burst_tap_query(b, bq);
	if (room < REPLY_ROOM_MIN_BYTES) {
		burst_drop(b, bq->frame, DROP_NO_ROOM);
		return;
	}
	struct wrbuf out = wrbuf_of(frame_dns(f), room);
	const struct found *found = bq->plan.needs_find ? &b->hits[bq->key].found : NULL;
	if (answer_write(&bq->plan, found, &bq->query, burst_env(b, bq), &out, &result) ==
		ANSWER_PUNT) {
		b->outside[b->n_outside++] = (struct burst_outside){(uint8_t)i, result.step};
		return;
	}
	enum scope_plugin plugin = scope_plugin_of(&b->root->scopes, bq->plan.top, result.step);
	burst_reply(b, bq, &result, plugin, out.pos);
}

void burst_answers(struct worker *w, struct burst *b)
{
	for (unsigned i = 0; i < 2; i++)
		b->env[i] = (struct answer_env){.transport = TRANSPORT_UDP,
			.udp_max_bytes = burst_udp_max_bytes(w, i == 0 ? 4 : 6),
			.find = find_in_root,
			.find_ctx = b->root};
	b->small_bytes = RTE_MIN((size_t)PLAIN_ROOM_BYTES,
		(size_t)RTE_MIN(b->env[0].udp_max_bytes, b->env[1].udp_max_bytes));
	burst_plain_answers(b);
	burst_plain_cached_answers(w, b);
	for (unsigned i = 0; i < b->n_queries; i++)
		answer_one(b, i);
}
