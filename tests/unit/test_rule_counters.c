// SPDX-License-Identifier: Apache-2.0
// Tests of zones/link/rule_counters: series by their labels, bounded, whoever counts.
#include "zones/link/rule_counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000, NAMES = 50 };

static struct rule_counters counters; // large

static int fresh(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	return 0;
}

static void count(enum rule_metric metric, const char *a, const char *b)
{
	const char *const values[] = {a, b};

	rule_count(&counters, metric, values, 2);
}

static void a_series_is_a_metric_with_its_labels(void **state)
{
	(void)state;
	count(RULE_PUNTS, "a", "bc");
	count(RULE_PUNTS, "ab", "c"); // the same bytes but for the end of the first one
	count(RULE_ACL_BLOCKED, "a", "bc");
	count(RULE_PUNTS, "a", "bc");
	assert_int_equal(rule_counters_n(&counters), 3);
	assert_int_equal(counter_get(&counters.series[0].n), 2);
	assert_memory_equal(counters.series[0].values, "a\0bc", 5);
	assert_int_equal(rule_counters_sum(&counters, RULE_PUNTS), 3);
	assert_int_equal(rule_counters_sum(&counters, RULE_ACL_BLOCKED), 1);
	assert_int_equal(rule_counters_sum(&counters, RULE_ACL_DROPPED), 0);
}

static void what_finds_no_room_is_counted_without_its_labels(void **state)
{
	char text[16];

	(void)state;
	for (unsigned i = 0; i < RULE_SERIES_MAX + 10; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		count(RULE_PUNTS, text, "");
	}
	assert_int_equal(rule_counters_n(&counters), RULE_SERIES_MAX);
	assert_int_equal(counter_get(&counters.left_out[RULE_PUNTS]), 10);
	assert_int_equal(rule_counters_sum(&counters, RULE_PUNTS), RULE_SERIES_MAX + 10);
	counters.n = UINT32_MAX; // what a broken page says is not believed
	assert_int_equal(rule_counters_n(&counters), RULE_SERIES_MAX);
}

static void values_that_are_too_long_are_cut(void **state)
{
	static char text[2 * RULE_LABELS_BYTES];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	count(RULE_PUNTS, text, text);
	count(RULE_PUNTS, text, "other");
	assert_int_equal(rule_counters_n(&counters), 1);
	assert_int_equal(counters.series[0].size_bytes, RULE_LABELS_BYTES);
	assert_int_equal(counters.series[0].values[RULE_LABELS_BYTES - 1], 0);
}

static void *count_many(void *arg)
{
	char text[16];

	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)snprintf(text, sizeof(text), "%u", i % NAMES);
		count(RULE_PUNTS, text, "x");
	}
	return NULL;
}

static void threads_that_meet_a_new_series_make_it_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(rule_counters_n(&counters), NAMES);
	for (unsigned i = 0; i < NAMES; i++)
		assert_int_equal(counter_get(&counters.series[i].n), THREADS * ROUNDS / NAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_series_is_a_metric_with_its_labels, fresh),
		cmocka_unit_test_setup(what_finds_no_room_is_counted_without_its_labels, fresh),
		cmocka_unit_test_setup(values_that_are_too_long_are_cut, fresh),
		cmocka_unit_test_setup(threads_that_meet_a_new_series_make_it_once, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
