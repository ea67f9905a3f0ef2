// SPDX-License-Identifier: Apache-2.0
// Regular expressions: groups as Go finds them, patterns that Go refuses, and time.
#include "zones/regex/regex.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// "no", or the groups, each in <>.
static const char *found(const char *pattern, const char *text, char *buf, size_t size_bytes)
{
	struct err e = {0};
	struct regex *re = regex_new(pattern, &e);
	struct regex_match m;
	size_t n = 0;

	if (re == NULL)
		fail_msg("%s: %s", pattern, e.text);
	(void)snprintf(buf, size_bytes, "no");
	bool is_match = regex_find(re, text, strlen(text), &m);
	for (size_t i = 0; is_match && i < m.n; i++)
		n += (size_t)snprintf(buf + n, size_bytes - n, "<%.*s>",
			(int)(m.group[i].end - m.group[i].begin), text + m.group[i].begin);
	regex_free(re);
	return buf;
}

static void groups_are_those_that_go_finds(void **state)
{
	static const struct {
		const char *pattern, *text, *want;
	} cases[] = {
		{"^ip-([0-9]*)-([0-9]*)[.]example[.]$", "ip-10-7.example.",
			"<ip-10-7.example.><10><7>"},
		{"(.*)\\.(us-west-1)\\.example\\.org\\.", "a.b.us-west-1.example.org.",
			"<a.b.us-west-1.example.org.><a.b><us-west-1>"},
		{"b", "abc.", "<b>"},
		{"^b", "abc.", "no"},
		{"(a)|(b)", "b.", "<b><><b>"},
		{"(?i)ABC", "xabc.", "<abc>"},
		{"(?P<a>x)(?:y)(z)", "xyz.", "<xyz><x><z>"},
		{".*", "", "<>"},
		{"[[:alpha:]]+", "12ab3.", "<ab>"},
		{"a{2,3}?", "aaa", "<aa>"},
		{"a\\z", "aa", "<a>"},
		{"\\Q.*\\E", "x.*y", "<.*>"},
		{"[]a]+", "x]a", "<]a>"},
		{"x{,2}", "x{,2}", "<x{,2}>"},
		{"\\x61\\x{62}", "ab", "<ab>"},
		{"a$", "a\n", "no"},
		{"(?U)a+", "aaa", "<a>"},
	};
	char buf[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			found(cases[i].pattern, cases[i].text, buf, sizeof(buf)), cases[i].want);
}

static void what_go_refuses_is_refused(void **state)
{
	static const char *const patterns[] = {"a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "(?>a)",
		"(a)\\1", "(?P=a)", "(?#x)a", "a++", "a**", "a{2}{3}", "a*+", "(*UTF)a", "\\Ka",
		"\\h", "\\R", "[\\h]", "(", ")", "[a", "*", "a{2000}", "(?P<1>a)", "[b-a]", "\\",
		"(?", "(?x)a", "\\G", "a{1,1001}"};

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct err e = {0};
		if (regex_check(patterns[i], &e) == 0)
			fail_msg("%s is taken", patterns[i]);
		assert_int_equal(e.code, -EINVAL);
		assert_true(e.text[0] != '\0');
	}
}

static void patterns_have_as_many_characters_and_groups_as_coredns_allows(void **state)
{
	char *text = calloc(1, REGEX_PATTERN_MAX + 2);
	struct err e = {0};

	assert_non_null(text);
	memset(text, 'a', REGEX_PATTERN_MAX);
	assert_int_equal(regex_check(text, &e), 0);
	text[REGEX_PATTERN_MAX] = 'a';
	assert_int_equal(regex_check(text, &e), -EINVAL);
	text[0] = '\0';
	for (int i = 0; i < REGEX_GROUPS_MAX - 1; i++)
		strcat(text, "(a)");
	e = (struct err){0};
	assert_int_equal(regex_check(text, &e), 0);
	strcat(text, "(a)");
	assert_int_equal(regex_check(text, &e), -EINVAL);
	free(text);
}

static void groups_have_their_names(void **state)
{
	struct err e = {0};
	struct regex *re = regex_new("(?P<a>.)(.)(?P<long_name>.)", &e);

	assert_non_null(re);
	assert_int_equal(regex_groups(re), 3);
	assert_null(regex_group_name(re, 0));
	assert_string_equal(regex_group_name(re, 1), "a");
	assert_null(regex_group_name(re, 2));
	assert_string_equal(regex_group_name(re, 3), "long_name");
	regex_free(re);
}

// Patterns that take a backtracking matcher exponential or high polynomial time.
static void no_pattern_stalls_a_query(void **state)
{
	static const char *const patterns[] = {"^(a+)+$", "^(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)!",
		"^(a?){60}a{60}$", "([a-z]+)*[0-9]$", "^(([a-z])+.)+[A-Z]$"};
	uint64_t n_given_up = 0;
	char text[1001];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[sizeof(text) - 2] = '.';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct timespec from, to;
		struct regex_match m;
		struct err e = {0};
		struct regex *re = regex_new(patterns[i], &e);
		assert_non_null(re);
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		bool is_match = regex_find(re, text, sizeof(text) - 1, &m);
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		long us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
		print_message("%s: %ld us\n", patterns[i], us);
		assert_true(us < 50000);
		assert_false(is_match && m.is_given_up);
		n_given_up += m.is_given_up;
		regex_free(re);
	}
	assert_true(n_given_up > 0);
	assert_int_equal(regex_given_up(), n_given_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_those_that_go_finds),
		cmocka_unit_test(what_go_refuses_is_refused),
		cmocka_unit_test(patterns_have_as_many_characters_and_groups_as_coredns_allows),
		cmocka_unit_test(groups_have_their_names),
		cmocka_unit_test(no_pattern_stalls_a_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
