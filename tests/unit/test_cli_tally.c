// SPDX-License-Identifier: Apache-2.0
// Counts of words: order, limits, and what does not fit.
#include "cli/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_most_frequent_come_first_and_equal_ones_by_name(void **state)
{
	static const char *const words[] = {"b", "a", "c", "b", "d", "b", "c", "a"};
	struct tally_word top[4];
	struct tally t = {0};

	(void)state;
	assert_int_equal(tally_top(&t, top, 3), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		tally_add(&t, words[i]);
	assert_int_equal(tally_top(&t, top, 3), 3);
	assert_string_equal(top[0].text, "b");
	assert_int_equal(top[0].n, 3);
	assert_string_equal(top[1].text, "a");
	assert_string_equal(top[2].text, "c");
	assert_int_equal(tally_top(&t, top, 4), 4);
	assert_string_equal(top[3].text, "d");
	tally_fini(&t);
}

static void what_does_not_fit_is_counted_all_the_same(void **state)
{
	struct tally_word top[1];
	struct tally t = {0};
	char text[16];

	(void)state;
	for (unsigned i = 0; i < TALLY_WORDS_MAX + 5; i++) {
		(void)snprintf(text, sizeof(text), "w%u", i);
		tally_add(&t, text);
	}
	tally_add(&t, "w7");
	assert_int_equal(t.n_words, TALLY_WORDS_MAX);
	assert_int_equal(t.other, 5);
	assert_int_equal(tally_top(&t, top, 1), 1);
	assert_string_equal(top[0].text, "w7");
	tally_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_frequent_come_first_and_equal_ones_by_name),
		cmocka_unit_test(what_does_not_fit_is_counted_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
