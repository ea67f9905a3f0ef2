// SPDX-License-Identifier: Apache-2.0
// The frames of one burst on their way through the stages, as arrays. Private to dataplane/worker.
#pragma once

#include "dataplane/net/frame.h"
#include "dataplane/net/quick.h"
#include "dataplane/worker/plain.h"
#include "dataplane/worker/worker.h"

#include "zones/answer/answer.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

// A DNS query among the frames.
struct burst_query {
	uint8_t frame; // index
	uint8_t key; // index into found, when plan.needs_find
	uint8_t scope; // it counts under
	bool is_slip; // over the limit: truncated and nothing else
	uint8_t cookie_size; // of the cookie to send
	uint8_t cookie[COOKIE_FULL_BYTES];
	enum query_verdict verdict;
	struct answer_plan plan;
	struct query query;
};

// A query that the snapshot does not answer.
struct burst_outside {
	uint8_t query; // index
	const struct image_step *step; // the punting one
};

// Replies in a row that count under one scope.
struct burst_run {
	uint8_t scope, n;
};

// What a query was sent to, and who serves that.
struct burst_target {
	uint8_t address;
	bool is_served;
	uint16_t port;
	const struct image_listener *listener;
};

struct burst {
	const struct root *root;
	struct worker_counters *counters;
	struct scope_counters *scopes;
	struct qlog_writer *log; // NULL: no rule of the snapshot asks for it
	struct tap_writer *tap; // NULL: neither does one for dnstap
	uint64_t log_start_cycles;
	const struct index_secret *secret; // of index_keys; NULL: the indexes share none
	const struct cache_secret *cache_secret; // NULL: there is no cache
	bool has_plain; // plain queries may take their own way
	unsigned n, n_queries, n_plain, n_keys, n_tx, n_punts, n_outside;
	unsigned n_plain_outside; // at the end of plain
	struct burst_target to; // of the query that was looked at last
	unsigned n_runs;
	struct burst_run runs[PORT_BURST]; // of the replies, for their latency
	unsigned n_other; // of tx: ARP, ND, echo; they come first
	struct rte_mbuf *mbufs[PORT_BURST];
	struct frame frames[PORT_BURST];
	struct burst_query queries[PORT_BURST];
	struct plain_query plain[PORT_BURST]; // n_plain of the clusters; outside ones at the end
	struct answer_env env[2]; // for IPv4 and IPv6; the cookie is a query's own
	size_t small_bytes; // a message that any client takes, and any frame
	const struct name_key *keys[PORT_BURST];
	struct index_key index_keys[PORT_BURST]; // with a secret
	struct index_hit hits[PORT_BURST];
	uint64_t cache_sums[PORT_BURST]; // of outside names, at their places in plain
	const struct cached *cached[PORT_BURST]; // what the cache has under their keys
	struct burst_outside outside[PORT_BURST];
	struct rte_mbuf *tx[PORT_BURST]; // ready to be sent
	struct rte_mbuf *punts[PORT_BURST];
};

// Begins a burst of the n frames that stand in b->mbufs.
static inline void burst_begin(
	struct burst *b, struct worker *w, const struct root *root, unsigned n)
{
	b->root = root;
	b->counters = w->counters;
	b->scopes = w->scopes;
	b->log = root->scopes.has_log ? &w->log : NULL;
	b->tap = root->scopes.has_tap ? &w->tap : NULL;
	if (b->log != NULL || b->tap != NULL)
		b->log_start_cycles = rte_rdtsc();
	b->secret = index_secret_of(&root->index);
	b->cache_secret = w->cache == NULL ? NULL : outside_cache_secret(w->cache);
	b->has_plain = b->secret != NULL && b->log == NULL && b->tap == NULL;
	b->n = n;
	b->n_queries = 0;
	b->n_plain = 0;
	b->n_plain_outside = 0;
	b->to = (struct burst_target){0}; // nobody serves port 0
	b->n_keys = 0;
	b->n_tx = 0;
	b->n_other = 0;
	b->n_punts = 0;
	b->n_outside = 0;
	b->n_runs = 0;
}

// The stages, in order. Each leaves a frame that it ends in tx, punts, or freed and counted.
void burst_frames(struct worker *w, struct burst *b);
void burst_queries(struct worker *w, struct burst *b);
void burst_find(const struct worker *w, struct burst *b);
void burst_answers(struct worker *w, struct burst *b);
void burst_outside(struct worker *w, struct burst *b);
void burst_punts(struct worker *w, struct burst *b);

// The end of frame i: freed, for a reason.
static inline void burst_drop(struct burst *b, unsigned i, enum drop_reason reason)
{
	counter_add(&b->counters->drops[reason], 1);
	rte_pktmbuf_free(b->mbufs[i]);
}

// The end of frame i: its reply is ready.
static inline void burst_send(struct burst *b, unsigned i)
{
	struct rte_mbuf *m = b->mbufs[i];

	m->data_len = b->frames[i].size_bytes;
	m->pkt_len = b->frames[i].size_bytes;
	m->ol_flags = 0;
	b->tx[b->n_tx++] = m;
}

// proto:E6: the port's MTU bounds what leaves in one packet.
uint16_t burst_udp_max_bytes(const struct worker *w, uint8_t family);

// What a reply to a query depends on; until the next one is asked for.
static inline const struct answer_env *burst_env(struct burst *b, const struct burst_query *bq)
{
	struct answer_env *env = &b->env[b->frames[bq->frame].family == 6];

	env->nsid_size = 0;
	if (bq->query.edns.has_nsid)
		answer_name_server(bq->plan.top, bq->plan.rule, env);
	env->cookie_size = bq->cookie_size;
	if (bq->cookie_size != 0)
		memcpy(env->cookie, bq->cookie, sizeof(bq->cookie));
	return env;
}

// The port completes the checksum that the reply's header began.
static inline void burst_ask_checksum(const struct frame *f, struct rte_mbuf *m)
{
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM |
		(f->family == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
	m->tx_offload = rte_mbuf_tx_offload(f->l3, (uint64_t)f->l4 - f->l3, 0, 0, 0, 0, 0);
}

// The headers around a reply of size_bytes bytes that stands in frame i, and its end.
// In place: the call and what it saves cost a tenth of it.
__attribute__((always_inline)) static inline void burst_finish(
	struct burst *b, unsigned i, size_t size_bytes)
{
	struct frame *f = &b->frames[i];

	if (f->is_quick)
		frame_reply_quick(f, size_bytes);
	else
		frame_reply(f, size_bytes);
	burst_send(b, i);
	if (f->trust & FRAME_FILL_UDP)
		burst_ask_checksum(f, b->mbufs[i]);
}

// Counts a reply, but for replies_udp.
static inline void burst_count(
	struct burst *b, uint8_t scope, enum scope_plugin plugin, uint16_t rcode, size_t size_bytes)
{
	struct scope_counters *c = &b->scopes[scope];

	counter_add(&c->responses[plugin][counters_rcode(rcode)], 1);
	counter_add(&c->udp.response_bytes[counters_size_bucket(size_bytes)], 1);
	counter_add(&c->udp.response_bytes_sum, size_bytes);
	if (b->n_runs != 0 && b->runs[b->n_runs - 1].scope == scope)
		b->runs[b->n_runs - 1].n++;
	else
		b->runs[b->n_runs++] = (struct burst_run){scope, 1};
}

// Who asks the cache of outside answers, and when.
struct cache_reader burst_cache_reader(const struct worker *w, const struct burst *b);

// Puts plain query i among the others; it was counted.
void burst_unplain(struct burst *b, unsigned i);

// The end of a query's frame: the reply of size_bytes bytes that stands in it, counted under
// plugin.
void burst_reply(struct burst *b, const struct burst_query *bq, const struct answer_result *r,
	enum scope_plugin plugin, size_t size_bytes);
