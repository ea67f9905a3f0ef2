// SPDX-License-Identifier: Apache-2.0
// The words of one rewrite rule and the steps through them. Private to zones/corefile.
#pragma once

#include "zones/corefile/parse.h"

#include <string.h>
#include <strings.h>

enum { RULE_WORDS_MAX = 64 };

// The words of the rule, wherever they stood.
struct rule {
	const struct token *words[RULE_WORDS_MAX];
	size_t n;
	size_t i;
};

// Words not read yet.
static inline size_t rule_left(const struct rule *r)
{
	return r->n - r->i;
}

// The next word; the last one at the end, which is where something missing is shown.
static inline const struct token *rule_at(const struct rule *r)
{
	return r->words[r->i < r->n ? r->i : r->n - 1];
}

// Reads the next word when it is this one.
static inline bool rule_accept(struct rule *r, const char *word)
{
	if (r->i == r->n || strcasecmp(r->words[r->i]->text, word) != 0)
		return false;
	r->i++;
	return true;
}

// The index of the next word among names, read; n when it is none of them.
static inline size_t rule_choose(struct rule *r, const char *const *names, size_t n)
{
	size_t i = 0;

	while (i < n && !rule_accept(r, names[i]))
		i++;
	return i;
}

// How names are compared, when the next word says so.
bool rule_match(struct rule *r, enum rewrite_match *out);

// Lower case, with a final dot, as CoreDNS compares (its plugin.Name).
[[nodiscard]] int rule_name(struct parse *p, const char *text, const char **out);

// Lower case.
[[nodiscard]] int rule_lower(struct parse *p, const char *text, const char **out);

// A regular expression, and a replacement (or NULL) that may refer to its groups.
[[nodiscard]] int rule_regex(struct parse *p, const struct token *re, const struct token *to);

// FROM TO [answer ...] of a name rule.
[[nodiscard]] int rule_name_parse(struct parse *p, struct rule *r, struct config_rewrite *w);
