// SPDX-License-Identifier: Apache-2.0
// Each process numbers its scopes itself; their texts tell which are the same.
#include "control/monitor/totals.h"

#include <string.h>

static void add_all(uint64_t *to, const counter_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += counter_get(&from[i]);
}

static void add_sizes(struct scope_total *t, unsigned transport, const struct scope_sizes *s)
{
	add_all(t->types[transport][0], s->types[0], SCOPE_TYPES_MAX);
	add_all(t->types[transport][1], s->types[1], SCOPE_TYPES_MAX);
	add_all(t->request_bytes[transport], s->request_bytes, SCOPE_SIZE_BUCKETS);
	add_all(t->response_bytes[transport], s->response_bytes, SCOPE_SIZE_BUCKETS);
	t->request_bytes_sum[transport] += counter_get(&s->request_bytes_sum);
	t->response_bytes_sum[transport] += counter_get(&s->response_bytes_sum);
}

static void add_scope(struct scope_total *t, const struct scope_counters *c, double ticks_per_s)
{
	add_sizes(t, TOTALS_UDP, &c->udp);
	t->do_bits += counter_get(&c->do_bits);
	for (unsigned i = 0; i < SCOPE_PLUGIN_COUNT; i++)
		add_all(t->responses[i], c->responses[i], SCOPE_RCODE_COUNT);
	add_all(t->punts, c->punts, SCOPE_PLUGIN_COUNT);
	add_all(t->latency, c->latency, SCOPE_LATENCY_BUCKETS);
	if (ticks_per_s > 0)
		t->latency_sum_s += (double)counter_get(&c->latency_sum) / ticks_per_s;
}

// The entry of a number of a table, made when it is not there.
static struct scope_total *entry_of(
	struct totals *totals, const struct scope_table *table, uint32_t number)
{
	struct scope_label label = {.server = "other", .zone = "other"};

	if (number != SCOPE_OTHER)
		label = table->labels[number - 1];
	label.server[SCOPE_SERVER_BYTES - 1] = 0; // nothing in the page is trusted
	label.zone[SCOPE_ZONE_BYTES - 1] = 0;
	for (size_t i = 0; i < totals->n; i++) {
		struct scope_total *t = &totals->list[i];
		if (strcmp(t->label.server, label.server) == 0 &&
			strcmp(t->label.zone, label.zone) == 0)
			return t;
	}
	struct scope_total *t = &totals->list[totals->n++]; // two tables fit
	t->label = label;
	return t;
}

void totals_collect(const struct counters_page *page, struct totals *out)
{
	// Threads that a restart made fewer have counted too.
	double hz = (double)counter_get(&page->tsc_hz);
	uint32_t n = scope_count(&page->worker_table);

	memset(out, 0, sizeof(*out));
	for (uint32_t s = 0; s < n; s++) {
		struct scope_total *t = entry_of(out, &page->worker_table, s);
		for (uint32_t i = 0; i < COUNTERS_WORKERS_MAX; i++)
			add_scope(t, &page->worker_scopes[i][s], hz);
	}
	n = scope_count(&page->thread_table);
	for (uint32_t s = 0; s < n; s++) {
		struct scope_total *t = entry_of(out, &page->thread_table, s);
		for (uint32_t i = 0; i < COUNTERS_THREADS_MAX; i++) {
			const struct thread_scope *c = &page->thread_scopes[i][s];
			add_scope(t, &c->both, 1e9);
			add_sizes(t, TOTALS_TCP, &c->tcp);
		}
	}
}

bool total_has_counted(const struct scope_total *t)
{
	uint64_t n = 0;

	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = 0; i < SCOPE_SIZE_BUCKETS; i++)
			n += t->request_bytes[p][i] + t->response_bytes[p][i];
	}
	return n != 0;
}
