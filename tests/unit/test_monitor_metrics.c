// SPDX-License-Identifier: Apache-2.0
// What /metrics shows of a page that we fill, and how queries find their scope.
#include "control/monitor/metrics.h"
#include "control/monitor/totals.h"
#include "zones/corefile/kinds.h"
#include "zones/scope/scope_map.h"

#include "tests/unit/image_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct counters_page page; // large
static struct health health;
static struct checks checks;
static struct qlog_stats qlog;
static struct tap_stats tap;

static int fresh(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	memset(&health, 0, sizeof(health));
	memset(&checks, 0, sizeof(checks));
	return 0;
}

// All metrics as one string, the caller's to free.
static char *write_all(void)
{
	const struct metrics m = {.page = &page,
		.health = &health,
		.checks = &checks,
		.qlog = &qlog,
		.tap = &tap,
		.version = "test",
		.now_ns = 100000000000};
	struct text t = {0};

	metrics_write(&m, &t);
	assert_false(t.failed);
	char *all = calloc(1, t.len + 1);
	assert_non_null(all);
	memcpy(all, t.buf, t.len);
	free(t.buf);
	return all;
}

static void expect_line(const char *all, const char *line)
{
	const char *at = strstr(all, line);

	if (at == NULL || (at != all && at[-1] != '\n'))
		fail_msg("there is no line: %s", line);
}

static uint8_t add_scope(struct scope_table *t, const char *server, const char *zone)
{
	struct scope_label label;

	scope_label_fill(&label, server, strlen(server), zone, strlen(zone));
	return scope_find(t, &label);
}

static void a_scope_keeps_its_number_and_a_full_table_says_other(void **state)
{
	static struct scope_table t;
	char zone[400];

	(void)state;
	assert_int_equal(scope_count(&t), 1);
	assert_int_equal(add_scope(&t, "dns://:53", "."), 1);
	assert_int_equal(add_scope(&t, "dns://:53", "cluster.local."), 2);
	assert_int_equal(add_scope(&t, "dns://:53", "."), 1);
	memset(zone, 'a', sizeof(zone) - 1);
	zone[sizeof(zone) - 1] = 0;
	assert_int_equal(add_scope(&t, "dns://:53", zone), 3);
	assert_int_equal(strlen(t.labels[2].zone), SCOPE_ZONE_BYTES - 1);
	assert_int_equal(add_scope(&t, "dns://:53", zone), 3);
	for (unsigned i = 4; i < 2 * SCOPES_MAX; i++) {
		(void)snprintf(zone, sizeof(zone), "z%u.", i);
		assert_int_equal(add_scope(&t, "dns://:53", zone),
			i < SCOPES_MAX ? i : (unsigned)SCOPE_OTHER);
	}
	assert_int_equal(scope_count(&t), SCOPES_MAX);
}

static void every_rule_listener_and_step_of_an_image_has_its_scope(void **state)
{
	static struct scope_table t;
	struct image_fixture f;
	struct scope_map m;

	(void)state;
	image_fixture_make(&f,
		&(struct image_fixture_spec){.n_services = 3, .n_endpoints = 2, .generation = 1});
	assert_int_equal(scope_map_make(&m, &f.image, &t), 0);
	for (uint32_t i = 0; i < f.image.n_rules; i++)
		assert_int_equal(scope_of(&m, &f.image, NULL, &f.image.rules[i]), 1);
	assert_int_equal(scope_of(&m, &f.image, &f.image.listeners[0], NULL), 2);
	assert_int_equal(scope_of(&m, &f.image, NULL, NULL), SCOPE_OTHER);
	assert_string_equal(t.labels[0].zone, ".");
	assert_string_equal(t.labels[1].zone, "dropped");
	assert_int_equal(scope_plugin_of(&m, &f.image, NULL), SCOPE_PLUGIN_NONE);
	bool has_forward = false, has_kubernetes = false;
	for (uint32_t i = 0; i < f.image.n_steps; i++) {
		enum scope_plugin p = scope_plugin_of(&m, &f.image, &f.image.steps[i]);
		has_forward |= p == SCOPE_PLUGIN_FORWARD;
		has_kubernetes |= p == SCOPE_PLUGIN_KUBERNETES;
	}
	assert_true(has_forward && has_kubernetes);
	scope_map_free(&m);
	image_fixture_free(&f);
	assert_int_equal(scope_map_make(&m, NULL, &t), 0);
	assert_int_equal(scope_of(&m, NULL, NULL, NULL), SCOPE_OTHER);
	scope_map_free(&m);
}

static void classes_of_types_codes_sizes_and_durations_are_coredns(void **state)
{
	static const struct {
		size_t size;
		uint32_t bound;
	} sizes[] = {{0, 0}, {1, 100}, {100, 100}, {101, 200}, {511, 511}, {512, 1023},
		{64000, 64000}, {64001, UINT32_MAX}, {65535, UINT32_MAX}};

	(void)state;
	assert_string_equal(counters_type_name(counters_type(28)), "AAAA");
	assert_string_equal(counters_type_name(counters_type(65)), "HTTPS");
	assert_string_equal(counters_type_name(counters_type(64)), "other");
	assert_string_equal(counters_type_name(counters_type(60000)), "other");
	assert_string_equal(counters_rcode_name(counters_rcode(3)), "NXDOMAIN");
	assert_string_equal(counters_rcode_name(counters_rcode(16)), "BADVERS");
	assert_string_equal(counters_rcode_name(counters_rcode(11)), "other");
	assert_string_equal(counters_rcode_name(counters_rcode(4095)), "other");
	assert_int_equal(counters_plugin("", 0), SCOPE_PLUGIN_NONE);
	assert_int_equal(counters_plugin("loop", 4), SCOPE_PLUGIN_OTHER);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(
			counters_size_bound(counters_size_bucket(sizes[i].size)), sizes[i].bound);
	assert_int_equal(counters_latency_bucket(250, 250), 0);
	assert_int_equal(counters_latency_bucket(251, 250), 1);
	assert_int_equal(counters_latency_bucket(UINT64_MAX, 250), SCOPE_LATENCY_BUCKETS - 1);
}

// One query of a worker, one over TCP, one that a worker punted and the slow path answered.
static void workers_and_threads_are_one_series(void **state)
{
	(void)state;
	uint8_t w = add_scope(&page.worker_table, "dns://:53", ".");
	assert_int_equal(add_scope(&page.thread_table, "dns://:54", "x."), 1);
	uint8_t t = add_scope(&page.thread_table, "dns://:53", ".");
	struct scope_counters *worker = &page.worker_scopes[1][w];
	struct thread_scope *thread = &page.thread_scopes[0][t];

	counter_set(&page.tsc_hz, 1000000000);
	counter_add(&worker->udp.types[0][counters_type(1)], 2);
	counter_add(&worker->udp.request_bytes[1], 2);
	counter_add(&worker->responses[SCOPE_PLUGIN_KUBERNETES][SCOPE_RCODE_NXDOMAIN], 1);
	counter_add(&worker->punts[SCOPE_PLUGIN_FORWARD], 1);
	counter_add(&worker->latency[0], 1);
	counter_add(&worker->latency_sum, 1000);
	counter_add(&thread->both.responses[SCOPE_PLUGIN_FORWARD][SCOPE_RCODE_NOERROR], 1);
	counter_add(&thread->both.latency[16], 1);
	counter_add(&thread->both.latency_sum, 2000000000);
	counter_add(&thread->tcp.types[1][counters_type(33)], 1);
	counter_add(&thread->tcp.request_bytes[1], 1);
	counter_add(&thread->tcp.request_bytes_sum, 50);
	char *all = write_all();
	expect_line(all,
		"coredns_dns_requests_total{server=\"dns://:53\",view=\"\",zone=\".\","
		"proto=\"udp\",family=\"1\",type=\"A\"} 2\n");
	expect_line(all,
		"coredns_dns_requests_total{server=\"dns://:53\",view=\"\",zone=\".\","
		"proto=\"tcp\",family=\"2\",type=\"SRV\"} 1\n");
	expect_line(all,
		"coredns_dns_responses_total{server=\"dns://:53\",view=\"\",zone=\".\","
		"rcode=\"NXDOMAIN\",plugin=\"kubernetes\"} 1\n");
	expect_line(all,
		"coredns_dns_responses_total{server=\"dns://:53\",view=\"\",zone=\".\","
		"rcode=\"NOERROR\",plugin=\"forward\"} 1\n");
	expect_line(all,
		"coredns_dns_request_duration_seconds_bucket{server=\"dns://:53\","
		"view=\"\",zone=\".\",le=\"8.192\"} 1\n");
	expect_line(all,
		"coredns_dns_request_duration_seconds_sum{server=\"dns://:53\",view=\"\","
		"zone=\".\"} 2.000001\n");
	expect_line(all,
		"coredns_dns_request_duration_seconds_count{server=\"dns://:53\","
		"view=\"\",zone=\".\"} 2\n");
	expect_line(all,
		"coredns_dns_request_size_bytes_sum{server=\"dns://:53\",view=\"\","
		"zone=\".\",proto=\"tcp\"} 50\n");
	expect_line(all,
		"coredns_dns_do_requests_total{server=\"dns://:54\",view=\"\","
		"zone=\"x.\"} 0\n");
	expect_line(
		all, "burst53_punts_total{server=\"dns://:53\",zone=\".\",plugin=\"forward\"} 1\n");
	assert_null(strstr(all, "zone=\"other\""));
	free(all);
}

static void drops_have_a_series_for_each_reason_from_the_start(void **state)
{
	(void)state;
	counter_add(&page.workers[0].drops[DROP_ACL], 2);
	counter_add(&page.workers[5].drops[DROP_ACL], 3); // of a worker that is gone
	char *all = write_all();
	expect_line(all, "burst53_drops_total{reason=\"acl\"} 5\n");
	expect_line(all, "burst53_drops_total{reason=\"udp_checksum\"} 0\n");
	free(all);
	health.server = SERVED_BY_SLOWPATH; // no workers: nothing of theirs
	all = write_all();
	assert_null(strstr(all, "burst53_drops_total"));
	free(all);
}

static void what_is_half_written_is_not_shown(void **state)
{
	struct enabled_table *t = &page.control.enabled;

	(void)state;
	(void)snprintf(t->entries[0].label.server, SCOPE_SERVER_BYTES, "dns://:53");
	(void)snprintf(t->entries[0].label.zone, SCOPE_ZONE_BYTES, ".");
	counter_set(&t->entries[0].directives, UINT64_C(1) << 3);
	counter_set(&t->n, 1);
	counter_set(&t->version, 2);
	char *all = write_all();
	expect_line(all,
		"coredns_plugin_enabled{server=\"dns://:53\",zone=\".\",view=\"\","
		"name=\"cancel\"} 1\n");
	free(all);
	counter_set(&t->version, 3);
	all = write_all();
	assert_null(strstr(all, "\ncoredns_plugin_enabled{"));
	free(all);
}

static void results_with_one_code_are_one_series(void **state)
{
	struct resource_counters *r = &page.control.resources[1];

	(void)state;
	counter_set(&r->is_watched, 1);
	counter_set(&r->list_results[0], 4); // ok
	counter_set(&r->watch_results[1], 2); // no connection
	counter_set(&r->watch_results[3], 5); // cut
	counter_set(&r->failing_since_monotonic_ms, 90000);
	(void)snprintf(page.control.api_host, sizeof(page.control.api_host), "10.0.0.1:443");
	char *all = write_all();
	expect_line(all,
		"coredns_kubernetes_rest_client_requests_total{code=\"200\","
		"method=\"GET\",host=\"10.0.0.1:443\"} 4\n");
	expect_line(all,
		"coredns_kubernetes_rest_client_requests_total{code=\"<error>\","
		"method=\"GET\",host=\"10.0.0.1:443\"} 7\n");
	expect_line(all, "burst53_watch_failing_seconds{resource=\"services\"} 10\n");
	expect_line(
		all, "burst53_api_watch_results_total{resource=\"services\",result=\"cut\"} 5\n");
	assert_null(strstr(all, "resource=\"pods\""));
	free(all);
}

static void processes_show_what_they_use(void **state)
{
	(void)state;
	counter_set(&page.processes[PROCESS_MONITOR].pid, (uint64_t)getpid());
	counter_set(&page.processes[PROCESS_CONTROL].pid, UINT64_MAX);
	char *all = write_all();
	expect_line(all, "burst53_process_running{process=\"monitor\"} 1\n");
	expect_line(all, "burst53_process_running{process=\"control\"} 0\n");
	expect_line(all, "burst53_process_threads{process=\"monitor\"} ");
	assert_null(strstr(all, "process_resident_memory_bytes 0\n"));
	assert_null(strstr(all, "process_open_fds 0\n"));
	free(all);
}

static void a_page_of_garbage_is_shown_within_bounds(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(page); i++) {
		x = x * 1664525 + 1013904223;
		((uint8_t *)&page)[i] = (uint8_t)(x >> 24);
	}
	memset(page.processes, 0, sizeof(page.processes));
	free(write_all());
	health_look(&health, &page, 1000);
}

#define CASE(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_scope_keeps_its_number_and_a_full_table_says_other),
		CASE(every_rule_listener_and_step_of_an_image_has_its_scope),
		CASE(classes_of_types_codes_sizes_and_durations_are_coredns),
		CASE(workers_and_threads_are_one_series),
		CASE(drops_have_a_series_for_each_reason_from_the_start),
		CASE(what_is_half_written_is_not_shown),
		CASE(results_with_one_code_are_one_series),
		CASE(processes_show_what_they_use),
		CASE(a_page_of_garbage_is_shown_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
