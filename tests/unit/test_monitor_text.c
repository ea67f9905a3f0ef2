// SPDX-License-Identifier: Apache-2.0
// The text format of metrics, and the command line of burst53-monitor.
#include "control/monitor/options.h"
#include "control/monitor/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static void expect(struct text *t, const char *want)
{
	assert_false(t->failed);
	assert_int_equal(t->len, strlen(want));
	assert_memory_equal(t->buf, want, t->len);
	free(t->buf);
	*t = (struct text){0};
}

static void label_values_cannot_break_out(void **state)
{
	static const struct {
		const char *value, *printed;
	} cases[] = {
		{"", ""},
		{"dns://:53", "dns://:53"},
		{"a\"} 1\nx", "a\\\"} 1\\nx"},
		{"back\\slash", "back\\\\slash"},
		{"\x01\x7f\xff\xc3\xa4", "?????"},
		{"\r\t", "??"},
	};
	struct text t = {0};
	char want[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct labels l = {.n = 1, .list = {{"zone", cases[i].value}}};
		text_count(&t, "m", &l, 7);
		(void)snprintf(want, sizeof(want), "m{zone=\"%s\"} 7\n", cases[i].printed);
		expect(&t, want);
	}
}

static void buckets_of_a_histogram_are_cumulative_and_agree_with_its_count(void **state)
{
	static const double bounds[] = {0.00025, 8.192};
	static const uint64_t counts[] = {3, 0, 4};
	const struct labels l = {.n = 1, .list = {{"a", "b"}}};
	const struct histogram h = {bounds, 2, counts, 1.5};
	struct text t = {0};

	(void)state;
	text_metric(&t, "h", METRIC_HISTOGRAM, "Help.");
	text_histogram(&t, "h", &l, &h);
	expect(&t,
		"# HELP h Help.\n# TYPE h histogram\n"
		"h_bucket{a=\"b\",le=\"0.00025\"} 3\nh_bucket{a=\"b\",le=\"8.192\"} 3\n"
		"h_bucket{a=\"b\",le=\"+Inf\"} 7\nh_sum{a=\"b\"} 1.5\nh_count{a=\"b\"} 7\n");
	text_histogram(&t, "h", NULL, &(struct histogram){bounds, 1, counts, 0});
	expect(&t, "h_bucket{le=\"0.00025\"} 3\nh_bucket{le=\"+Inf\"} 3\nh_sum 0\nh_count 3\n");
}

static void numbers_are_whole_and_never_absurd(void **state)
{
	struct text t = {0};

	(void)state;
	text_count(&t, "c", NULL, UINT64_MAX);
	text_value(&t, "v", NULL, 1.0 / 0.0);
	text_gauge(&t, "g", "Help.", 0.125);
	text_counter(&t, "n_total", "Help.", 0);
	expect(&t,
		"c 18446744073709551615\nv 0\n# HELP g Help.\n# TYPE g gauge\ng 0.125\n"
		"# HELP n_total Help.\n# TYPE n_total counter\nn_total 0\n");
}

static void text_ends_at_its_limit_and_says_so(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < 200000; i++)
		text_counter(&t, "a_name_that_is_repeated_total", "A help that is repeated.", i);
	assert_true(t.failed);
	assert_in_range(t.len, TEXT_MAX_BYTES / 2, TEXT_MAX_BYTES);
	assert_in_range(t.size_bytes, t.len, TEXT_MAX_BYTES);
	free(t.buf);
}

struct line {
	const char *words[8];
	enum options_verdict verdict;
	size_t n_places;
	const char *host, *port; // of the first
	unsigned serves;
};

static const struct line lines[] = {
	{{"--counters-fd", "5", "--health", ":8080"}, OPTIONS_PARSED, 1, "", "8080", SERVES_HEALTH},
	{{"--counters-fd", "5", "--ready", "[fd00::1]:8181"}, OPTIONS_PARSED, 1, "fd00::1", "8181",
		SERVES_READY},
	{{"--counters-fd", "5", "--metrics", "localhost:9153", "--health", "localhost:9153"},
		OPTIONS_PARSED, 1, "localhost", "9153", SERVES_METRICS | SERVES_HEALTH},
	{{"--counters-fd", "5", "--metrics", "10.0.0.1:9153", "--health", "10.0.0.2:9153"},
		OPTIONS_PARSED, 2, "10.0.0.1", "9153", SERVES_METRICS},
	{{"--help"}, OPTIONS_HELP, 0, "", "", 0},
	{{"--health", ":8080"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "x", "--health", ":1"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--health", "8080"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--health", ":0"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--health", ":65536"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--health", "fd00::1:8080"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--health", ":1", "more"}, OPTIONS_WRONG, 0, "", "", 0},
	{{"--counters-fd", "5", "--served-by", "me"}, OPTIONS_WRONG, 0, "", "", 0},
};

static void the_command_line_is_read_whole_or_refused(void **state)
{
	struct options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char storage[8][40];
		char *argv[10] = {(char[]){"burst53-monitor"}};
		int argc = 1;
		for (size_t w = 0; w < 8 && lines[i].words[w] != NULL; w++) {
			(void)snprintf(storage[w], sizeof(storage[w]), "%s", lines[i].words[w]);
			argv[argc++] = storage[w];
		}
		assert_int_equal(options_parse(argc, argv, &o), lines[i].verdict);
		if (lines[i].verdict != OPTIONS_PARSED)
			continue;
		assert_int_equal(o.n_places, lines[i].n_places);
		assert_string_equal(o.places[0].host, lines[i].host);
		assert_string_equal(o.places[0].port, lines[i].port);
		assert_int_equal(o.places[0].serves, lines[i].serves);
		assert_int_equal(o.counters_fd, 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_values_cannot_break_out),
		cmocka_unit_test(buckets_of_a_histogram_are_cumulative_and_agree_with_its_count),
		cmocka_unit_test(numbers_are_whole_and_never_absurd),
		cmocka_unit_test(text_ends_at_its_limit_and_says_so),
		cmocka_unit_test(the_command_line_is_read_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
