// SPDX-License-Identifier: Apache-2.0
// coredns_cache_*, coredns_proxy_*, coredns_forward_*: names outside the cluster. The last ones are
// shown under their older names too, which dashboards still ask for.
#include "control/monitor/metrics.h"
#include "control/monitor/totals.h"

#include <string.h>

static const char *const kinds[OUTSIDE_KINDS] = {"success", "denial"};
static const char *const protos[UPSTREAM_PROTOS] = {"udp", "tcp", "tcp-tls"};

static const double latency_bounds[SCOPE_LATENCY_BUCKETS - 1] = {0.00025, 0.0005, 0.001, 0.002,
	0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192};

// A cache as it is shown. The workers' cache stands in front of all others: what it answers is a
// hit of whichever comes first.
struct cache_view {
	char server[SCOPE_SERVER_BYTES], zones[SCOPE_ZONE_BYTES];
	uint64_t entries[OUTSIDE_KINDS], hits[OUTSIDE_KINDS], evictions[OUTSIDE_KINDS];
	uint64_t misses, prefetches, stale;
};

struct cache_views {
	size_t n;
	struct cache_view list[OUTSIDE_CACHES_MAX];
};

static void copy_text(char *to, const char *from, size_t size_bytes)
{
	memcpy(to, from, size_bytes);
	to[size_bytes - 1] = 0; // nothing in the page is trusted
}

static void view_make(const struct cache_counters *c, struct cache_view *v)
{
	copy_text(v->server, c->label.server, sizeof(v->server));
	copy_text(v->zones, c->label.zone, sizeof(v->zones));
	for (unsigned k = 0; k < OUTSIDE_KINDS; k++) {
		v->entries[k] = counter_get(&c->entries[k]);
		v->hits[k] = counter_get(&c->hits[k]);
		v->evictions[k] = counter_get(&c->evictions[k]);
	}
	v->misses = counter_get(&c->misses);
	v->prefetches = counter_get(&c->prefetches);
	v->stale = counter_get(&c->stale);
}

static void views_make(const struct metrics *m, struct cache_views *out)
{
	const struct outside_counters *o = &m->page->outside;
	uint32_t n = outside_caches(o);

	*out = (struct cache_views){0};
	for (uint32_t i = 1; i < n; i++)
		view_make(&o->caches[i], &out->list[out->n++]);
	if (n == OUTSIDE_CACHES_MAX && out->n < OUTSIDE_CACHES_MAX) {
		view_make(&o->caches[0], &out->list[out->n]);
		memcpy(out->list[out->n].server, "other", sizeof("other"));
		memcpy(out->list[out->n++].zones, "other", sizeof("other"));
	}
	for (unsigned i = 0; i < COUNTERS_WORKERS_MAX && out->n > 0; i++) {
		for (unsigned k = 0; k < OUTSIDE_KINDS; k++)
			out->list[0].hits[k] += counter_get(&m->page->workers[i].cache_hits[k]);
	}
}

static void by_kind(
	const struct cache_views *views, const char *name, size_t offset, struct text *out)
{
	for (size_t i = 0; i < views->n; i++) {
		const struct cache_view *v = &views->list[i];
		const char *bytes = (const char *)v;
		for (unsigned k = 0; k < OUTSIDE_KINDS; k++) {
			const struct labels l = {.n = 4,
				.list = {{"server", v->server}, {"type", kinds[k]},
					{"zones", v->zones}, {"view", ""}}};
			uint64_t value;
			memcpy(&value, bytes + offset + k * sizeof(value), sizeof(value));
			text_count(out, name, &l, value);
		}
	}
}

static uint64_t requests_of(const struct cache_view *v)
{
	return v->hits[OUTSIDE_SUCCESS] + v->hits[OUTSIDE_DENIAL] + v->misses;
}

static void one(const struct cache_view *v, const char *name, uint64_t value, struct text *out)
{
	const struct labels l = {
		.n = 3, .list = {{"server", v->server}, {"zones", v->zones}, {"view", ""}}};

	text_count(out, name, &l, value);
}

static void caches(const struct metrics *m, struct text *out)
{
	static struct cache_views views; // large; there is one thread
	static const char *const names[] = {"coredns_cache_requests_total",
		"coredns_cache_misses_total", "coredns_cache_prefetch_total",
		"coredns_cache_served_stale_total", "coredns_cache_drops_total"};
	static const char *const helps[] = {"The count of cache requests.",
		"The count of cache misses. Deprecated, derive misses from cache hits/requests "
		"counters.",
		"The number of times the cache has prefetched a cached item.",
		"The number of requests served from stale cache entries.",
		"The number responses that are not cached, because the reply is malformed; "
		"burst53 answers SERVFAIL then."};

	views_make(m, &views);
	text_metric(
		out, "coredns_cache_entries", METRIC_GAUGE, "The number of elements in the cache.");
	by_kind(&views, "coredns_cache_entries", offsetof(struct cache_view, entries), out);
	text_metric(out, "coredns_cache_hits_total", METRIC_COUNTER, "The count of cache hits.");
	by_kind(&views, "coredns_cache_hits_total", offsetof(struct cache_view, hits), out);
	text_metric(out, "coredns_cache_evictions_total", METRIC_COUNTER,
		"The count of cache evictions.");
	by_kind(&views, "coredns_cache_evictions_total", offsetof(struct cache_view, evictions),
		out);
	for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		text_metric(out, names[k], METRIC_COUNTER, helps[k]);
		for (size_t i = 0; i < views.n; i++) {
			const struct cache_view *v = &views.list[i];
			const uint64_t values[] = {
				requests_of(v), v->misses, v->prefetches, v->stale, 0};
			one(v, names[k], values[k], out);
		}
	}
}

// The upstreams that have entries, and then "other" if it was needed.
static uint32_t upstreams_shown(const struct outside_counters *o)
{
	return outside_upstreams(o) - 1 + (counter_get(&o->upstreams[0].asked) != 0 ? 1 : 0);
}

static const struct upstream_counters *upstream_at(
	const struct outside_counters *o, uint32_t i, char to[UPSTREAM_TO_BYTES])
{
	bool is_other = i + 1 >= outside_upstreams(o);
	const struct upstream_counters *u = &o->upstreams[is_other ? 0 : i + 1];

	copy_text(to, is_other ? "other" : u->to, is_other ? sizeof("other") : UPSTREAM_TO_BYTES);
	return u;
}

struct upstream_metric {
	const char *name;
	enum metric_type type;
	const char *help;
	bool is_proxy; // has the label proxy_name
	void (*write)(const struct upstream_metric *um, const struct upstream_counters *u,
		const char *to, struct text *out);
};

static struct labels labels_of(const struct upstream_metric *um, const char *to)
{
	struct labels l = {0};

	if (um->is_proxy)
		l.list[l.n++] = (struct label){"proxy_name", "forward"};
	l.list[l.n++] = (struct label){"to", to};
	return l;
}

static void durations(const struct upstream_metric *um, const struct upstream_counters *u,
	const char *to, struct text *out)
{
	for (unsigned r = 0; r < SCOPE_RCODE_COUNT; r++) {
		struct labels l = labels_of(um, to);
		uint64_t counts[SCOPE_LATENCY_BUCKETS], n = 0;
		for (unsigned i = 0; i < SCOPE_LATENCY_BUCKETS; i++)
			n += counts[i] = counter_get(&u->latency[r][i]);
		l.list[l.n++] = (struct label){"rcode", counters_rcode_name((enum scope_rcode)r)};
		if (n != 0 && um->type == METRIC_COUNTER)
			text_count(out, um->name, &l, n);
		else if (n != 0)
			text_histogram(out, um->name, &l,
				&(struct histogram){.bounds = latency_bounds,
					.n_bounds = SCOPE_LATENCY_BUCKETS - 1,
					.counts = counts,
					.sum = (double)counter_get(&u->latency_sum_ns[r]) / 1e9});
	}
}

static void asked(const struct upstream_metric *um, const struct upstream_counters *u,
	const char *to, struct text *out)
{
	const struct labels l = labels_of(um, to);

	text_count(out, um->name, &l, counter_get(&u->asked));
}

static void failed_checks(const struct upstream_metric *um, const struct upstream_counters *u,
	const char *to, struct text *out)
{
	const struct labels l = labels_of(um, to);

	text_count(out, um->name, &l, counter_get(&u->failed_checks));
}

static void connections(
	const struct upstream_metric *um, const counter_t *counts, const char *to, struct text *out)
{
	for (unsigned p = 0; p < UPSTREAM_PROTOS; p++) {
		struct labels l = labels_of(um, to);
		l.list[l.n++] = (struct label){"proto", protos[p]};
		text_count(out, um->name, &l, counter_get(&counts[p]));
	}
}

static void kept(const struct upstream_metric *um, const struct upstream_counters *u,
	const char *to, struct text *out)
{
	connections(um, u->kept, to, out);
}

static void opened(const struct upstream_metric *um, const struct upstream_counters *u,
	const char *to, struct text *out)
{
	connections(um, u->opened, to, out);
}

static const struct upstream_metric upstream_metrics[] = {
	{"coredns_proxy_request_duration_seconds", METRIC_HISTOGRAM,
		"Histogram of the time each request took.", true, durations},
	{"coredns_proxy_healthcheck_failures_total", METRIC_COUNTER,
		"Counter of the number of failed healthchecks.", true, failed_checks},
	{"coredns_proxy_conn_cache_hits_total", METRIC_COUNTER,
		"Counter of connection cache hits per upstream and protocol.", true, kept},
	{"coredns_proxy_conn_cache_misses_total", METRIC_COUNTER,
		"Counter of connection cache misses per upstream and protocol.", true, opened},
	{"coredns_forward_requests_total", METRIC_COUNTER, "Counter of requests made per upstream.",
		false, asked},
	{"coredns_forward_responses_total", METRIC_COUNTER,
		"Counter of responses received per upstream.", false, durations},
	{"coredns_forward_request_duration_seconds", METRIC_HISTOGRAM,
		"Histogram of the time each request took.", false, durations},
	{"coredns_forward_healthcheck_failures_total", METRIC_COUNTER,
		"Counter of the number of failed healthchecks.", false, failed_checks},
};

static void upstreams(const struct metrics *m, struct text *out)
{
	const struct outside_counters *o = &m->page->outside;
	char to[UPSTREAM_TO_BYTES];

	for (size_t k = 0; k < sizeof(upstream_metrics) / sizeof(upstream_metrics[0]); k++) {
		const struct upstream_metric *um = &upstream_metrics[k];
		text_metric(out, um->name, um->type, um->help);
		for (uint32_t i = 0; i < upstreams_shown(o); i++)
			um->write(um, upstream_at(o, i, to), to, out);
	}
	text_counter(out, "coredns_forward_healthcheck_broken_total",
		"Counter of the number of complete failures of the healthchecks.",
		counter_get(&o->all_broken));
	text_counter(out, "coredns_forward_max_concurrent_rejects_total",
		"Counter of the number of queries rejected because the concurrent queries were "
		"at maximum.",
		counter_get(&o->rejected));
	text_counter(out, "burst53_loop_probes_total",
		"Questions of our own that looked for a loop of forwarding.",
		counter_get(&o->loop_probes));
	text_counter(out, "burst53_loops_found_total", "Forwards whose upstreams sent them back.",
		counter_get(&o->loops_found));
	text_gauge(out, "burst53_looping_forwards",
		"Forwards that answer SERVFAIL because their upstreams ask us.",
		(double)counter_get(&o->looping));
	text_gauge(out, "burst53_forward_unusable_files",
		"Files that forward names and that cannot be used: what they said before counts.",
		(double)counter_get(&o->unusable_files));
}

// The workers' own cache.
static void workers_cache(const struct metrics *m, struct text *out)
{
	const struct outside_cache_counters *c = &m->page->outside_cache;

	text_gauge(out, "burst53_worker_cache_entries", "Outside answers that workers hold.",
		(double)counter_get(&c->entries));
	text_gauge(
		out, "burst53_worker_cache_bytes", "Their size.", (double)counter_get(&c->bytes));
	text_counter(out, "burst53_worker_cache_stored_total", "Answers that came in.",
		counter_get(&c->stored));
	text_counter(out, "burst53_worker_cache_evictions_total",
		"Answers that gave way to others.", counter_get(&c->evicted));
	text_counter(out, "burst53_worker_cache_refused_total",
		"Answers that were malformed or found no room.", counter_get(&c->refused));
}

void metrics_outside(const struct metrics *m, struct text *out)
{
	caches(m, out);
	upstreams(m, out);
	if (m->health->server == SERVED_BY_DATAPLANE)
		workers_cache(m, out);
}
