// SPDX-License-Identifier: Apache-2.0
// What /metrics shows of caches, upstreams and directives, and that their number is bounded.
#include "control/monitor/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct counters_page page; // large
static struct health health;
static struct checks checks;
static struct qlog_stats qlog;
static struct tap_stats tap;

static int fresh(void **state)
{
	(void)state;
	memset(&page, 0, offsetof(struct counters_page, worker_rings));
	return 0;
}

static char *write_outside(void)
{
	const struct metrics m = {
		.page = &page, .health = &health, .checks = &checks, .qlog = &qlog, .tap = &tap};
	struct text t = {0};

	metrics_outside(&m, &t);
	metrics_rules(&m, &t);
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

	if (at == NULL || (at != all && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("there is no line: %s", line);
}

static unsigned count(const char *all, const char *what)
{
	unsigned n = 0;

	for (const char *at = strstr(all, what); at != NULL; at = strstr(at + 1, what))
		n++;
	return n;
}

static struct cache_counters *cache_at(const char *server, const char *zones)
{
	struct scope_label label;

	scope_label_fill(&label, server, strlen(server), zones, strlen(zones));
	return cache_counters_find(&page.outside, &label);
}

static void caches_are_shown_with_the_workers_hits(void **state)
{
	static const char *const lines[] = {
		"coredns_cache_entries{server=\"dns://"
		":53\",type=\"success\",zones=\".\",view=\"\"} 7",
		"coredns_cache_entries{server=\"dns://:53\",type=\"denial\",zones=\".\",view=\"\"} "
		"0",
		"coredns_cache_hits_total{server=\"dns://"
		":53\",type=\"success\",zones=\".\",view=\"\"} 15",
		"coredns_cache_hits_total{server=\"dns://"
		":53\",type=\"denial\",zones=\".\",view=\"\"} 2",
		"coredns_cache_requests_total{server=\"dns://:53\",zones=\".\",view=\"\"} 20",
		"coredns_cache_misses_total{server=\"dns://:53\",zones=\".\",view=\"\"} 3",
		"coredns_cache_requests_total{server=\"dns://:54\",zones=\"a.,b.\",view=\"\"} 0",
		"coredns_cache_drops_total{server=\"dns://:53\",zones=\".\",view=\"\"} 0",
	};
	struct cache_counters *c = cache_at("dns://:53", ".");

	(void)state;
	assert_ptr_equal(cache_at("dns://:54", "a.,b."), c + 1);
	assert_ptr_equal(cache_at("dns://:53", "."), c);
	counter_set(&c->entries[OUTSIDE_SUCCESS], 7);
	counter_set(&c->hits[OUTSIDE_SUCCESS], 5);
	counter_set(&c->hits[OUTSIDE_DENIAL], 2);
	counter_set(&c->misses, 3);
	counter_set(&page.workers[1].cache_hits[OUTSIDE_SUCCESS], 10);
	char *all = write_outside();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(all, lines[i]);
	free(all);
}

static void upstreams_have_their_new_and_their_old_names(void **state)
{
	static const char *const lines[] = {
		"coredns_proxy_request_duration_seconds_count{proxy_name=\"forward\",to=\"192.0.2."
		"1:53\","
		"rcode=\"NOERROR\"} 2",
		"coredns_proxy_request_duration_seconds_bucket{proxy_name=\"forward\",to=\"192.0.2."
		"1:53\","
		"rcode=\"NOERROR\",le=\"0.0005\"} 1",
		"coredns_proxy_request_duration_seconds_sum{proxy_name=\"forward\",to=\"192.0.2.1:"
		"53\","
		"rcode=\"NOERROR\"} 0.0015",
		"coredns_forward_requests_total{to=\"192.0.2.1:53\"} 3",
		"coredns_forward_responses_total{to=\"192.0.2.1:53\",rcode=\"SERVFAIL\"} 1",
		"coredns_proxy_conn_cache_hits_total{proxy_name=\"forward\",to=\"192.0.2.1:53\","
		"proto=\"tcp-tls\"} 4",
		"coredns_proxy_healthcheck_failures_total{proxy_name=\"forward\",to=\"192.0.2.1:"
		"53\"} 6",
		"coredns_forward_healthcheck_failures_total{to=\"192.0.2.1:53\"} 6",
		"coredns_forward_healthcheck_broken_total 8",
		"coredns_forward_max_concurrent_rejects_total 9",
		"burst53_forward_unusable_files 2",
	};
	struct upstream_counters *u = upstream_counters_find(&page.outside, "192.0.2.1:53");

	(void)state;
	assert_ptr_equal(upstream_counters_find(&page.outside, "192.0.2.1:53"), u);
	counter_set(&u->asked, 3);
	upstream_count_reply(u, 0, 400000);
	upstream_count_reply(u, 0, 1100000);
	upstream_count_reply(u, 2, 1);
	counter_set(&u->kept[UPSTREAM_TLS], 4);
	counter_set(&u->failed_checks, 6);
	counter_set(&page.outside.all_broken, 8);
	counter_set(&page.outside.rejected, 9);
	counter_set(&page.outside.unusable_files, 2);
	char *all = write_outside();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(all, lines[i]);
	free(all);
}

static void what_finds_no_room_is_other(void **state)
{
	char to[UPSTREAM_TO_BYTES];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(to, sizeof(to), "192.0.2.%u:53", i);
		counter_share(&upstream_counters_find(&page.outside, to)->asked, 1);
		(void)cache_at("dns://:53", to);
	}
	char *all = write_outside();
	assert_int_equal(count(all, "coredns_forward_requests_total{"), OUTSIDE_UPSTREAMS_MAX);
	expect_line(all, "coredns_forward_requests_total{to=\"other\"} 69");
	expect_line(all, "coredns_forward_requests_total{to=\"192.0.2.30:53\"} 1");
	assert_int_equal(count(all, "coredns_cache_misses_total{"), OUTSIDE_CACHES_MAX);
	assert_int_equal(count(all, "zones=\"other\",view=\"\"} 0"), 11);
	free(all);
}

static void directives_have_coredns_names_and_labels(void **state)
{
	static const char *const template[] = {
		"dns://:53", "x.", "", "IN", "A", "answer", "{{ \"a\" }}\n"};
	static const char *const punt[] = {".", "rewrite", "7"};
	struct rule_counters *c = &page.outside.rules;

	(void)state;
	rule_count(c, RULE_TEMPLATE_MATCHES, template, 5);
	rule_count(c, RULE_TEMPLATE_MATCHES, template, 5);
	rule_count(c, RULE_RR_FAILURES, template, 7);
	rule_count(c, RULE_PUNTS, punt, 3);
	rule_count(c, RULE_LOCALHOST, template, 1);
	rule_count(c, RULE_AUTOPATH_SUCCESSES, template, 1);
	counter_add(&c->left_out[RULE_ACL_BLOCKED], 2);
	counter_add(&page.outside.regex_given_up, 3);
	char *all = write_outside();
	expect_line(all,
		"coredns_template_matches_total{server=\"dns://:53\",zone=\"x.\",view=\"\","
		"class=\"IN\",type=\"A\"} 2");
	expect_line(all,
		"coredns_template_rr_failures_total{server=\"dns://:53\",zone=\"x.\",view=\"\","
		"class=\"IN\",type=\"A\",section=\"answer\",template=\"{{ \\\"a\\\" }}\\n\"} 1");
	expect_line(all, "burst53_rule_punts_total{zone=\".\",directive=\"rewrite\",line=\"7\"} 1");
	expect_line(all, "coredns_local_localhost_requests_total 1");
	expect_line(all, "coredns_autopath_success_total{server=\"dns://:53\"} 1");
	expect_line(all,
		"coredns_acl_blocked_requests_total{server=\"other\",zone=\"other\",view=\"\"} 2");
	expect_line(all, "burst53_regex_given_up_total 3");
	assert_int_equal(count(all, "coredns_template_template_failures_total{"), 0);
	free(all);
}

static void a_page_of_garbage_is_shown_without_harm(void **state)
{
	unsigned char *bytes = (unsigned char *)&page.outside;
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(page.outside); i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(x >> 24);
	}
	free(write_outside());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(caches_are_shown_with_the_workers_hits, fresh),
		cmocka_unit_test_setup(upstreams_have_their_new_and_their_old_names, fresh),
		cmocka_unit_test_setup(what_finds_no_room_is_other, fresh),
		cmocka_unit_test_setup(directives_have_coredns_names_and_labels, fresh),
		cmocka_unit_test_setup(a_page_of_garbage_is_shown_without_harm, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
