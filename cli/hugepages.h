// SPDX-License-Identifier: Apache-2.0
// Hugepages or not.
#pragma once

#include "cli/run_options.h"

#include "zones/base/err.h"

#include <stdbool.h>

// Kernel drivers' ports run without hugepages when there are not enough free ones, and *note says
// so; ports on real devices refuse. 0 or -ENOMEM.
[[nodiscard]] int hugepages_decide(
	const struct run_options *o, bool *is_no_huge, const char **note, struct err *err);
