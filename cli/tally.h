// SPDX-License-Identifier: Apache-2.0
// Counts of words, and the most frequent of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TALLY_WORDS_MAX = 1 << 14 };

struct tally_word {
	char *text; // owned; NULL: free
	uint64_t n;
};

// Zeroed at the start. What does not fit any more is counted in other.
struct tally {
	struct tally_word *slots; // owned
	size_t n_words;
	uint64_t other;
};

void tally_add(struct tally *t, const char *text);

// The most frequent words first, equal ones by name; returns how many there are in out. The texts
// are borrowed from the tally.
size_t tally_top(const struct tally *t, struct tally_word *out, size_t max);

void tally_fini(struct tally *t);
