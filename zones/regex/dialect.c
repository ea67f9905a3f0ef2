// SPDX-License-Identifier: Apache-2.0
// Refuses what PCRE2 has beyond RE2, so that a Corefile that works here works in CoreDNS too and
// means the same: look-around, back references, possessive quantifiers, verbs, foreign escapes.
#include "zones/regex/dialect.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 1000 }; // RE2's

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Behind a backslash; returns the characters taken, 0 when Go does not know the escape.
static size_t escape_size(const char *s, bool in_class)
{
	static const char in_both[] = "aftnrvxpPdDsSwW0";
	static const char outside[] = "AbBzQ";

	if (s[0] == '\0')
		return 0;
	if (!is_alnum(s[0]) || strchr(in_both, s[0]) != NULL)
		return 1;
	if (s[0] == 'Q') {
		const char *end = strstr(s, "\\E");
		return end == NULL ? strlen(s) : (size_t)(end - s) + 2;
	}
	return !in_class && strchr(outside, s[0]) != NULL ? 1 : 0;
}

// A character class; returns the size with its brackets, 0 when it holds something unknown.
static size_t class_size(const char *s)
{
	size_t i = 1;

	if (s[i] == '^')
		i++;
	if (s[i] == ']')
		i++;
	while (s[i] != '\0' && s[i] != ']') {
		const char *name_end = strncmp(s + i, "[:", 2) == 0 ? strstr(s + i, ":]") : NULL;
		if (name_end != NULL) {
			i = (size_t)(name_end - s) + 2;
			continue;
		}
		size_t taken = s[i] == '\\' ? escape_size(s + i + 1, true) : 0;
		if (s[i] == '\\' && taken == 0)
			return 0;
		i += 1 + taken;
	}
	return s[i] == ']' ? i + 1 : i;
}

// (? and what follows, or a plain parenthesis.
static bool is_group_known(const char *s)
{
	if (s[1] == '*')
		return false; // a verb
	if (s[1] != '?')
		return true;
	if (s[2] == 'P')
		return s[3] == '<';
	if (s[2] == '<')
		return s[3] != '=' && s[3] != '!';
	const char *end = s + 2 + strspn(s + 2, "imsU-");
	return *end == ':' || (*end == ')' && end > s + 2);
}

// {n}, {n,} or {n,m}: the size, 0 when the brace is an ordinary character.
static size_t braces_size(const char *s)
{
	const char *c = s + 1;

	if (!is_digit(*c))
		return 0;
	c += strspn(c, "0123456789");
	if (*c == ',')
		c += 1 + strspn(c + 1, "0123456789");
	return *c == '}' ? (size_t)(c - s) + 1 : 0;
}

static bool is_repeat_small(const char *s)
{
	const char *comma = strchr(s, ',');
	const char *close = strchr(s, '}');

	if (strtoul(s + 1, NULL, 10) > REPEAT_MAX)
		return false;
	return comma == NULL || comma > close || strtoul(comma + 1, NULL, 10) <= REPEAT_MAX;
}

// A quantifier and its `?`; 0 when there is none.
static size_t quantifier_size(const char *s)
{
	size_t n = 0;

	if (s[0] == '{')
		n = braces_size(s);
	else if (s[0] != '\0' && strchr("*+?", s[0]) != NULL)
		n = 1;
	return n > 0 && s[n] == '?' ? n + 1 : n;
}

static int refuse(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "Go's regular expressions have no %s", what);
}

int dialect_check(const char *pattern, struct err *err)
{
	const char *s = pattern;

	while (*s != '\0') {
		size_t n = quantifier_size(s);
		if (n > 0 && *s == '{' && !is_repeat_small(s))
			return err_set(
				err, -EINVAL, "a repeat count is larger than %d", REPEAT_MAX);
		if (n > 0 && quantifier_size(s + n) > 0)
			return refuse(err, "quantifier behind a quantifier");
		if (*s == '\\') {
			n = escape_size(s + 1, false);
			if (n == 0)
				return refuse(err, "such escape (back references, \\K, \\h ...)");
			n++;
		} else if (*s == '[') {
			n = class_size(s);
			if (n == 0)
				return refuse(err, "such escape in [...]");
		} else if (*s == '(' && !is_group_known(s)) {
			return refuse(err, "look-around, atomic groups, comments or verbs");
		}
		s += n > 0 ? n : 1;
	}
	return 0;
}
