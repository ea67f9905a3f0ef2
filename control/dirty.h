// SPDX-License-Identifier: Apache-2.0
// The units that changed since a base was cut, each with the names it had in that base: what an
// overlay carries, and which names it must hide.
#pragma once

#include "control/store/table.h"
#include "control/synth/synth.h"

#include <stdbool.h>
#include <stddef.h>

// Names of one unit, packed one after the other: mask, then the wire form.
struct name_list {
	uint8_t *bytes; // malloc
	size_t size_bytes, cap;
};

[[nodiscard]] int name_list_add(struct name_list *l, const struct dname *name, uint8_t us_mask);
void name_list_fini(struct name_list *l);

// Takes the next name from *pos on; false at the end.
struct listed_name {
	uint8_t us_mask;
	const uint8_t *wire;
};
bool name_list_next(const struct name_list *l, size_t *pos, struct listed_name *out);

struct dirty_unit {
	struct table_node node;
	size_t instance;
	struct synth_unit unit; // its strings lie behind the struct
	struct name_list old;
	bool is_told; // what had to be left out of it is in the log
};

// Zeroed is empty.
struct dirty {
	struct table units;
};

struct dirty_unit *dirty_find(
	const struct dirty *d, size_t instance, const struct synth_unit *unit);
// NULL when memory is short. The unit must not be there yet.
struct dirty_unit *dirty_add(struct dirty *d, size_t instance, const struct synth_unit *unit);
void dirty_clear(struct dirty *d);
