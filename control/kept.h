// SPDX-License-Identifier: Apache-2.0
// Corefiles as text in the run directory, with imports and variables replaced. A control that is
// started again goes on with what the one before it had, whatever stands in the file by then. Who
// made the sockets (the supervisor) removes them when it starts.
#pragma once

#include "zones/corefile/config.h"

#include <limits.h>

enum kept {
	KEPT_BOUND, // whose places sockets were made for
	KEPT_TAKEN, // the last one that was accepted
};

// The path of one that is there; false when there is none.
bool kept_find(const char *run_dir, enum kept which, char out[PATH_MAX]);

// 0 or -errno; -EINVAL when its words cannot be written so that they are read as they were.
[[nodiscard]] int kept_write(const char *run_dir, enum kept which, const struct config *c);
