// SPDX-License-Identifier: Apache-2.0
// First stages: what each frame is, and what each query asks.
#include "dataplane/worker/burst.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

// Where the frame lies and what the port says of its checksums.
static void frame_init(const struct worker *w, struct rte_mbuf *m, struct frame *f)
{
	f->bytes = rte_pktmbuf_mtod(m, uint8_t *);
	f->size_bytes = rte_pktmbuf_data_len(m);
	f->room_bytes = (uint16_t)(f->size_bytes + rte_pktmbuf_tailroom(m));
	f->trust = w->port->trust & FRAME_FILL_UDP;
	if (w->port->trust == 0)
		return;
	// proto:I3: "good" counts, "not bad" does not.
	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		f->trust |= FRAME_TRUST_IP4;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		f->trust |= FRAME_TRUST_UDP;
}

// proto:I14: echo replies are limited; a token bucket in cycles.
static bool echo_take(struct worker *w)
{
	uint64_t now = rte_rdtsc();
	uint64_t oldest = now - w->echo_full_cycles;

	if (w->echo_last_cycles < oldest)
		w->echo_last_cycles = oldest;
	if (w->echo_last_cycles + w->echo_cycles > now)
		return false;
	w->echo_last_cycles += w->echo_cycles;
	return true;
}

static void frame_answered(struct worker *w, struct burst *b, unsigned i)
{
	struct frame *f = &b->frames[i];

	if ((f->answer == FRAME_ECHO4 || f->answer == FRAME_ECHO6) && !echo_take(w)) {
		burst_drop(b, i, DROP_RATE_LIMIT);
		return;
	}
	if (!frame_answer(w->host, f)) {
		burst_drop(b, i, DROP_NO_ROOM);
		return;
	}
	counter_add(&b->counters->replies_other, 1);
	b->n_other++;
	burst_send(b, i);
}

// What nobody here answers, and the kernel behind our addresses would. Beside a port on an
// interface it sees the frame itself.
static void frame_excepted(const struct worker *w, struct burst *b, unsigned i)
{
	struct rte_ring *ring = w->has_exception_ring ? w->lane.exceptions : NULL;

	if (!w->host->has_exception) {
		burst_drop(b, i, DROP_NO_EXCEPTION);
		return;
	}
	if (ring != NULL && rte_ring_sp_enqueue(ring, b->mbufs[i]) != 0) {
		burst_drop(b, i, DROP_EXCEPTION_FULL);
		return;
	}
	counter_add(&b->counters->exceptions, 1);
	if (ring == NULL)
		rte_pktmbuf_free(b->mbufs[i]);
}

static bool is_outside(const struct worker *w, const struct frame *f)
{
	return !networks_have(&w->limits->networks, f->family, frame_client(f));
}

// proto:A1: who is not allowed learns nothing, before the message is looked at.
static inline void frame_queried(
	const struct worker *w, struct burst *b, unsigned i, enum worker_outside outside)
{
	if (outside == OUTSIDE_DROP && is_outside(w, &b->frames[i]))
		burst_drop(b, i, DROP_ACL);
	else
		b->queries[b->n_queries++].frame = (uint8_t)i;
}

void burst_frames(struct worker *w, struct burst *b)
{
	enum worker_outside outside = w->limits->outside;

	for (unsigned i = 0; i < b->n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(b->mbufs[i], const void *));
	for (unsigned i = 0; i < b->n; i++) {
		struct frame *f = &b->frames[i];
		frame_init(w, b->mbufs[i], f);
		if (b->mbufs[i]->nb_segs != 1) { // proto:I16
			burst_drop(b, i, DROP_SEGMENTS);
			continue;
		}
		f->is_quick = frame_parse_quick(w->host, f);
		if (f->is_quick) {
			frame_queried(w, b, i, outside);
			continue;
		}
		switch (frame_parse(w->host, f)) {
		case VERDICT_QUERY:
			frame_queried(w, b, i, outside);
			break;
		case VERDICT_ANSWER:
			frame_answered(w, b, i);
			break;
		case VERDICT_EXCEPTION:
			frame_excepted(w, b, i);
			break;
		case VERDICT_DROP:
		case VERDICT_PUNT: // only queries are punted
		default:
			burst_drop(b, i, (enum drop_reason)f->drop);
			break;
		}
	}
}

static void query_count(const struct burst *b, const struct burst_query *bq)
{
	struct scope_counters *c = &b->scopes[bq->scope];
	const struct frame *f = &b->frames[bq->frame];
	const struct query *q = &bq->query;
	size_t size = frame_dns_bytes(f);

	counter_add(&c->udp.types[f->family == 6][counters_type(q->qtype)], 1);
	counter_add(&c->udp.request_bytes[counters_size_bucket(size)], 1);
	counter_add(&c->udp.request_bytes_sum, size);
	if (q->edns.present && q->edns.is_do)
		counter_add(&c->do_bits, 1);
}

// Makes the cookie to send; true when the client's is right (proto:C2, C6).
static bool cookie_prepare(const struct worker *w, const struct frame *f, struct burst_query *bq)
{
	const struct cookie_client client = {.address = frame_client(f),
		.family = f->family,
		.now_s = atomic_load_explicit(&w->limits->now_s, memory_order_relaxed)};

	bq->cookie_size = 0;
	if (w->limits->cookies.n == 0 || bq->query.edns.cookie_size == 0)
		return false;
	bq->cookie_size = COOKIE_FULL_BYTES;
	return cookie_answer(&w->limits->cookies, &client, &bq->query.edns, bq->cookie);
}

// proto:A2; a valid cookie lifts the limit, because the address is no lie then.
static enum rate_verdict query_limit(
	struct worker *w, const struct frame *f, struct burst_query *bq)
{
	bool is_known = cookie_prepare(w, f, bq);

	if (w->limits->outside != OUTSIDE_LIMIT || is_known || !is_outside(w, f))
		return RATE_PASS;
	return rate_take(
		&w->rate, f->family, frame_client(f), (uint32_t)(rte_rdtsc() / w->cycles_per_ms));
}

// One query: parsed and planned. False: it ended here.
static bool query_prepare(struct worker *w, struct burst *b, struct burst_query *bq)
{
	struct frame *f = &b->frames[bq->frame];
	bool is_served = false;
	const struct image_listener *l =
		root_listener(b->root, f->address, f->server_port, &is_served);

	if (!is_served && w->host->addresses[f->address].is_shared) {
		burst_drop(b, bq->frame, DROP_KERNEL);
		return false;
	}
	if (!is_served && w->host->has_exception) {
		frame_excepted(w, b, bq->frame);
		return false;
	}
	if (!is_served) {
		burst_drop(b, bq->frame, DROP_UDP_PORT);
		return false;
	}
	bq->verdict = query_parse(frame_dns(f), frame_dns_bytes(f), TRANSPORT_UDP, &bq->query);
	if (bq->verdict == QUERY_DROP_SHORT || bq->verdict == QUERY_DROP_RESPONSE) {
		burst_drop(b, bq->frame,
			bq->verdict == QUERY_DROP_SHORT ? DROP_DNS_SHORT : DROP_DNS_RESPONSE);
		return false;
	}
	enum rate_verdict limit = query_limit(w, f, bq);
	bq->is_slip = limit == RATE_SLIP && bq->verdict == QUERY_OK;
	if (limit != RATE_PASS && !bq->is_slip) { // proto:H16: errors are not worth a slip
		burst_drop(b, bq->frame, DROP_RATE_LIMIT);
		return false;
	}
	if (bq->is_slip) {
		bq->verdict = QUERY_ERROR; // no look-up, no punt
		bq->query.rcode = RCODE_NOERROR;
	}
	answer_plan(&b->root->snapshot, l, &bq->query, bq->verdict, &bq->plan);
	bq->scope = scope_of(&b->root->scopes, bq->plan.top, l, bq->plan.rule);
	query_count(b, bq);
	return true;
}

// Not inlined: the loops that call it for one query in many would have no registers left.
__attribute__((noinline)) void burst_unplain(struct burst *b, unsigned i)
{
	const struct plain_query *p = &b->plain[i];
	const struct frame *f = &b->frames[p->frame];
	struct burst_query *bq = &b->queries[b->n_queries++];
	bool is_served = false;

	bq->frame = p->frame;
	bq->key = (uint8_t)i;
	bq->scope = p->scope;
	bq->is_slip = false;
	bq->cookie_size = 0;
	bq->verdict = query_parse(frame_dns(f), frame_dns_bytes(f), TRANSPORT_UDP, &bq->query);
	answer_plan(&b->root->snapshot,
		root_listener(b->root, f->address, f->server_port, &is_served), &bq->query,
		bq->verdict, &bq->plan);
}

static void key_add(struct burst *b, struct burst_query *bq)
{
	bq->key = (uint8_t)b->n_keys;
	b->keys[b->n_keys] = &bq->plan.key;
	if (b->secret != NULL)
		b->index_keys[b->n_keys] = index_key_of(b->secret, &bq->plan.key);
	b->n_keys++;
}

// Queries that end here leave the array, and so do plain ones; the others keep their places,
// because a query's key may point into it.
void burst_queries(struct worker *w, struct burst *b)
{
	unsigned kept = 0;

	if (b->has_plain)
		burst_plain(w, b);
	for (unsigned i = 0; i < b->n_queries; i++) {
		struct burst_query *bq = &b->queries[kept];
		bq->frame = b->queries[i].frame;
		if (!query_prepare(w, b, bq))
			continue;
		if (bq->plan.needs_find)
			key_add(b, bq);
		kept++;
	}
	b->n_queries = kept;
}
