// SPDX-License-Identifier: Apache-2.0
// Which aliases (ExternalName services) point into which unit: their answers are complete, so they
// change with what they point to.
#pragma once

#include "control/store/table.h"
#include "control/synth/synth.h"

struct alias {
	struct table_node node; // hashed by the unit it points into
	size_t instance;
	struct synth_unit target; // strings behind the struct, as of the two below
	const char *ns, *name; // of the alias
};

// Zeroed is empty.
struct aliases {
	struct table by_target;
};

// Enters the service if it is an alias into one of the instance's zones. 0 or -ENOMEM.
[[nodiscard]] int aliases_add(struct aliases *a, const struct synth *y, size_t instance,
	const struct object_service *service);
void aliases_del(struct aliases *a, const struct synth *y, size_t instance,
	const struct object_service *service);

// The first alias into the unit, then the next ones; NULL at the end.
const struct alias *aliases_first(
	const struct aliases *a, size_t instance, const struct synth_unit *target);
const struct alias *aliases_next(const struct alias *alias);

void aliases_fini(struct aliases *a);
