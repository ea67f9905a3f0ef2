// SPDX-License-Identifier: Apache-2.0
// Which scope (server and zone of CoreDNS' metrics) a query counts under, worked out once per
// image for every rule, so that a query costs one look into an array.
#pragma once

#include "zones/image/image.h"
#include "zones/link/scope.h"
#include "zones/link/tap.h"

#include <stdbool.h>
#include <stdint.h>

struct scope_map {
	uint8_t *rules; // scope by index of the rule; owned, NULL without an image
	uint8_t *listeners; // scope of what no rule covers, by index of the listener
	uint8_t *steps; // enum scope_plugin by index of the step
	bool has_log; // some rule's queries are to be logged
	bool has_tap; // or told by dnstap
};

// Pairs that the table does not know yet are added; for its only writer. top NULL gives an empty
// map. 0 or -ENOMEM.
[[nodiscard]] int scope_map_make(
	struct scope_map *m, const struct image *top, struct scope_table *table);
void scope_map_free(struct scope_map *m); // accepts the zeroed struct

// The classes of responses under a rule (NULL: none) that are logged: enum qlog_class_bit.
static inline uint8_t scope_log_classes(const struct image_rule *rule)
{
	return rule == NULL ? 0 : (uint8_t)((rule->flags & RULE_LOG_MASK) >> RULE_LOG_SHIFT);
}

// What of the queries under a rule (NULL: none) is told by dnstap: enum tap_wish.
static inline uint8_t scope_tap_wish(const struct image_rule *rule)
{
	unsigned flags = rule == NULL ? 0 : rule->flags;

	return (uint8_t)(((flags & RULE_TAP) != 0 ? TAP_WANTED : 0) |
		((flags & RULE_TAP_FULL) != 0 ? TAP_WITH_BYTES : 0));
}

// rule and listener belong to the map's image; either may be NULL.
static inline uint8_t scope_of(const struct scope_map *m, const struct image *top,
	const struct image_listener *listener, const struct image_rule *rule)
{
	if (rule != NULL)
		return m->rules[rule - top->rules];
	return listener == NULL ? (uint8_t)SCOPE_OTHER : m->listeners[listener - top->listeners];
}

// step of the map's image, or NULL: nothing answered.
static inline enum scope_plugin scope_plugin_of(
	const struct scope_map *m, const struct image *top, const struct image_step *step)
{
	return step == NULL ? SCOPE_PLUGIN_NONE : (enum scope_plugin)m->steps[step - top->steps];
}
