// SPDX-License-Identifier: Apache-2.0
// Domain names in uncompressed wire form (RFC 1035 3.1): length-prefixed labels, ended by the root.
// Bytes inside labels are opaque; only ASCII letters compare without case (RFC 4343, proto:N6).
#pragma once

#include "zones/wire/rr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNAME_TEXT_MAX_BYTES = 1024 }; // 255 bytes, each as \DDD, and a final NUL

struct dname {
	uint8_t size_bytes; // including the root label; 0 for "no name"
	uint8_t wire[DNS_NAME_MAX_BYTES];
};

extern const uint8_t dname_lower_table[256];

static inline uint8_t dname_lower_byte(uint8_t c)
{
	return dname_lower_table[c];
}

// Size of a well-formed name in bytes, or 0 when it does not end within max_bytes, is longer than
// 255, or holds a label type other than 00 (proto:N1, N2, N3).
size_t dname_size(const uint8_t *wire, size_t max_bytes);

// Labels without the root.
unsigned dname_labels(const uint8_t *wire);

// Parses presentation form; "." and a missing final dot are fine, escapes \DDD and \X understood.
// 0 or -EINVAL; *name is untouched on error. Case is kept.
[[nodiscard]] int dname_parse(const char *text, struct dname *name);

// Prints with a final dot, escaping what is not printable (RFC 4343 2.1). buf should have
// DNAME_TEXT_MAX_BYTES; shorter buffers cut the text. Returns buf.
const char *dname_print(const uint8_t *wire, char *buf, size_t size_bytes);

// Lower-cases all labels in place (length octets are below 'A', so bytes can be mapped blindly).
void dname_lower(struct dname *name);

// Equality without case; sizes include the root.
bool dname_is_equal(const uint8_t *a, const uint8_t *b);

// True when zone is name or an ancestor of it, label by label and without case.
bool dname_is_within(const uint8_t *name, const uint8_t *zone);

// Appends name after the labels in *prefix (whose root is replaced). 0 or -ENAMETOOLONG with
// *prefix untouched.
[[nodiscard]] int dname_append(struct dname *prefix, const uint8_t *name);

// Puts one label in front of *name. 0, or -EINVAL (empty or over 63), or -ENAMETOOLONG.
[[nodiscard]] int dname_prepend(struct dname *name, const void *label, size_t len);
