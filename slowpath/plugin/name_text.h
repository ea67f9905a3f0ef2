// SPDX-License-Identifier: Apache-2.0
// Names as the texts that rules of Corefiles are written for, and pieces of text.
#pragma once

#include "zones/regex/regex.h"
#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Four times the largest name, each byte as \DDD, leaves room for texts in the making.
enum { NAME_TEXT_MAX = 2048 };

struct name_text {
	char s[NAME_TEXT_MAX]; // ended by NUL
	size_t n;
	bool is_cut; // something did not fit: the text is of no use
};

// With a final dot and escaped as CoreDNS' library does, which regular expressions see.
void name_text_of(const uint8_t *wire, struct name_text *out);

// The name of a text, in its spelling. 0 or -EINVAL.
[[nodiscard]] int name_text_parse(const struct name_text *t, struct dname *out);

void name_text_add(struct name_text *t, const char *s, size_t n);

// Every `what` (not empty) of in replaced; out is another text.
void name_text_replace(
	const char *in, const char *what, const struct name_text *with, struct name_text *out);

// The first match in the text. One that takes too long is none, and is told now and then.
bool name_text_match(const struct regex *re, const struct name_text *text, struct regex_match *out);

// `to` with {0}, {1} ... replaced by what the groups matched in the text.
void name_text_fill(const char *to, const struct name_text *text, const struct regex_match *m,
	struct name_text *out);
