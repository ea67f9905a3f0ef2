// SPDX-License-Identifier: Apache-2.0
// What the builder collects, shared by build.c and build_write.c only.
#pragma once

#include "zones/base/arena.h"
#include "zones/image/build.h"
#include "zones/image/section.h"

#include <stdbool.h>

struct build_section {
	struct section_blob blob;
	uint32_t offset; // in IMAGE_SECTIONS, once laid out
};

struct build_set {
	struct build_section section;
	uint16_t type, flags;
};

struct build_name {
	const uint8_t *wire; // normalised, in the arena
	uint32_t hash;
	uint32_t first_set; // in image_build.sets
	uint32_t alias_of; // index of a name, or IMAGE_NONE
	uint16_t view;
	uint8_t size, n_sets, us_mask, flags;
};

struct image_build {
	struct image_build_id id;
	int failed; // first error, 0 for none
	struct arena arena;
	struct image_server *servers;
	struct image_listener *listeners;
	struct image_rule *rules;
	struct image_step *steps;
	struct build_section *soas;
	struct build_name *names;
	struct build_set *sets;
	uint8_t *text;
	const uint8_t *policy; // in the arena
	size_t policy_bytes;
	uint32_t *order; // indexes of names in file order, made by image_build_seal
	size_t n_servers, n_listeners, n_rules, n_steps, n_soas, n_names, n_sets, text_bytes;
	size_t servers_cap, listeners_cap, rules_cap, steps_cap, soas_cap, names_cap, sets_cap;
	size_t text_cap;
	size_t n_order; // names that made it
	size_t n_out_sets;
	size_t name_bytes; // of the names behind the policy's texts
	size_t section_bytes;
	size_t n_duplicates, n_dropped_sets;
};

// Appends bytes to the text part; returns their offset (0 and b->failed when memory is short).
uint32_t build_text(struct image_build *b, const void *bytes, size_t n);
