// SPDX-License-Identifier: Apache-2.0
// PCRE2 behind the small interface: compiled for the machine where that works, with limits on what
// one match may take.
#include "zones/regex/regex.h"

#include "zones/regex/dialect.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	// Backtracking steps. RE2 needs time linear in the text; a name has at most 1016
	// characters, for which an expression without nested repeats needs far fewer.
	MATCH_LIMIT = 200000,
	MATCH_LIMIT_JIT = 1000000, // steps of machine code are that much shorter
	DEPTH_LIMIT = 20000,
	HEAP_LIMIT_KIB = 4096,
};

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
	const char *names[REGEX_GROUPS_MAX]; // in code
	size_t groups;
};

static _Atomic uint64_t given_up;

static void names_find(struct regex *re)
{
	uint32_t n = 0;
	uint32_t entry_bytes = 0;
	PCRE2_SPTR table = NULL;

	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &n); // cannot fail
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
	(void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < n; i++) {
		PCRE2_SPTR entry = table + (size_t)i * entry_bytes;
		unsigned group = (unsigned)entry[0] << 8 | entry[1];
		if (group < REGEX_GROUPS_MAX)
			re->names[group] = (const char *)(entry + 2);
	}
}

static pcre2_code *compile(const char *pattern, struct err *err)
{
	char text[100] = "";
	int code = 0;
	size_t at = 0;
	size_t len = strlen(pattern);

	if (len > REGEX_PATTERN_MAX) {
		(void)err_set(err, -EINVAL, "a regular expression has at most %d characters",
			REGEX_PATTERN_MAX); // told by NULL
		return NULL;
	}
	if (dialect_check(pattern, err) != 0)
		return NULL;
	// Go's $ is the end of the text, never a place in front of a last line break.
	pcre2_code *out = pcre2_compile((PCRE2_SPTR)pattern, len,
		PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF, &code, &at, NULL);
	if (out == NULL) {
		(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
		(void)err_set(err, -EINVAL, "the regular expression is wrong at character %zu: %s",
			at + 1, text);
	}
	return out;
}

struct regex *regex_new(const char *pattern, struct err *err)
{
	uint32_t groups = 0;
	pcre2_code *code = compile(pattern, err);
	struct regex *re = code == NULL ? NULL : calloc(1, sizeof(*re));

	if (re == NULL) {
		pcre2_code_free(code);
		(void)err_set(err, -ENOMEM, "memory is short"); // the first error wins
		return NULL;
	}
	re->code = code;
	re->limits = pcre2_match_context_create(NULL);
	(void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups); // cannot fail
	re->groups = groups;
	if (re->limits == NULL || groups >= REGEX_GROUPS_MAX) {
		(void)err_set(err, re->limits == NULL ? -ENOMEM : -EINVAL,
			"a regular expression has at most %d groups", REGEX_GROUPS_MAX - 1);
		regex_free(re);
		return NULL;
	}
	// Under the sandbox there is no memory for machine code: the interpreter matches then.
	bool is_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	(void)pcre2_set_match_limit(re->limits, is_jit ? MATCH_LIMIT_JIT : MATCH_LIMIT);
	(void)pcre2_set_depth_limit(re->limits, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(re->limits, HEAP_LIMIT_KIB);
	names_find(re);
	return re;
}

void regex_free(struct regex *re)
{
	if (re == NULL)
		return;
	pcre2_match_context_free(re->limits);
	pcre2_code_free(re->code);
	free(re);
}

int regex_check(const char *pattern, struct err *err)
{
	struct regex *re = regex_new(pattern, err);

	regex_free(re);
	return re == NULL ? -EINVAL : 0;
}

bool regex_find(const struct regex *re, const char *text, size_t len, struct regex_match *out)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re->code, NULL);

	out->n = 0;
	out->is_given_up = false;
	if (data == NULL)
		return false;
	int n = pcre2_match(re->code, (PCRE2_SPTR)text, len, 0, 0, data, re->limits);
	out->is_given_up = n < 0 && n != PCRE2_ERROR_NOMATCH;
	if (out->is_given_up)
		atomic_fetch_add_explicit(&given_up, 1, memory_order_relaxed);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
	out->n = n < 0 ? 0 : re->groups + 1;
	for (size_t i = 0; i < out->n; i++) {
		bool is_set =
			i < (size_t)n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];
		out->group[i] = is_set ? (struct regex_group){at[2 * i], at[2 * i + 1]}
				       : (struct regex_group){0, 0};
	}
	pcre2_match_data_free(data);
	return n >= 0;
}

const char *regex_group_name(const struct regex *re, size_t group)
{
	return group < REGEX_GROUPS_MAX ? re->names[group] : NULL;
}

size_t regex_groups(const struct regex *re)
{
	return re->groups;
}

uint64_t regex_given_up(void)
{
	return atomic_load_explicit(&given_up, memory_order_relaxed);
}
