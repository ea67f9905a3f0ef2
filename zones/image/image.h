// SPDX-License-Identifier: Apache-2.0
// A checked image, ready to read: typed views of its parts. image_check is the only way to make
// one from foreign bytes; after it, every offset can be followed without looking again.
#pragma once

#include "zones/base/err.h"
#include "zones/image/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	const uint8_t *bytes; // borrowed: the mapping must outlive this struct
	size_t size_bytes;
	const struct image_header *header;
	const struct image_server *servers;
	const struct image_listener *listeners;
	const struct image_rule *rules;
	const struct image_step *steps;
	const struct image_name *names;
	const struct image_set *sets;
	const uint8_t *text; // IMAGE_BYTES
	const uint8_t *sections; // IMAGE_SECTIONS
	const uint8_t *policy; // IMAGE_POLICY, for policy_decode
	size_t policy_bytes;
	uint64_t policy_hash; // equal for equal policy parts
	uint32_t n_servers, n_listeners, n_rules, n_steps, n_names, n_sets, n_chains;
};

// Every reason to refuse an image. The texts are for people; the counters of the mutation test are
// indexed by the enum.
#define IMAGE_REFUSALS(X) \
	X(OK, "accepted") \
	X(SHORT, "shorter than its header") \
	X(MAGIC, "not an image") \
	X(VERSION, "format version not known here") \
	X(KIND, "neither base nor overlay") \
	X(TOTAL, "size differs from the header's") \
	X(HASH, "hash differs from the bytes") \
	X(RESERVED, "a reserved field is not zero") \
	X(EXTENT, "a part lies outside, overlaps, or is not aligned") \
	X(PART_SIZE, "a part is no whole number of entries") \
	X(SERVER, "a server's rules or text lie outside") \
	X(LISTENER, "a listener is malformed or its rules lie outside") \
	X(RULE, "a rule's zone, steps or server lie outside or are wrong") \
	X(RULE_ORDER, "rules of a listener are not sorted by zone length") \
	X(STEP, "a step is of no known kind or points outside") \
	X(POLICY, "the policy part is malformed") \
	X(TEXT, "a text lies outside or is not printable") \
	X(SOA, "a step's SOA section is not one SOA") \
	X(NAME, "a name is malformed or lies outside") \
	X(NAME_HASH, "a name's hash is wrong") \
	X(NAME_ORDER, "names are not sorted or not unique") \
	X(NAME_SETS, "a name's sets lie outside") \
	X(NAME_FLAGS, "a name's flags are unknown or forbidden here") \
	X(SET, "a set's section lies outside or sets are not sorted") \
	X(SECTION, "an answer section does not fit its part") \
	X(SECTION_RR, "a record in an answer section is malformed") \
	X(SECTION_FIX, "a fix-up position lies outside its section or names no pointer")

#define IMAGE_REFUSAL_ENUM(name, text) IMAGE_REFUSED_##name,
enum image_refusal { IMAGE_REFUSALS(IMAGE_REFUSAL_ENUM) IMAGE_REFUSAL_COUNT };
#undef IMAGE_REFUSAL_ENUM

// Checks everything once: header, hash, every offset, order, record and fix-up. On success fills
// *out and returns IMAGE_REFUSED_OK; otherwise says why in *err too (may be NULL). Cost is linear
// in the image.
[[nodiscard]] enum image_refusal image_check(
	const void *bytes, size_t size_bytes, struct image *out, struct err *err);

// XXH3-64 of the image with its hash field taken as zero.
uint64_t image_hash(const void *bytes, size_t size_bytes);

// The hash of the policy part (XXH3-64); image_check has set img->policy_hash to it.
uint64_t image_policy_hash(const struct image *img);

// The hash that orders names (upper half of XXH3-64).
uint32_t image_name_hash(const uint8_t *norm, size_t size_bytes);

const char *image_refusal_text(enum image_refusal refusal);

static inline const uint8_t *image_name_wire(const struct image *img, const struct image_name *n)
{
	return img->text + n->name_off;
}

static inline const struct image_section *image_section_at(const struct image *img, uint32_t off)
{
	return (const struct image_section *)(const void *)(img->sections + off);
}

static inline const uint8_t *image_section_rrs(const struct image_section *s)
{
	return (const uint8_t *)(s + 1);
}

// End offsets of the RRs (n_an + n_ar of them), only when stride is 0.
static inline const uint32_t *image_section_ends(const struct image_section *s)
{
	size_t rrs = (s->an_bytes + (size_t)s->ar_bytes + 3) & ~(size_t)3;

	return (const uint32_t *)(const void *)(image_section_rrs(s) + rrs);
}

// Fix-up positions: n_ptr, then n_tail, then n_zone of them.
static inline const uint32_t *image_section_fixes(const struct image_section *s)
{
	return image_section_ends(s) + (s->stride != 0 ? 0u : (size_t)s->n_an + s->n_ar);
}

// The set of a type, or NULL.
const struct image_set *image_find_set(
	const struct image *img, const struct image_name *name, uint16_t type);
