// SPDX-License-Identifier: Apache-2.0
// What every command does with its command line: complain in one manner, read numbers.
#pragma once

#include <stdbool.h>

// Prints why and what, nothing when why is NULL because getopt has said it, and where the help is.
// Returns EXIT_USAGE.
int usage_error(const char *command, const char *why, const char *what);

// Decimal digits only, within [min, max].
[[nodiscard]] bool usage_number(const char *text, unsigned min, unsigned max, unsigned *out);
