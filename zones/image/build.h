// SPDX-License-Identifier: Apache-2.0
// Builds an image: policy and names go in, in any order; deterministic bytes come out. Everything
// is kept in one arena until image_build_finish; sections that are added once may serve many names.
#pragma once

#include "zones/base/err.h"
#include "zones/image/format.h"
#include "zones/record/record.h"

#include <stddef.h>
#include <stdint.h>

struct image_build;

struct image_build_id {
	enum image_kind kind;
	uint64_t generation;
	uint64_t base_generation, base_hash; // overlay only
	uint32_t serial;
	uint32_t corefile; // see struct image_header
};

// One name to add. Strings and sets are borrowed for the call.
struct image_build_name {
	uint16_t view;
	const uint8_t *wire; // lower case; with underscores as people write it (`_http._tcp...`)
	uint8_t us_mask; // enum record_underscore; labels lose their '_' only when not NONE
	uint8_t flags; // enum name_flag
	const struct record_set *sets;
	size_t n_sets;
	// An alias answers with the sections of another name added before in the same build
	// (IMAGE_NONE: none); sets must be empty then.
	uint32_t alias_of;
};

struct image_build_step {
	uint8_t kind, flags;
	uint16_t view;
	uint32_t soa; // id from image_build_soa or IMAGE_NONE
	const uint8_t *zone; // the step's own zone (wire, lower case); NULL: the rule's
	uint16_t pod_ttl_s;
	const char *plugin;
	uint16_t line;
	uint32_t policy; // as in struct image_step
};

struct image_build_rule {
	const uint8_t *zone; // wire, lower case
	uint16_t server;
	uint16_t flags;
	const char *metric_zone;
	const struct image_build_step *steps;
	size_t n_steps;
};

// NULL when memory is short.
struct image_build *image_build_new(const struct image_build_id *id);
void image_build_free(struct image_build *b); // NULL is fine

// Names dropped because the same name was added twice (valid after image_build_seal).
size_t image_build_duplicates(const struct image_build *b);

// Sets left out because they cannot be encoded (over 65,535 records or 4 MiB); their name stays.
size_t image_build_dropped_sets(const struct image_build *b);

// All of these return 0 or -ENOMEM / -EINVAL / -E2BIG, and stick: after one failure the others do
// nothing and image_build_finish reports the first.

// Servers in order; the index is what rules name.
[[nodiscard]] int image_build_server(
	struct image_build *b, const char *label, uint16_t udp_max_bytes);
// What the last server tells who asks for NSID: at most 255 characters.
[[nodiscard]] int image_build_nsid(struct image_build *b, const char *text);
// A listener and its rules (any order). address: 16 bytes, family 0/4/6.
[[nodiscard]] int image_build_listener(struct image_build *b, const struct image_listener *where,
	const struct image_build_rule *rules, size_t n_rules);
// The SOA of a zone, for steps and for the apex. Writes an id for image_build_step.soa.
[[nodiscard]] int image_build_soa(struct image_build *b, const struct dname *zone, uint32_t ttl_s,
	const struct record_soa *soa, uint32_t *id);
// The policy part (policy_encode), copied. Steps name its chains.
[[nodiscard]] int image_build_policy(
	struct image_build *b, const uint8_t *bytes, size_t size_bytes);
// A name; *id (may be NULL) can be used as alias_of.
[[nodiscard]] int image_build_name(
	struct image_build *b, const struct image_build_name *name, uint32_t *id);

// How many bytes the finished image will have (valid after image_build_seal).
[[nodiscard]] int image_build_seal(struct image_build *b, size_t *size_bytes, struct err *err);
// Writes the image into out (exactly that size), header and hash included.
void image_build_write(struct image_build *b, uint8_t *out);
