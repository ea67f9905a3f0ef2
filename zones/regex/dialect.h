// SPDX-License-Identifier: Apache-2.0
// What Go's regular expressions are not. Private to zones/regex.
#pragma once

#include "zones/base/err.h"

// 0, or -EINVAL with a sentence about something that PCRE2 understands and Go does not.
[[nodiscard]] int dialect_check(const char *pattern, struct err *err);
