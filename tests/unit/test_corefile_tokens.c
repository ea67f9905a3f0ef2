// SPDX-License-Identifier: Apache-2.0
// Tests of the lexer of Corefiles: each text gives the words of the table, or an error at its
// place.
#include "zones/corefile/tokens.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Words as "line:column text", lines separated by |; structure as { and }, quoted words in quotes,
// > in front of the first word of a line.
static void print_tokens(const struct tokens *t, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->n && at < size; i++) {
		const struct token *k = &t->items[i];
		const char *quote = k->is_quoted ? "\"" : "";
		at += (size_t)snprintf(out + at, size - at, "%s%s%u:%u %s%s%s%s", i == 0 ? "" : "|",
			k->starts_line ? ">" : "", k->line, k->column, quote, k->text, quote,
			k->kind == TOKEN_WORD ? "" : "*");
	}
}

static void texts_become_words(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{"", ""}, {"  \n\t\n", ""}, {"a b", ">1:1 a|1:3 b"}, {"a\nb", ">1:1 a|>2:1 b"},
		{"a\r\nb\r\n", ">1:1 a|>2:1 b"}, {"a\rb", ">1:1 ab"},
		{"\xef\xbb\xbf"
		 "a",
			">1:1 a"},
		{"# all of it\na", ">2:1 a"},
		{"a#b c\nd", ">1:1 a|>2:1 d"}, // k8s:3.1: even in the middle of a word
		{"\"a#b\" c", ">1:1 \"a#b\"|1:7 c"}, {"\"a b\"", ">1:1 \"a b\""},
		{"\"\"", ">1:1 \"\""}, {"\"a\\\"b\"", ">1:1 \"a\"b\""},
		{"\"a\\.b\\\\\"", ">1:1 \"a\\.b\\\\\""}, // other backslashes stay
		{"a\"b\"", ">1:1 a\"b\""}, // no quote in the middle of a word
		{"\"a\"b", ">1:1 \"a\"|1:4 b"}, {"\"a\nb\" c\nd", ">1:1 \"a\nb\"|2:4 c|>3:1 d"},
		{"a{ {b { }", ">1:1 a{|1:4 {b|1:7 {*|1:9 }*"}, {"{}", ">1:1 {}"},
		{"\"{\" }", ">1:1 \"{\"*|1:5 }*"}, {"\"}\" \"{ \"", ">1:1 \"}\"*|1:5 \"{ \""},
		{"\xc3\xa4 b", ">1:1 \xc3\xa4|1:3 b"}, // columns count characters
		{"a\xc2\xa0"
		 "b\xe2\x80\x83"
		 "c\xe3\x80\x80"
		 "d",
			">1:1 a|1:3 b|1:5 c|1:7 d"},
		{"\xc3", ">1:1 \xc3"}, // broken UTF-8 is a word like any other
	};
	char words[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = {0};
		struct err e = {0};
		struct tokens t = {0};
		assert_int_equal(
			tokens_read(&a, "f", cases[i].text, strlen(cases[i].text), &t, &e), 0);
		print_tokens(&t, words, sizeof(words));
		assert_string_equal(words, cases[i].words);
		arena_fini(&a);
	}
}

static void an_open_quote_is_an_error_where_it_begins(void **state)
{
	static const char *const texts[] = {"a\n  \"b", "a\n  \"b\\\"", "a\n  \"b\\"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena a = {0};
		struct err e = {0};
		struct tokens t = {0};
		assert_int_equal(tokens_read(&a, "f", texts[i], strlen(texts[i]), &t, &e), -EINVAL);
		assert_int_equal(e.line, 2);
		assert_int_equal(e.column, 3);
		arena_fini(&a);
	}
}

static void a_zero_byte_is_refused(void **state)
{
	struct arena a = {0};
	struct err e = {0};
	struct tokens t = {0};

	(void)state;
	assert_int_equal(tokens_read(&a, "f", "a\0b", 3, &t, &e), -EINVAL);
	arena_fini(&a);
}

static void offsets_span_the_word_as_written(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "ab \"c d\" # e\nf";
	struct arena a = {0};
	struct err e = {0};
	struct tokens t = {0};

	(void)state;
	assert_int_equal(tokens_read(&a, "f", text, strlen(text), &t, &e), 0);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.items[0].offset, 3);
	assert_int_equal(t.items[0].end, 5);
	assert_int_equal(t.items[1].offset, 6);
	assert_int_equal(t.items[1].end, 11);
	assert_int_equal(t.items[1].width, 5);
	assert_memory_equal(text + t.items[2].offset, "f", 1);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_words),
		cmocka_unit_test(an_open_quote_is_an_error_where_it_begins),
		cmocka_unit_test(a_zero_byte_is_refused),
		cmocka_unit_test(offsets_span_the_word_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
