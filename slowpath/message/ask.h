// SPDX-License-Identifier: Apache-2.0
// Questions to upstreams: built from what was asked, never from the client's bytes (proto:H17),
// and the strict match of what comes back (proto:F1).
#pragma once

#include "zones/wire/dname.h"
#include "zones/wire/rr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ASK_OPTIONS_MAX_BYTES = 512,
	ASK_MAX_BYTES = 12 + 255 + 4 + 11 + ASK_OPTIONS_MAX_BYTES,
};

// EDNS options that upstreams get (rewrite edns0), in wire form.
struct ask_options {
	uint16_t size_bytes;
	uint8_t bytes[ASK_OPTIONS_MAX_BYTES];
};

// What is asked. Two questions that differ in any of this are different to caches and upstreams
// (proto:F9).
struct ask {
	struct dname name; // lower case
	uint16_t type;
	uint16_t class; // 0: IN; others only by `rewrite class`
	bool is_do, is_cd, is_rd;
	uint64_t options; // ask_options_mark of what goes with it, 0 for none
};

// Appends one option. False: there is no room for it.
bool ask_options_add(
	struct ask_options *o, uint16_t code, const uint8_t *data, uint16_t size_bytes);

// A number that other options do not have; 0 for none. key has 16 bytes.
uint64_t ask_options_mark(const struct ask_options *o, const uint8_t key[16]);

enum ask_edns { ASK_WITH_EDNS, ASK_WITHOUT_EDNS };

static inline uint16_t ask_wire_class(const struct ask *a)
{
	return a->class == 0 ? RR_CLASS_IN : a->class;
}

// Writes the query and returns its size. AD is set, so that the upstream says whether it
// has validated (k8s:2.13 cache).
size_t ask_write(const struct ask *a, uint16_t id, enum ask_edns edns, uint8_t out[ASK_MAX_BYTES]);

// Adds the options to a query that ask_write has written with EDNS. Returns its size then.
size_t ask_write_options(
	const struct ask_options *o, size_t size_bytes, uint8_t out[ASK_MAX_BYTES]);

enum ask_match {
	ASK_ANSWER, // to this question
	ASK_WRONG_ID, // somebody may be guessing (proto:F5)
	ASK_OTHER, // anything else: go on waiting
};

enum ask_match ask_judge(const struct ask *a, uint16_t id, const uint8_t *msg, size_t size_bytes);

bool ask_is_equal(const struct ask *a, const struct ask *b);

// Keyed: names are chosen by strangers. key has 16 bytes.
uint64_t ask_hash(const struct ask *a, const uint8_t key[16]);
