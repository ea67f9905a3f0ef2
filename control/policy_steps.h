// SPDX-License-Identifier: Apache-2.0
// What one server block does with the names of one zone, as steps. Private to policy.c.
#pragma once

#include "control/policy.h"

struct policy_step {
	uint8_t kind; // enum step_kind
	uint8_t flags; // enum step_flag, all but STEP_UNSYNCED
	uint16_t view; // number of the instance, 0 for none; PUNT: the only type it is for, or 0
	bool is_clusterset, is_external;
	const uint8_t *zone; // the step's own; NULL: the rule's
	uint32_t pod_ttl_s;
	const char *plugin;
	uint16_t line;
	uint16_t ordinal; // of the directive in its block
};

struct policy_steps {
	struct policy_step *list;
	size_t n;
};

// Views of one block; 0 where it has none.
struct policy_block {
	uint16_t kubernetes;
	uint16_t hosts;
	const struct hosts *names; // of hosts
};

// For workers the steps end where one takes every name; for the slow path, which may go on behind
// it, they do not.
enum policy_reader { POLICY_FOR_WORKERS, POLICY_FOR_SLOWPATH };

// What is made steps of: one block and the names of one zone.
struct policy_steps_of {
	const struct config_server *server;
	const struct policy_block *views;
	const uint8_t *zone;
	enum policy_reader reader;
};

// Steps live in the arena. 0 or -ENOMEM.
[[nodiscard]] int policy_steps_make(
	struct arena *a, const struct policy_steps_of *of, struct policy_steps *out);

// A directive that only sets the block up: CoreDNS does not count it among the plugins.
bool policy_is_setup(enum config_kind kind);

// Zones that some directive of the block treats differently from what is around them; may hold
// duplicates.
struct policy_zones {
	const uint8_t **list; // wire, lower case
	size_t n, cap;
};
[[nodiscard]] int policy_zones_of(
	struct arena *a, const struct config_server *s, struct policy_zones *out);
[[nodiscard]] int policy_zones_add(struct arena *a, const uint8_t *zone, struct policy_zones *out);
