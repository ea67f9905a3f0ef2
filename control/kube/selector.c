// SPDX-License-Identifier: Apache-2.0
// Parses and evaluates one requirement after the other, straight from the text.
#include "control/kube/selector.h"

#include "control/kube/decode.h"

#include <stddef.h>
#include <string.h>

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
#define MAX_KEY 317 // a DNS name, a slash and a name of 63

// A piece of the selector's text.
struct word {
	const char *at;
	size_t len;
};

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

// The word that starts at *p; len 0 when there is none.
static struct word take_word(const char **p)
{
	struct word w = {.at = skip_space(*p)};

	w.len = strspn(w.at, KEY_CHARS);
	*p = skip_space(w.at + w.len);
	return w;
}

static bool word_is(const struct word *w, const char *text)
{
	return strlen(text) == w->len && memcmp(w->at, text, w->len) == 0;
}

// The label's value, NULL when there is no such label.
static const char *label_of(const json_t *labels, const struct word *key)
{
	char name[MAX_KEY + 1];

	if (key->len > MAX_KEY)
		return NULL;
	memcpy(name, key->at, key->len);
	name[key->len] = '\0';
	return decode_str(labels, name);
}

// A list in brackets at *p. *found tells whether value (may be NULL) is in it.
static bool take_list(const char **p, const char *value, bool *found)
{
	*found = false;
	if (**p != '(')
		return false;
	do {
		struct word w;

		(*p)++;
		w = take_word(p);
		*found = *found || (value != NULL && word_is(&w, value));
	} while (**p == ',');
	if (**p != ')')
		return false;
	*p = skip_space(*p + 1);
	return true;
}

// What follows a key: =, ==, !=, in, notin or nothing.
static bool take_rest(const char **p, const char *value, bool *holds)
{
	bool negated = **p == '!';
	struct word w;
	bool found;

	if (**p == '=' || (negated && (*p)[1] == '=')) {
		*p += negated ? 2 : 1;
		if (!negated && **p == '=')
			(*p)++;
		w = take_word(p);
		found = value != NULL && word_is(&w, value);
		*holds = found != negated;
		return true;
	}
	if (**p == ',' || **p == '\0') {
		*holds = value != NULL;
		return true;
	}
	w = take_word(p);
	if (!word_is(&w, "in") && !word_is(&w, "notin"))
		return false;
	if (!take_list(p, value, &found))
		return false;
	*holds = found == word_is(&w, "in");
	return true;
}

// One requirement at *p. False when it has none of the forms.
static bool take_requirement(const char **p, const json_t *labels, bool *holds)
{
	bool absent;
	struct word key;

	*p = skip_space(*p);
	absent = **p == '!';
	if (absent)
		(*p)++;
	key = take_word(p);
	if (key.len == 0 || key.len > MAX_KEY)
		return false;
	if (!absent)
		return take_rest(p, label_of(labels, &key), holds);
	*holds = label_of(labels, &key) == NULL;
	return **p == ',' || **p == '\0';
}

static bool evaluate(const char *selector, const json_t *labels, bool *matches)
{
	const char *p = skip_space(selector);
	bool holds;

	*matches = true;
	if (*p == '\0')
		return true;
	for (;; p++) {
		if (!take_requirement(&p, labels, &holds))
			return false;
		*matches = *matches && holds;
		if (*p != ',')
			return *p == '\0';
	}
}

bool selector_matches(const char *selector, const json_t *labels)
{
	bool matches;

	return selector == NULL || (evaluate(selector, labels, &matches) && matches);
}

bool selector_is_valid(const char *selector)
{
	bool matches;

	return selector == NULL || evaluate(selector, NULL, &matches);
}
