// SPDX-License-Identifier: Apache-2.0
// A running instance as commands see it: its state file, the images and counters its supervisor
// hands out.
#pragma once

#include "cli/state.h"

#include "zones/base/err.h"
#include "zones/link/counters.h"
#include "zones/link/publish.h"

#include <stdbool.h>

struct running {
	struct state state;
	bool is_supervised; // the supervisor answered
	const struct counters_page *counters; // NULL: nobody has them
	int base_fd, overlay_fd; // -1: none
	struct publish_msg base, overlay;
};

// Finds the instance of a run directory. When its supervisor is gone, the counters come from one of
// its children. 0; -ENOENT when there is none. *r must be closed in both cases.
[[nodiscard]] int running_open(const char *run_dir, struct running *r, struct err *err);

void running_close(struct running *r);
