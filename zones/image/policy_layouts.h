// SPDX-License-Identifier: Apache-2.0
// The fields of the policy's structs as tables, for policy.c alone. Items of lists may hold lists,
// whose items hold none.
#pragma once

#include "zones/image/policy_plugins.h"

#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_U8,
	FIELD_BOOL,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_NAME,
	FIELD_TEXT,
	FIELD_LIST
};

struct layout;

struct field {
	enum field_type type;
	size_t at;
	uint64_t max; // numbers: largest value; lists: most items
	const struct layout *item; // lists
};

// A struct with fields. Lists are a pointer followed by a size_t.
struct layout {
	const struct field *fields;
	size_t n;
	size_t size_bytes;
};

struct list {
	const uint8_t *items;
	size_t n;
};

// The fields of a kind (enum policy_kind), and of struct policy_set besides its chains.
extern const struct layout policy_layouts[POLICY_KIND_MAX + 1];
extern const struct layout policy_set_layout;
