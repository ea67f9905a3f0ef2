// SPDX-License-Identifier: Apache-2.0
// Values: how they print, whether they count as true, what is in .Group.
#include "zones/gotmpl/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool sink_grow(struct sink *k, size_t want)
{
	size_t cap = k->cap == 0 ? 128 : k->cap;

	while (cap < want)
		cap *= 2;
	char *s = arena_alloc(k->arena, cap);
	if (s == NULL) {
		k->failed = -ENOMEM;
		return false;
	}
	if (k->n > 0)
		memcpy(s, k->s, k->n);
	k->s = s;
	k->cap = cap;
	return true;
}

void sink_add(struct sink *k, const char *s, size_t n)
{
	if (k->failed == 0 && n > GOTMPL_OUT_MAX_BYTES - k->n)
		k->failed = -EINVAL;
	if (k->failed != 0 || n == 0 || (k->n + n + 1 > k->cap && !sink_grow(k, k->n + n + 1)))
		return;
	memcpy(k->s + k->n, s, n);
	k->n += n;
	k->s[k->n] = '\0';
}

void sink_text(struct sink *k, const char *s)
{
	sink_add(k, s, strlen(s));
}

// The key of a group: its number, or its name; NULL when it has none.
static const char *key_text(const struct gotmpl_data *d, size_t k, char digits[24])
{
	if (k >= d->n_match)
		return d->group[k - d->n_match];
	(void)snprintf(digits, 24, "%zu", k); // fits
	return digits;
}

struct value group_find(const struct gotmpl_data *d, const struct gotmpl_text *name)
{
	char digits[24];

	for (size_t k = 0; k < 2 * d->n_match; k++) {
		const char *text = key_text(d, k, digits);
		if (text == NULL || strlen(text) != name->n || memcmp(text, name->s, name->n) != 0)
			continue;
		size_t at = k < d->n_match ? k : k - d->n_match;
		return (struct value){.kind = VALUE_TEXT, .text = d->match[at]};
	}
	return (struct value){.kind = VALUE_NONE};
}

static void match_print(struct sink *k, const struct gotmpl_data *d)
{
	sink_text(k, "[");
	for (size_t i = 0; i < d->n_match; i++) {
		if (i > 0)
			sink_text(k, " ");
		sink_add(k, d->match[i].s, d->match[i].n);
	}
	sink_text(k, "]");
}

void value_print(struct sink *k, const struct gotmpl_data *d, const struct value *v)
{
	char digits[24];

	switch (v->kind) {
	case VALUE_NONE:
		sink_text(k, "<no value>");
		break;
	case VALUE_BOOL:
		sink_text(k, v->is_true ? "true" : "false");
		break;
	case VALUE_INT:
		(void)snprintf(digits, sizeof(digits), "%" PRId64, v->i); // fits
		sink_text(k, digits);
		break;
	case VALUE_UINT:
		(void)snprintf(digits, sizeof(digits), "%" PRIu64, v->u); // fits
		sink_text(k, digits);
		break;
	case VALUE_TEXT:
		sink_add(k, v->text.s, v->text.n);
		break;
	case VALUE_MATCH:
		match_print(k, d);
		break;
	case VALUE_GROUP:
	case VALUE_DATA:
	case VALUE_QUESTION:
	case VALUE_MESSAGE:
		k->failed = -EINVAL; // most are refused when compiled
		break;
	}
}

bool value_is_true(const struct gotmpl_data *d, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		return false;
	case VALUE_BOOL:
		return v->is_true;
	case VALUE_INT:
		return v->i != 0;
	case VALUE_UINT:
		return v->u != 0;
	case VALUE_TEXT:
		return v->text.n > 0;
	case VALUE_MATCH:
	case VALUE_GROUP:
		return d->n_match > 0;
	case VALUE_DATA:
	case VALUE_QUESTION:
	case VALUE_MESSAGE:
		break;
	}
	return true;
}
