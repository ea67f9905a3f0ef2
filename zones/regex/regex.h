// SPDX-License-Identifier: Apache-2.0
// Regular expressions of Corefiles. CoreDNS runs Go's (RE2) ones, here PCRE2 runs them: what Go
// does not have is refused, and a match that would take too long counts as none.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REGEX_PATTERN_MAX = 10000, // characters; CoreDNS' limit
	REGEX_GROUPS_MAX = 101, // with {0}; CoreDNS replaces {0} to {100}
};

struct regex;

// Where a group begins and ends; both 0 when it took no part.
struct regex_group {
	size_t begin, end;
};

struct regex_match {
	struct regex_group group[REGEX_GROUPS_MAX];
	size_t n; // 1 and the groups of the pattern
	bool is_given_up; // no match, because looking for one took too long
};

// On the heap; NULL with a sentence in *err when Go would refuse the pattern, or memory is short.
struct regex *regex_new(const char *pattern, struct err *err);
void regex_free(struct regex *re);

// Whether the pattern can be compiled, with a sentence when not.
[[nodiscard]] int regex_check(const char *pattern, struct err *err);

// The first match in the text, not anchored. Any number of threads may ask at once.
bool regex_find(const struct regex *re, const char *text, size_t len, struct regex_match *out);

// The name of a group (?P<name>...), or NULL.
const char *regex_group_name(const struct regex *re, size_t group);

// Groups of the pattern, without the match as a whole.
size_t regex_groups(const struct regex *re);

// Matches given up since the process started, of all expressions.
uint64_t regex_given_up(void);
