// SPDX-License-Identifier: Apache-2.0
// A hash table with linear probing that is never more than half full.
#include "cli/tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * TALLY_WORDS_MAX };

// FNV-1a: the words come from queries, and a slow look-up is all that a chosen collision gets.
static size_t slot_of(const char *text)
{
	uint64_t h = 14695981039346656037u;

	for (; *text != 0; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return (size_t)(h ^ h >> 32) % SLOTS;
}

static struct tally_word *find(const struct tally *t, const char *text)
{
	size_t i = slot_of(text);

	while (t->slots[i].text != NULL && strcmp(t->slots[i].text, text) != 0)
		i = (i + 1) % SLOTS;
	return &t->slots[i];
}

void tally_add(struct tally *t, const char *text)
{
	if (t->slots == NULL)
		t->slots = calloc(SLOTS, sizeof(*t->slots));
	struct tally_word *w = t->slots == NULL ? NULL : find(t, text);
	if (w != NULL && w->text == NULL && t->n_words < TALLY_WORDS_MAX) {
		w->text = strdup(text);
		t->n_words += w->text != NULL;
	}
	if (w == NULL || w->text == NULL)
		t->other++;
	else
		w->n++;
}

static bool is_before(const struct tally_word *a, const struct tally_word *b)
{
	return a->n != b->n ? a->n > b->n : strcmp(a->text, b->text) < 0;
}

size_t tally_top(const struct tally *t, struct tally_word *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; t->slots != NULL && i < SLOTS; i++) {
		const struct tally_word *w = &t->slots[i];
		size_t at = n;
		if (w->text == NULL)
			continue;
		while (at > 0 && is_before(w, &out[at - 1]))
			at--;
		if (at == max)
			continue;
		n += n < max;
		memmove(&out[at + 1], &out[at], (n - at - 1) * sizeof(*out));
		out[at] = *w;
	}
	return n;
}

void tally_fini(struct tally *t)
{
	for (size_t i = 0; t->slots != NULL && i < SLOTS; i++)
		free(t->slots[i].text);
	free(t->slots);
	*t = (struct tally){0};
}
