// SPDX-License-Identifier: Apache-2.0
// Name rules of rewrite, with what they do to the names and values of the answer.
#include "zones/corefile/rewrite_rule.h"

#include "zones/base/array.h"
#include "zones/regex/regex.h"

#include <stdio.h>

static int lower_copy(struct parse *p, const char *text, const char *suffix, const char **out)
{
	size_t len = strlen(text);
	char *s = arena_alloc(p->arena, len + strlen(suffix) + 1);

	if (s == NULL)
		return parse_no_memory(p);
	memcpy(s, text, len);
	memcpy(s + len, suffix, strlen(suffix));
	for (char *c = s; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	*out = s;
	return 0;
}

int rule_name(struct parse *p, const char *text, const char **out)
{
	size_t len = strlen(text);

	return lower_copy(p, text, len > 0 && text[len - 1] == '.' ? "" : ".", out);
}

int rule_lower(struct parse *p, const char *text, const char **out)
{
	return lower_copy(p, text, "", out);
}

// Groups that a pattern captures: parentheses that are neither escaped, nor in a class, nor (?: .
static size_t count_groups(const char *re)
{
	bool in_class = false;
	size_t n = 0;

	for (; *re != '\0'; re++) {
		if (*re == '\\' && re[1] != '\0') {
			re++;
			continue;
		}
		if (in_class) {
			in_class = *re != ']';
			continue;
		}
		if (*re == '[') {
			in_class = true;
			// A ] in the first place is an ordinary character.
			re += re[1] == '^' ? 1 : 0;
			re += re[1] == ']' ? 1 : 0;
			continue;
		}
		if (*re == '(' &&
			(re[1] != '?' || strncmp(re, "(?P<", 4) == 0 ||
				(re[2] == '<' && re[3] != '=' && re[3] != '!')))
			n++;
	}
	return n;
}

// {0} ... {100} in a replacement.
static size_t count_references(const char *text)
{
	size_t n = 0;
	char word[8];

	for (unsigned i = 0; i <= 100; i++) {
		(void)snprintf(word, sizeof(word), "{%u}", i); // fits
		n += strstr(text, word) != NULL;
	}
	return n;
}

int rule_regex(struct parse *p, const struct token *re, const struct token *to)
{
	struct err why = {0};

	if (regex_check(re->text, &why) != 0)
		return why.code == -ENOMEM ? parse_no_memory(p)
					   : parse_error(p, re, "%s", why.text);
	if (to != NULL && count_references(to->text) > count_groups(re->text))
		return parse_error(p, to, "this refers to more groups than %.60s has", re->text);
	return 0;
}

// `answer auto` or `answer name|value RE TO`; "answer" may be left out after the first.
static int take_answer(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	struct config_rewrite_answer *items =
		list_grow(p->arena, w->answers, w->n_answers, sizeof(*items));

	if (items == NULL)
		return parse_no_memory(p);
	if (rule_accept(r, "auto")) {
		w->answer_auto = true;
		return 0;
	}
	bool is_value = rule_accept(r, "value");
	if ((!is_value && !rule_accept(r, "name")) || rule_left(r) < 2)
		return parse_error(p, rule_at(r),
			"answer is followed by auto, by name RE TO, or by value RE TO");
	const struct token *from = r->words[r->i];
	const struct token *to = r->words[r->i + 1];
	r->i += 2;
	w->answers = items;
	items[w->n_answers] =
		(struct config_rewrite_answer){.is_value = is_value, .from = from->text};
	int rc = rule_regex(p, from, to);
	if (rc == 0)
		rc = rule_name(p, to->text, &items[w->n_answers].to);
	w->n_answers++;
	return rc;
}

static int take_answers(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	bool has_name = false;
	int rc = 0;

	if (rule_left(r) > 0 && strcmp(rule_at(r)->text, "answer") != 0)
		return parse_error(p, rule_at(r), "only `answer ...` may follow here");
	while (rc == 0 && rule_left(r) > 0) {
		(void)rule_accept(r, "answer"); // optional after the first
		if (rule_left(r) == 0)
			return parse_error(p, rule_at(r), "answer needs auto, name or value");
		rc = take_answer(p, r, w);
	}
	for (size_t i = 0; i < w->n_answers; i++)
		has_name |= !w->answers[i].is_value;
	if (rc == 0 && w->answer_auto && has_name)
		rc = parse_error(
			p, rule_at(r), "`answer auto` and `answer name` exclude each other");
	return rc;
}

// How names are compared, when the word says so.
bool rule_match(struct rule *r, enum rewrite_match *out)
{
	static const char *const names[] = {
		[MATCH_EXACT] = "exact",
		[MATCH_PREFIX] = "prefix",
		[MATCH_SUFFIX] = "suffix",
		[MATCH_SUBSTRING] = "substring",
		[MATCH_REGEX] = "regex",
	};

	size_t i = rule_choose(r, names, ARRAY_LEN(names));
	if (i == ARRAY_LEN(names))
		return false;
	*out = (enum rewrite_match)i;
	return true;
}

int rule_name_parse(struct parse *p, struct rule *r, struct config_rewrite *w)
{
	if (rule_left(r) >= 3 && !rule_match(r, &w->match))
		return parse_error(p, rule_at(r),
			"a name is matched exact, prefix, suffix, substring or regex");
	if (rule_left(r) < 2)
		return parse_error(p, rule_at(r), "a name rule needs FROM and TO");
	const struct token *from = r->words[r->i];
	const struct token *to = r->words[r->i + 1];
	r->i += 2;
	int rc = 0;
	if (w->match == MATCH_REGEX) {
		w->from = from->text;
		rc = rule_regex(p, from, to);
	} else {
		rc = rule_name(p, from->text, &w->from);
	}
	if (rc == 0)
		rc = rule_name(p, to->text, &w->to);
	if (rc == 0)
		rc = take_answers(p, r, w);
	// An exact rule always maps the names in the answer back (CoreDNS newExactNameRule).
	w->answer_auto |= w->match == MATCH_EXACT;
	return rc;
}
