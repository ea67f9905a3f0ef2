// SPDX-License-Identifier: Apache-2.0
// CoreDNS' other metrics: build, plugins, health, reload, and what it measures of Kubernetes.
#include "control/monitor/metrics.h"
#include "zones/corefile/kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIND_NAME(id, name) name,
static const char *const kinds[] = {CONFIG_KINDS(KIND_NAME)};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), READS_MAX = 8 };

_Static_assert((int)KINDS <= 64, "one bit per directive");

static const double check_bounds[CHECK_BUCKETS - 1] = {0.00025, 0.0025, 0.025, 0.25, 2.5};
static const double rest_bounds[CONTROL_REST_BUCKETS - 1] = {
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

void checks_add(struct checks *c, uint64_t took_us, bool is_alive)
{
	double took_s = (double)took_us / 1e6;
	unsigned i = 0;

	while (i + 1 < CHECK_BUCKETS && took_s > check_bounds[i])
		i++;
	c->buckets[i]++;
	c->sum_s += took_s;
	if (!is_alive)
		c->failures++;
}

// The table while nobody writes it. False: it was always being written.
static bool read_enabled(const struct enabled_table *from, struct enabled_table *out)
{
	for (unsigned i = 0; i < READS_MAX; i++) {
		uint64_t before = atomic_load_explicit(&from->version, memory_order_acquire);
		memcpy(out, from, sizeof(*out));
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 && counter_get(&from->version) == before)
			return true;
	}
	return false;
}

static void enabled_entry(struct enabled_entry *e, struct text *out)
{
	uint64_t bits = counter_get(&e->directives);

	e->label.server[SCOPE_SERVER_BYTES - 1] = 0; // nothing in the page is trusted
	e->label.zone[SCOPE_ZONE_BYTES - 1] = 0;
	for (unsigned k = 0; k < KINDS; k++) {
		const struct labels l = {.n = 4,
			.list = {{"server", e->label.server}, {"zone", e->label.zone}, {"view", ""},
				{"name", kinds[k]}}};
		if (bits >> k & 1)
			text_count(out, "coredns_plugin_enabled", &l, 1);
	}
}

static void plugins(const struct metrics *m, struct text *out)
{
	static struct enabled_table table; // large; there is one thread

	text_metric(out, "coredns_plugin_enabled", METRIC_GAUGE,
		"A metric that indicates whether a plugin is enabled on per server and zone "
		"basis.");
	if (!read_enabled(&m->page->control.enabled, &table))
		return;
	for (uint64_t i = 0; i < counter_get(&table.n) && i < SCOPES_MAX; i++)
		enabled_entry(&table.entries[i], out);
}

static void build(const struct metrics *m, struct text *out)
{
	const struct labels l = {
		.n = 3, .list = {{"version", m->version}, {"revision", ""}, {"goversion", ""}}};

	text_metric(out, "coredns_build_info", METRIC_GAUGE,
		"A metric with a constant '1' value labeled by version, revision, and goversion "
		"from which CoreDNS was built; burst53's own version here.");
	text_count(out, "coredns_build_info", &l, 1);
	text_counter(out, "coredns_panics_total",
		"A metrics that counts the number of panics; burst53 has none.", 0);
}

static void health(const struct metrics *m, struct text *out)
{
	const struct histogram h = {.bounds = check_bounds,
		.n_bounds = CHECK_BUCKETS - 1,
		.counts = m->checks->buckets,
		.sum = m->checks->sum_s};

	text_metric(out, "coredns_health_request_duration_seconds", METRIC_HISTOGRAM,
		"Histogram of the time (in seconds) each check of our own health took.");
	text_histogram(out, "coredns_health_request_duration_seconds", NULL, &h);
	text_counter(out, "coredns_health_request_failures_total",
		"The number of times the health check failed.", m->checks->failures);
}

static void reload(const struct metrics *m, struct text *out)
{
	const struct control_counters *c = &m->page->control;
	char hash[24];
	const struct labels l = {.n = 2, .list = {{"hash", "xxh3"}, {"value", hash}}};

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, counter_get(&c->config_hash));
	text_counter(out, "coredns_reload_failed_total",
		"Counter of the number of failed reload attempts.",
		counter_get(&c->reloads_failed));
	text_metric(out, "coredns_reload_version_info", METRIC_GAUGE,
		"A metric with a constant '1' value labeled by hash, and value which type of hash "
		"generated.");
	if (counter_get(&c->config_hash) != 0)
		text_count(out, "coredns_reload_version_info", &l, 1);
}

static void hosts(const struct metrics *m, struct text *out)
{
	const struct control_counters *c = &m->page->control;
	uint64_t read_s = counter_get(&c->hosts_read_s);
	char path[CONTROL_PATH_BYTES + 1] = "";

	if (read_s == 0)
		return;
	memcpy(path, c->hosts_path, CONTROL_PATH_BYTES);
	const struct labels l = {.n = 1, .list = {{"hostsfile", path}}};
	text_metric(out, "coredns_hosts_entries", METRIC_GAUGE,
		"The combined number of entries in hosts and Corefile.");
	text_count(out, "coredns_hosts_entries", &l, counter_get(&c->hosts_entries));
	text_gauge(out, "coredns_hosts_reload_timestamp_seconds",
		"The timestamp of the last reload of hosts file.", (double)read_s);
}

void metrics_coredns(const struct metrics *m, struct text *out)
{
	build(m, out);
	plugins(m, out);
	health(m, out);
	reload(m, out);
	hosts(m, out);
}

static void programming(const struct programming_counters *p, const struct labels *l,
	const char *name, struct text *out)
{
	double bounds[CONTROL_PROGRAMMING_BUCKETS - 1], bound = 0.001;
	uint64_t counts[CONTROL_PROGRAMMING_BUCKETS];

	for (unsigned i = 0; i < CONTROL_PROGRAMMING_BUCKETS; i++)
		counts[i] = counter_get(&p->buckets[i]);
	for (unsigned i = 0; i < CONTROL_PROGRAMMING_BUCKETS - 1; i++, bound *= 2)
		bounds[i] = bound;
	text_histogram(out, name, l,
		&(struct histogram){.bounds = bounds,
			.n_bounds = CONTROL_PROGRAMMING_BUCKETS - 1,
			.counts = counts,
			.sum = (double)counter_get(&p->sum_ns) / 1e9});
}

static void rest_client(const struct metrics *m, struct text *out)
{
	// Codes of the results that have one; whatever else fails is "<error>" (client-go).
	static const char *const codes[CONTROL_RESULTS] = {"200", "<error>", "<error>", "<error>",
		"401", "403", "404", "410", "429", "4xx", "5xx", "<error>"};
	const struct control_counters *c = &m->page->control;
	uint64_t counts[CONTROL_REST_BUCKETS];
	char host[CONTROL_HOST_BYTES + 1] = "";

	memcpy(host, c->api_host, CONTROL_HOST_BYTES);
	const struct labels l = {.n = 2, .list = {{"verb", "GET"}, {"host", host}}};
	for (unsigned i = 0; i < CONTROL_REST_BUCKETS; i++)
		counts[i] = counter_get(&c->rest_buckets[i]);
	text_metric(out, "coredns_kubernetes_rest_client_request_duration_seconds",
		METRIC_HISTOGRAM,
		"Request latency in seconds, until the reply begins. Broken down by verb and "
		"host.");
	if (host[0] != 0)
		text_histogram(out, "coredns_kubernetes_rest_client_request_duration_seconds", &l,
			&(struct histogram){.bounds = rest_bounds,
				.n_bounds = CONTROL_REST_BUCKETS - 1,
				.counts = counts,
				.sum = (double)counter_get(&c->rest_sum_ns) / 1e9});
	text_metric(out, "coredns_kubernetes_rest_client_requests_total", METRIC_COUNTER,
		"Number of HTTP requests, partitioned by status code, method, and host.");
	for (unsigned code = 0; code < CONTROL_RESULTS; code++) {
		const struct labels lc = {
			.n = 3, .list = {{"code", codes[code]}, {"method", "GET"}, {"host", host}}};
		uint64_t n = 0;
		// Results with one code are one series, told by the first of them.
		for (unsigned i = 0; i < CONTROL_RESULTS; i++) {
			if (strcmp(codes[i], codes[code]) != 0)
				continue;
			if (i < code)
				break;
			for (unsigned r = 0; r < CONTROL_RESOURCES; r++)
				n += counter_get(&c->resources[r].list_results[i]) +
					counter_get(&c->resources[r].watch_results[i]);
		}
		if (n != 0)
			text_count(out, "coredns_kubernetes_rest_client_requests_total", &lc, n);
	}
}

void metrics_kubernetes(const struct metrics *m, struct text *out)
{
	static const char *const services[CONTROL_SERVICE_KINDS] = {
		"cluster_ip", "headless_with_selector", "headless_without_selector"};
	const struct control_counters *c = &m->page->control;

	text_metric(out, "coredns_kubernetes_dns_programming_duration_seconds", METRIC_HISTOGRAM,
		"In Cluster DNS Programming Latency in seconds: from the time that the endpoints "
		"name to the time that their answers are served.");
	for (unsigned i = 0; i < CONTROL_SERVICE_KINDS; i++) {
		const struct labels l = {.n = 1, .list = {{"service_kind", services[i]}}};
		programming(&c->programming[i], &l,
			"coredns_kubernetes_dns_programming_duration_seconds", out);
	}
	rest_client(m, out);
	text_metric(out, "burst53_publish_duration_seconds", METRIC_HISTOGRAM,
		"Time from a change's arrival to its answers being served.");
	programming(&c->published, NULL, "burst53_publish_duration_seconds", out);
}
