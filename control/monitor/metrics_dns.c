// SPDX-License-Identifier: Apache-2.0
// coredns_dns_*: what CoreDNS counts per server and zone, and where queries were punted.
#include "control/monitor/metrics.h"
#include "control/monitor/totals.h"

#include <string.h>

static const double latency_bounds[SCOPE_LATENCY_BUCKETS - 1] = {0.00025, 0.0005, 0.001, 0.002,
	0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192};

static const char *const transports[2] = {"udp", "tcp"};

// server, view, zone as every metric here has them. burst53 has no views.
static struct labels labels_of(const struct scope_total *t)
{
	return (struct labels){.n = 3,
		.list = {{"server", t->label.server}, {"view", ""}, {"zone", t->label.zone}}};
}

static void add(struct labels *l, const char *name, const char *value)
{
	l->list[l->n++] = (struct label){name, value};
}

static void requests(const struct scope_total *t, struct text *out)
{
	static const char *const families[2] = {"1", "2"};

	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = 0; i < 2 * SCOPE_TYPES_MAX; i++) {
			uint64_t n = t->types[p][i / SCOPE_TYPES_MAX][i % SCOPE_TYPES_MAX];
			struct labels l = labels_of(t);
			if (n == 0)
				continue;
			add(&l, "proto", transports[p]);
			add(&l, "family", families[i / SCOPE_TYPES_MAX]);
			add(&l, "type", counters_type_name(i % SCOPE_TYPES_MAX));
			text_count(out, "coredns_dns_requests_total", &l, n);
		}
	}
}

static void responses(const struct scope_total *t, struct text *out)
{
	for (unsigned i = 0; i < SCOPE_PLUGIN_COUNT * SCOPE_RCODE_COUNT; i++) {
		unsigned plugin = i / SCOPE_RCODE_COUNT, rcode = i % SCOPE_RCODE_COUNT;
		struct labels l = labels_of(t);
		if (t->responses[plugin][rcode] == 0)
			continue;
		add(&l, "rcode", counters_rcode_name((enum scope_rcode)rcode));
		add(&l, "plugin", counters_plugin_name((enum scope_plugin)plugin));
		text_count(out, "coredns_dns_responses_total", &l, t->responses[plugin][rcode]);
	}
}

static void do_requests(const struct scope_total *t, struct text *out)
{
	const struct labels l = labels_of(t);

	text_count(out, "coredns_dns_do_requests_total", &l, t->do_bits);
}

static void durations(const struct scope_total *t, struct text *out)
{
	const struct labels l = labels_of(t);
	const struct histogram h = {.bounds = latency_bounds,
		.n_bounds = SCOPE_LATENCY_BUCKETS - 1,
		.counts = t->latency,
		.sum = t->latency_sum_s};

	text_histogram(out, "coredns_dns_request_duration_seconds", &l, &h);
}

// TCP only where it was used.
static void sizes(const struct scope_total *t, const char *name, const uint64_t *counts,
	uint64_t sum, unsigned transport, struct text *out)
{
	double bounds[SCOPE_SIZE_BUCKETS - 1];
	struct labels l = labels_of(t);
	uint64_t n = 0;

	for (unsigned i = 0; i < SCOPE_SIZE_BUCKETS; i++)
		n += counts[i];
	if (n == 0 && transport == TOTALS_TCP)
		return;
	for (unsigned i = 0; i < SCOPE_SIZE_BUCKETS - 1; i++)
		bounds[i] = counters_size_bound(i);
	add(&l, "proto", transports[transport]);
	text_histogram(out, name, &l,
		&(struct histogram){.bounds = bounds,
			.n_bounds = SCOPE_SIZE_BUCKETS - 1,
			.counts = counts,
			.sum = (double)sum});
}

static void request_sizes(const struct scope_total *t, struct text *out)
{
	for (unsigned p = 0; p < 2; p++)
		sizes(t, "coredns_dns_request_size_bytes", t->request_bytes[p],
			t->request_bytes_sum[p], p, out);
}

static void response_sizes(const struct scope_total *t, struct text *out)
{
	for (unsigned p = 0; p < 2; p++)
		sizes(t, "coredns_dns_response_size_bytes", t->response_bytes[p],
			t->response_bytes_sum[p], p, out);
}

static void punts(const struct scope_total *t, struct text *out)
{
	for (unsigned i = 0; i < SCOPE_PLUGIN_COUNT; i++) {
		const char *plugin = counters_plugin_name((enum scope_plugin)i);
		const struct labels l = {.n = 3,
			.list = {{"server", t->label.server}, {"zone", t->label.zone},
				{"plugin", plugin}}};
		if (t->punts[i] != 0)
			text_count(out, "burst53_punts_total", &l, t->punts[i]);
	}
}

struct part {
	const char *name;
	enum metric_type type;
	const char *help;
	void (*write)(const struct scope_total *t, struct text *out);
};

static const struct part parts[] = {
	{"coredns_dns_requests_total", METRIC_COUNTER,
		"Counter of DNS requests made per zone, protocol and family.", requests},
	{"coredns_dns_responses_total", METRIC_COUNTER, "Counter of response status codes.",
		responses},
	{"coredns_dns_do_requests_total", METRIC_COUNTER,
		"Counter of DNS requests with DO bit set per zone.", do_requests},
	{"coredns_dns_request_duration_seconds", METRIC_HISTOGRAM,
		"Histogram of the time (in seconds) each request took per zone; of replies of "
		"workers, the time of their burst.",
		durations},
	{"coredns_dns_request_size_bytes", METRIC_HISTOGRAM,
		"Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
		request_sizes},
	{"coredns_dns_response_size_bytes", METRIC_HISTOGRAM,
		"Size of the returned response in bytes.", response_sizes},
	{"burst53_punts_total", METRIC_COUNTER,
		"Queries that workers gave to the slow path, by the plugin that is to answer.",
		punts},
};

// What counts only what went wrong is shown once it did.
static bool is_shown(const struct scope_total *t)
{
	bool is_special =
		strcmp(t->label.zone, "dropped") == 0 || strcmp(t->label.zone, "other") == 0;

	return !is_special || total_has_counted(t);
}

void metrics_dns(const struct metrics *m, struct text *out)
{
	static struct totals totals; // large; there is one thread

	totals_collect(m->page, &totals);
	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
		text_metric(out, parts[p].name, parts[p].type, parts[p].help);
		for (size_t i = 0; i < totals.n; i++) {
			if (is_shown(&totals.list[i]))
				parts[p].write(&totals.list[i], out);
		}
	}
}
