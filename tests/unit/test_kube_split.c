// SPDX-License-Identifier: Apache-2.0
// Tests of control/kube/split: the pieces are the same however the bytes arrive, and nothing but
// JSON objects gets through.
#include "control/kube/split.h"
#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const lists[] = {"services", NULL};
static const char *const drop[] = {"managedFields", "uid", NULL};

// All pieces as one text: "list=text@line:column;" for an item, "text@line:column;" for a whole.
struct log {
	char text[4096];
	int stop; // returned from the piece
};

static int note(void *user, const struct split_piece *piece)
{
	struct log *log = user;
	size_t len = strlen(log->text);

	(void)snprintf(log->text + len, sizeof(log->text) - len, "%s%s%.*s@%u:%u;",
		piece->kind == SPLIT_ITEM ? piece->list : "", piece->kind == SPLIT_ITEM ? "=" : "",
		piece->text != NULL ? (int)piece->text_bytes : 5,
		piece->text != NULL ? piece->text : "LARGE", piece->line, piece->column);
	return log->stop;
}

static struct split split_for(struct log *log, bool cut)
{
	return (struct split){.piece = note,
		.user = log,
		.drop = drop,
		.drop_text = "\"c\":{\"r\":true}",
		.lists = lists,
		.cut = cut,
		.max_bytes = 64};
}

static int feed_in_chunks(struct split *s, const char *text, size_t n, size_t chunk)
{
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < n; at += chunk) {
		// A copy of just these bytes, so that reading behind them is noticed.
		size_t len = n - at < chunk ? n - at : chunk;
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, text + at, len);
		rc = split_feed(s, copy, len);
		free(copy);
	}
	return rc;
}

static const struct {
	const char *text;
	bool cut;
	int rc;
	const char *pieces;
} cases[] = {
	{"{\"a\":1}\n{\"b\":[{}]}\n", false, 0, "{\"a\":1}@1:1;{\"b\":[{}]}@2:1;"},
	{" {} {}{}", false, 0, "{}@1:2;{}@1:5;{}@1:7;"},
	{"{\"s\":\"}{][\\\"\\\\\"}{}", false, 0, "{\"s\":\"}{][\\\"\\\\\"}@1:1;{}@1:17;"},
	{"{\"items\":[{\"a\":1},{\"b\":2}],\"k\":3}", true, 0,
		"items={\"a\":1}@1:11;items={\"b\":2}@1:19;{\"items\":[],\"k\":3}@1:1;"},
	{"{\"k\":\"x\",\"items\" : [ {\"a\":[{}]} , \n {} ] }", true, 0,
		"items={\"a\":[{}]}@1:22;items={}@2:2;{\"k\":\"x\",\"items\" : [] }@1:1;"},
	{"{\"services\":[{}],\"x\":{\"items\":[{}]}}", true, 0,
		"services={}@1:14;{\"services\":[],\"x\":{\"items\":[{}]}}@1:1;"},
	{"{\"services\":{\"k\":1,\"items\":[{\"n\":2}]},\"items\":[]}", true, 0,
		"services={\"n\":2}@1:29;{\"services\":{\"k\":1,\"items\":[]},\"items\":[]}@1:1;"},
	{"{\"items\":null}{\"items\":{}}", true, 0, "{\"items\":null}@1:1;{\"items\":{}}@1:15;"},
	{"{\"endpoints\":[{}],\"ports\":[{}]}", true, 0,
		"{\"endpoints\":[{}],\"ports\":[{}]}@1:1;"},
	{"{\"items\":[[1]]}", false, 0, "{\"items\":[[1]]}@1:1;"},
	{"{\"uid\":\"x\",\"a\":1}", false, 0, "{\"a\":1}@1:1;"},
	{"{\"a\":1,\"uid\":{\"x\":[1,\"}\"]}}", false, 0, "{\"a\":1}@1:1;"},
	{"{\"a\":1, \"uid\" : 7 , \"b\":2}", false, 0, "{\"a\":1, \"b\":2}@1:1;"},
	{"{\"uid\":1}{\"uid\":1,\"managedFields\":[{}]}", false, 0, "{}@1:1;{}@1:10;"},
	{"{\"m\":{\"managedFields\":[{\"a\":{}}],\"n\":1}}", false, 0, "{\"m\":{\"n\":1}}@1:1;"},
	{"{\"items\":[{\"uid\":1},{\"a\":2,\"uid\":{}}],\"uid\":3}", true, 0,
		"items={}@1:11;items={\"a\":2}@1:21;{\"items\":[]}@1:1;"},
	{"{\"a\":\"uid\",\"b\":[\"uid\",\"x\"]}", false, 0,
		"{\"a\":\"uid\",\"b\":[\"uid\",\"x\"]}@1:1;"},
	{"{\"c\":{\"r\":true},\"a\":1}{\"a\":1,\"c\":{\"r\":true}}", false, 0,
		"{\"a\":1}@1:1;{\"a\":1}@1:23;"},
	{"{\"a\":1,\"c\":{\"uid\":3,\"r\":true},\"b\":2}", false, 0, "{\"a\":1,\"b\":2}@1:1;"},
	{"{\"items\":[{\"c\":{\"r\":true}},{\"b\":[{\"c\":{\"r\":true}}]}]}", true, 0,
		"items={}@1:11;items={\"b\":[{}]}@1:28;{\"items\":[]}@1:1;"},
	{"{\"c\":{\"r\":false}}{\"c\":{\"r\":true,\"s\":1}}", false, 0,
		"{\"c\":{\"r\":false}}@1:1;{\"c\":{\"r\":true,\"s\":1}}@1:18;"},
	{"{\"xc\":{\"r\":true}}{\"s\":\"\\\"c\\\":{\\\"r\\\":true}\"}", false, 0,
		"{\"xc\":{\"r\":true}}@1:1;{\"s\":\"\\\"c\\\":{\\\"r\\\":true}\"}@1:18;"},
	{"{\"a\\\"c\":{\"r\":true}}", false, 0, "{\"a\\\"c\":{\"r\":true}}@1:1;"},
	{"[]", false, -EINVAL, ""},
	{"x", false, -EINVAL, ""},
	{"{}1", false, -EINVAL, "{}@1:1;"},
	{"\"a\"", false, -EINVAL, ""},
	{"}", false, -EINVAL, ""},
	{",", false, -EINVAL, ""},
	{":", false, -EINVAL, ""},
	{"<html>", true, -EINVAL, ""},
	{"{\"items\":[1]}", true, -EINVAL, ""},
	{"{\"items\":[\"a\"]}", true, -EINVAL, ""},
	{"{\"items\":[[{}]]}", true, -EINVAL, ""},
	{"{\"items\":[{}:{}]}", true, -EINVAL, "items={}@1:11;"},
	{"{\"items\":[null]}", true, -EINVAL, ""},
	{"{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}{}", false, 0,
		"LARGE@1:1;{}@1:70;"},
	{"{\"items\":[{\"a\":\"012345678901234567890123456789012345678901234567890123456\"},{}]}",
		true, 0, "items=LARGE@1:11;items={}@1:77;{\"items\":[]}@1:1;"},
	{"{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}", true,
		-EMSGSIZE, ""},
};

static void pieces_are_the_same_however_the_bytes_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].text);

		for (size_t chunk = 1; chunk <= n; chunk++) {
			struct log log = {0};
			struct split s = split_for(&log, cases[i].cut);
			int rc = feed_in_chunks(&s, cases[i].text, n, chunk);

			if (rc != cases[i].rc || strcmp(log.text, cases[i].pieces) != 0)
				fail_msg("case %zu in chunks of %zu: rc %d, pieces %s", i, chunk,
					rc, log.text);
			assert_true(rc != 0 || split_is_at_end(&s));
			split_fini(&s);
		}
	}
}

static void every_prefix_of_a_stream_is_unfinished_or_between_objects(void **state)
{
	const char text[] = "{\"items\":[{\"a\":{\"b\":\"c\"}}],\"uid\":[1]}{}";

	(void)state;
	for (size_t n = 0; n <= strlen(text); n++) {
		struct log log = {0};
		struct split s = split_for(&log, true);

		assert_int_equal(split_feed(&s, text, n), 0);
		assert_int_equal(split_is_at_end(&s), n == 0 || n == 37 || n == 39);
		split_fini(&s);
	}
}

static void objects_that_are_nested_too_deeply_are_large(void **state)
{
	struct log log = {0};
	struct split s = split_for(&log, false);
	char text[2002];

	(void)state;
	s.max_bytes = 4096;
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	assert_int_equal(split_feed(&s, "{\"a\":", 5), 0);
	assert_int_equal(split_feed(&s, text, 2000), 0);
	assert_int_equal(split_feed(&s, "}{}", 3), 0);
	assert_string_equal(log.text, "LARGE@1:1;{}@1:2007;");
	split_fini(&s);
}

static void a_piece_can_end_the_stream(void **state)
{
	struct log log = {.stop = -ECANCELED};
	struct split s = split_for(&log, false);

	(void)state;
	assert_int_equal(split_feed(&s, "{}{}", 4), -ECANCELED);
	assert_string_equal(log.text, "{}@1:1;");
	split_fini(&s);
}

static void the_frame_is_there_while_an_item_is_given(void **state)
{
	struct log log = {0};
	struct split s = split_for(&log, true);
	unsigned line;
	unsigned column;
	size_t n;

	(void)state;
	assert_int_equal(split_feed(&s, "{\"kind\":\"L\",\"items\":[\n{", 23), 0);
	assert_memory_equal(split_frame(&s, &n), "{\"kind\":\"L\",\"items\":[", 21);
	assert_int_equal(n, 21);
	assert_int_equal(split_feed(&s, "}, x", 4), -EINVAL);
	split_position(&s, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 5);
	split_reset(&s);
	assert_true(split_is_at_end(&s));
	assert_int_equal(split_feed(&s, "{}", 2), 0);
	split_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_the_same_however_the_bytes_arrive),
		cmocka_unit_test(every_prefix_of_a_stream_is_unfinished_or_between_objects),
		cmocka_unit_test(objects_that_are_nested_too_deeply_are_large),
		cmocka_unit_test(a_piece_can_end_the_stream),
		cmocka_unit_test(the_frame_is_there_while_an_item_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
