// SPDX-License-Identifier: Apache-2.0
// What the supervisor may still do once everything that outlives its children is made.
#pragma once

#include "cli/run_options.h"

#include "zones/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct rights_plan {
	enum port_kind port_kind;
	bool is_root; // its children become other users
	bool has_api_netns; // control enters another network namespace
};

// A bit per capability.
uint64_t rights_needed(const struct rights_plan *p);

// Gives up, for good, every other capability, gaining any by exec, and the calls that no start of
// a child makes; raises the limits that children inherit. 0 or -errno.
[[nodiscard]] int rights_keep(const struct rights_plan *p, struct err *err);
