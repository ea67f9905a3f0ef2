// SPDX-License-Identifier: Apache-2.0
// Runs a program of the system with a text on its standard input and waits for it, at most
// five seconds.
#pragma once

#include "zones/base/err.h"

// argv[0] is looked up in PATH. 0 when it exited with 0; else -errno, and *err has the first line
// that it wrote on standard error.
[[nodiscard]] int tool_run(char *const argv[], const char *input, struct err *err);
