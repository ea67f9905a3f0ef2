// SPDX-License-Identifier: Apache-2.0
// Tests of the small parts of control/kube and control/base: base64, label selectors, back-off, log
// lines, YAML.
#include "control/base/log.h"
#include "control/kube/backoff.h"
#include "control/kube/base64.h"
#include "control/kube/selector.h"
#include "control/kube/yamldoc.h"
#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void base64_is_strict_but_for_white_space(void **state)
{
	static const struct {
		const char *coded;
		const char *text; // NULL: refused
	} cases[] = {
		{"", ""}, {"YQ==", "a"}, {"YWI=", "ab"}, {"YWJj", "abc"},
		{"YW\nJj\r\n ZGVm", "abcdef"}, {"YQ", NULL}, {"YQ=", NULL}, {"Y===", NULL},
		{"YQ==YQ==", NULL}, {"Y*Jj", NULL}, {"YQA=", NULL}, // a NUL inside
		{"-_-_", NULL}, // of the alphabet for URLs
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = base64_decode(cases[i].coded);

		if (cases[i].text == NULL)
			assert_null(text);
		else
			assert_string_equal(text, cases[i].text);
		free(text);
	}
}

static void base64_comes_back_as_it_was(void **state)
{
	char text[64] = "";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		char *coded = base64_encode(text, n);
		char *back = base64_decode(coded);

		assert_string_equal(back, text);
		free(coded);
		free(back);
		text[n] = (char)(n * 37 % 255 + 1);
	}
}

static void selectors_select_as_the_api_server_does(void **state)
{
	static const struct {
		const char *selector;
		int matches; // -1: not valid
	} cases[] = {
		{"", 1},
		{" ", 1},
		{"a=1", 1},
		{"a==1", 1},
		{" a = 1 ", 1},
		{"a=2", 0},
		{"a=", 0},
		{"e=", 1},
		{"a!=1", 0},
		{"a!=2", 1},
		{"x!=2", 1},
		{"a", 1},
		{"x", 0},
		{"!x", 1},
		{"!a", 0},
		{"a in (1)", 1},
		{"a in (0, 1 ,2)", 1},
		{"a in (0)", 0},
		{"x in (0,)", 0},
		{"e in (,)", 1},
		{"a notin (0)", 1},
		{"a notin (1)", 0},
		{"x notin (1)", 1},
		{"in in (1)", 0},
		{"a=1,k8s.io/b-c_d=2", 1},
		{"a=1,k8s.io/b-c_d=3", 0},
		{"!x,a,a!=7", 1},
		{"a=1,", -1},
		{",", -1},
		{"=1", -1},
		{"a=1 b=2", -1},
		{"a 1", -1},
		{"a in 1", -1},
		{"a in (1", -1},
		{"a in (1 2)", -1},
		{"!a=1", -1},
		{"a=b=c", -1},
		{"a>1", -1},
	};
	json_t *labels = json_pack("{s:s,s:s,s:s}", "a", "1", "k8s.io/b-c_d", "2", "e", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (selector_is_valid(cases[i].selector) != (cases[i].matches >= 0) ||
			selector_matches(cases[i].selector, labels) != (cases[i].matches == 1))
			fail_msg("selector \"%s\"", cases[i].selector);
	}
	assert_true(selector_matches(NULL, labels));
	assert_true(selector_matches("!a", NULL));
	json_decref(labels);
}

static void a_back_off_doubles_up_to_its_cap_and_forgets(void **state)
{
	const struct backoff_rule rule = {.first_ms = 800, .max_ms = 30000, .reset_ms = 120000};
	static const unsigned want[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
	struct backoff b = {0};
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++, now += 1000)
		assert_int_equal(backoff_take(&b, &rule, now, 0), want[i]);
	assert_in_range(backoff_take(&b, &rule, now, UINT32_MAX), 59990, 60000);
	now += 120001;
	assert_int_equal(backoff_take(&b, &rule, now, 0), 800);
}

static void a_log_line_cannot_be_forged_by_its_values(void **state)
{
	static const struct {
		const char *value;
		const char *line;
	} cases[] = {
		{"plain", "warn kube a message name=plain n=-7\n"},
		{"", "warn kube a message name=\"\" n=-7\n"},
		{"two words", "warn kube a message name=\"two words\" n=-7\n"},
		{"a=b", "warn kube a message name=\"a=b\" n=-7\n"},
		{"x\"y\\z", "warn kube a message name=\"x\\\"y\\\\z\" n=-7\n"},
		{"x\nerror kube forged",
			"warn kube a message name=\"x\\nerror kube forged\" n=-7\n"},
		{"\x1b[31m\xc3\xa9", "warn kube a message name=\"\\x1b[31m\\xc3\\xa9\" n=-7\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct log_field fields[] = {
			LOG_STR("name", cases[i].value), LOG_NUM("n", -7), {0}};
		char buf[256];
		size_t len =
			log_print(buf, sizeof(buf), LOG_LEVEL_WARN, "kube", "a message", fields);

		assert_int_equal(len, strlen(cases[i].line));
		assert_memory_equal(buf, cases[i].line, len);
	}
}

static void a_log_line_that_is_too_long_is_cut_but_ends(void **state)
{
	const struct log_field fields[] = {LOG_STR("key", "a long value with spaces"), {0}};
	char buf[64];

	(void)state;
	for (size_t size = 1; size < sizeof(buf); size++) {
		size_t len;

		memset(buf, 'x', sizeof(buf));
		len = log_print(buf, size, LOG_LEVEL_INFO, "m", "text", fields);
		assert_in_range(len, 1, size);
		assert_int_equal(buf[len - 1], '\n');
		assert_int_equal(buf[size], 'x');
	}
}

static void repeated_lines_are_held_back_and_counted(void **state)
{
	struct log_limit limit = {0};
	uint64_t held = 99;

	(void)state;
	assert_true(log_limit_pass(&limit, 60000, &held));
	assert_int_equal(held, 0);
	assert_false(log_limit_pass(&limit, 60000, &held));
	assert_false(log_limit_pass(&limit, 60000, &held));
	limit.next_ms = 1;
	assert_true(log_limit_pass(&limit, 60000, &held));
	assert_int_equal(held, 2);
}

static void levels_are_found_by_their_names(void **state)
{
	enum log_level level;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
}

static int take(void *user, const struct yamldoc_value *value)
{
	char **text = user;
	char *one = json_dumps(value->json, JSON_COMPACT | JSON_ENCODE_ANY);
	char *all = NULL;

	assert_true(asprintf(&all, "%s%s;", *text != NULL ? *text : "", one) > 0);
	free(one);
	free(*text);
	*text = all;
	return 0;
}

static void yaml_becomes_json(void **state)
{
	static const struct {
		const char *yaml;
		const char *json; // NULL: refused
	} cases[] = {
		{"", ""},
		{"# nothing\n---\n...\n", ""},
		{"a: 1\nb: [x, 'y', \"z\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"]};"},
		{"a: true\nb: null\nc: ~\nd:\ne: 'true'\nf: -7\n",
			"{\"a\":true,\"b\":null,\"c\":null,\"d\":null,\"e\":\"true\",\"f\":-7};"},
		{"a: 10.0.0.1\nb: 1e3\nc: 1.5\nd: 99999999999999999999\ne: .\n",
			"{\"a\":\"10.0.0.1\",\"b\":1000.0,\"c\":1.5,\"d\":1e20,\"e\":\".\"};"},
		{"a: !!str 7\n", "{\"a\":\"7\"};"},
		{"a\n---\nb\n", "\"a\";\"b\";"},
		{"x: &x {k: 1}\ny: *x\nz: {<<: *x, l: 2}\n",
			"{\"x\":{\"k\":1},\"y\":{\"k\":1},\"z\":{\"k\":1,\"l\":2}};"},
		{"x: &x 1\n---\ny: *x\n", NULL},
		{"&a [*a]\n", NULL},
		{"{1: x}\n", NULL},
		{"{[a]: x}\n", NULL},
		{"a: |\n  two\n  lines\n", "{\"a\":\"two\\nlines\\n\"};"},
		{"a: 'x\n", NULL},
		{"\x01", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		char *text = strdup("");
		int rc = yamldoc_read_text(
			cases[i].yaml, strlen(cases[i].yaml), "test", take, &text, &e);

		assert_int_equal(rc, cases[i].json != NULL ? 0 : -EINVAL);
		if (rc == 0)
			assert_string_equal(text, cases[i].json);
		else
			assert_true(e.line != 0 && *e.text != '\0');
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_strict_but_for_white_space),
		cmocka_unit_test(base64_comes_back_as_it_was),
		cmocka_unit_test(selectors_select_as_the_api_server_does),
		cmocka_unit_test(a_back_off_doubles_up_to_its_cap_and_forgets),
		cmocka_unit_test(a_log_line_cannot_be_forged_by_its_values),
		cmocka_unit_test(a_log_line_that_is_too_long_is_cut_but_ends),
		cmocka_unit_test(repeated_lines_are_held_back_and_counted),
		cmocka_unit_test(levels_are_found_by_their_names),
		cmocka_unit_test(yaml_becomes_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
