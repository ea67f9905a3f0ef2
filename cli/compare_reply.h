// SPDX-License-Identifier: Apache-2.0
// How two replies to one question differ, field by field.
#pragma once

#include "cli/compare_facts.h"

#include <stddef.h>
#include <stdint.h>

#define COMPARE_FIELDS(X) \
	X(FAULT, "fault") \
	X(RESULT, "result") \
	X(SOA, "soa") \
	X(OPCODE, "opcode") \
	X(QUESTION, "question") \
	X(AA, "aa") \
	X(RD, "rd") \
	X(RA, "ra") \
	X(AD, "ad") \
	X(CD, "cd") \
	X(Z, "z") \
	X(CASE, "case") \
	X(OPT, "opt") \
	X(SIZE, "size") \
	X(EDNS, "edns") \
	X(OPTIONS, "options") \
	X(ANSWER, "answer") \
	X(AUTHORITY, "authority") \
	X(ADDITIONAL, "additional") \
	X(TTL, "ttl") \
	X(TC, "tc") \
	X(TCP, "tcp") \
	X(PART, "part") \
	X(SILENTCUT, "silentcut")

#define COMPARE_ENUM(name, text) COMPARE_##name,
enum compare_field { COMPARE_FIELDS(COMPARE_ENUM) COMPARE_FIELD_COUNT };
#undef COMPARE_ENUM

const char *compare_field_text(enum compare_field field);

enum { DIFFERENCE_BYTES = 64, DIFFERENCES_MAX = 32 };

struct difference {
	enum compare_field field;
	char a[DIFFERENCE_BYTES], b[DIFFERENCE_BYTES]; // both values as words
};

struct differences {
	struct difference items[DIFFERENCES_MAX];
	size_t n;
};

struct compare_question {
	const uint8_t *name; // wire form, as it was sent
	uint16_t type;
	bool is_tcp;
	int edns_bytes; // -1: without OPT
	unsigned our_limit; // no UDP reply of B may be larger
};

// Both servers' whole replies over TCP, for replies that were cut. Silence when they do not come.
typedef void compare_fetch_fn(void *user, struct facts *a, struct facts *b);

// Fills *out. fetch is called when one of the replies was cut.
void compare_replies(const struct compare_question *q, const struct facts *a, const struct facts *b,
	compare_fetch_fn *fetch, void *user, struct differences *out);
