// SPDX-License-Identifier: Apache-2.0
// Notes replies for `log`: only called while some rule asks for it.
#include "dataplane/worker/log.h"

#include <rte_cycles.h>

void burst_log(struct burst *b, const struct burst_query *bq, const struct answer_result *r,
	size_t size_bytes)
{
	const struct frame *f = &b->frames[bq->frame];
	const struct image_rule *rule = bq->plan.rule;
	uint8_t classes = scope_log_classes(rule);
	uint64_t now = rte_rdtsc();

	if (classes == 0)
		return;
	bool has_edns = bq->query.edns.present;
	const struct qlog_query q = {.client = frame_client(f),
		.server = frame_client(f) + (f->family == 4 ? 4 : 16), // behind the source
		.now_ticks = now,
		.took_ns = (uint64_t)((double)(now - b->log_start_cycles) * 1e9 /
			(double)b->log->ticks_per_s),
		.request_bytes = frame_dns_bytes(f),
		.client_port = f->client_port,
		.server_port = f->server_port,
		.udp_bytes = has_edns ? bq->query.edns.udp_bytes : 0,
		.rcode = r->rcode,
		.block = rule->server,
		.family = f->family,
		.classes = classes,
		.flags = has_edns && bq->query.edns.is_do ? QLOG_RECORD_DO : 0};
	qlog_write(b->log, &q, frame_dns(f), size_bytes);
}
