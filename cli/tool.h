// SPDX-License-Identifier: Apache-2.0
// Runs a program of the system with a text on its standard input and waits for it, for a bounded
// time.
#pragma once

#include "zones/base/err.h"

// argv[0] is looked up in PATH. 0 when it exited with 0; else -errno, and *err has the first line
// that it wrote on standard error. -ETIMEDOUT after five seconds: it is killed then.
[[nodiscard]] int tool_run(char *const argv[], const char *input, struct err *err);

// For one that takes as long as the machine does: modprobe with what a module needs. A minute.
[[nodiscard]] int tool_run_slow(char *const argv[], struct err *err);
