// SPDX-License-Identifier: Apache-2.0
// What an instance that was killed left behind: processes, rule, sockets. Its state file tells.
#pragma once

#include "cli/run_dir.h"

// Ends the processes and removes the rule of the instance that used this run directory before us;
// to be called with the lock held. 0 or -errno.
[[nodiscard]] int leftovers_clean(const struct run_dir *d, struct err *err);
