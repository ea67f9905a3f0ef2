// SPDX-License-Identifier: Apache-2.0
// Grammar of label selectors; CoreDNS knows no other operators (meta.ParseToLabelSelector).
#include "zones/corefile/selector.h"

#include <stddef.h>
#include <string.h>

static const char word_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";

static void skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

// Length of the word at the cursor, which moves behind it and the blanks that follow.
static size_t take_word(const char **s)
{
	size_t len = strspn(*s, word_chars);

	*s += len;
	skip_blanks(s);
	return len;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	skip_blanks(s);
	return true;
}

// `(a, b)`; a value may be empty.
static bool take_set(const char **s)
{
	if (!take_char(s, '('))
		return false;
	do {
		(void)take_word(s);
	} while (take_char(s, ','));
	return take_char(s, ')');
}

static bool is_operator(const char *word, size_t len)
{
	return (len == 2 && strncmp(word, "in", 2) == 0) ||
		(len == 5 && strncmp(word, "notin", 5) == 0);
}

static bool take_requirement(const char **s)
{
	bool is_absent = take_char(s, '!');

	if (take_word(s) == 0)
		return false;
	if (is_absent || **s == ',' || **s == '\0')
		return true;
	if (take_char(s, '=')) {
		(void)take_char(s, '=');
		(void)take_word(s);
		return true;
	}
	const char *word = *s;
	return is_operator(word, take_word(s)) && take_set(s);
}

bool selector_is_valid(const char *text)
{
	const char *s = text;

	skip_blanks(&s);
	do {
		if (!take_requirement(&s))
			return false;
	} while (take_char(&s, ','));
	return *s == '\0';
}
