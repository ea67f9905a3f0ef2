// SPDX-License-Identifier: Apache-2.0
// Tells of messages for `dnstap`: only called while some rule asks for it. A query that goes on to
// the slow path is told of here, its reply there.
#include "dataplane/worker/log.h"

#include <rte_cycles.h>

static void tell(
	struct burst *b, const struct burst_query *bq, enum tap_kind kind, size_t size_bytes)
{
	const struct frame *f = &b->frames[bq->frame];
	const struct image_rule *rule = bq->plan.rule;
	uint8_t wish = scope_tap_wish(rule);
	uint64_t start = b->log_start_cycles;
	uint64_t now = kind == TAP_CLIENT_QUERY ? start : rte_rdtsc();

	if (wish == 0)
		return;
	bool has_edns = bq->query.edns.present;
	const struct qlog_query q = {.client = frame_client(f),
		.server = frame_client(f) + (f->family == 4 ? 4 : 16), // behind the source
		.now_ticks = now,
		.took_ns = (uint64_t)((double)(now - start) * 1e9 / (double)b->tap->ticks_per_s),
		.request_bytes = frame_dns_bytes(f),
		.client_port = f->client_port,
		.server_port = f->server_port,
		.udp_bytes = has_edns ? bq->query.edns.udp_bytes : 0,
		.block = rule->server,
		.family = f->family,
		.flags = has_edns && bq->query.edns.is_do ? QLOG_RECORD_DO : 0};
	const struct tap_event e = {.query = &q,
		.message = frame_dns(f),
		.size_bytes = size_bytes,
		.kind = kind,
		.wish = wish};
	tap_write(b->tap, &e);
}

void burst_tap_query(struct burst *b, const struct burst_query *bq)
{
	tell(b, bq, TAP_CLIENT_QUERY, frame_dns_bytes(&b->frames[bq->frame]));
}

void burst_tap_reply(struct burst *b, const struct burst_query *bq, size_t size_bytes)
{
	tell(b, bq, TAP_CLIENT_RESPONSE, size_bytes);
}
