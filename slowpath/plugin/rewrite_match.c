// SPDX-License-Identifier: Apache-2.0
// How rules match names and what they make of them: exact, prefix, suffix, substring, regex.
#include "slowpath/plugin/rewrite.h"

#include <string.h>

static bool begins_with(const struct name_text *t, const char *s)
{
	size_t n = strlen(s);

	return t->n >= n && memcmp(t->s, s, n) == 0;
}

static bool ends_with(const struct name_text *t, const char *s)
{
	size_t n = strlen(s);

	return t->n >= n && memcmp(t->s + t->n - n, s, n) == 0;
}

bool rewrite_is_match(
	const struct rewrite_state *s, const struct name_text *name, struct regex_match *m)
{
	const char *from = s->rule->from;

	switch (s->rule->match) {
	case POLICY_EXACT:
		return strcmp(name->s, from) == 0;
	case POLICY_PREFIX:
		return begins_with(name, from);
	case POLICY_SUFFIX:
		return ends_with(name, from);
	case POLICY_SUBSTRING:
		return strstr(name->s, from) != NULL;
	default:
		return name_text_match(s->from, name, m);
	}
}

bool rewrite_text(
	const struct rewrite_state *s, const struct name_text *name, struct name_text *out)
{
	const char *to = s->rule->to;
	size_t from_len = strlen(s->rule->from);
	struct name_text with = {0};
	struct regex_match m;

	if (!rewrite_is_match(s, name, &m))
		return false;
	*out = (struct name_text){0};
	switch (s->rule->match) {
	case POLICY_EXACT:
		name_text_add(out, to, strlen(to));
		break;
	case POLICY_PREFIX:
		name_text_add(out, to, strlen(to));
		name_text_add(out, name->s + from_len, name->n - from_len);
		break;
	case POLICY_SUFFIX:
		name_text_add(out, name->s, name->n - from_len);
		name_text_add(out, to, strlen(to));
		break;
	case POLICY_SUBSTRING:
		name_text_add(&with, to, strlen(to));
		name_text_replace(name->s, s->rule->from, &with, out);
		break;
	default:
		name_text_fill(to, name, &m, out);
		break;
	}
	return true;
}
