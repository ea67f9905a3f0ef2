// SPDX-License-Identifier: Apache-2.0
// Hugepages or not.
#pragma once

#include "cli/run_options.h"

#include "zones/base/err.h"

#include <stdbool.h>

// Of all sizes; root is a prefix as in cli/nic.h.
unsigned long hugepages_free_mb(const char *root);
// What vm.nr_hugepages must be for memory_mb to be free: pages that others use stay theirs.
unsigned long hugepages_wanted(const char *root, unsigned memory_mb);

// Kernel drivers' ports run without hugepages when there are not enough free ones, and *note says
// so; ports on real devices refuse. 0 or -ENOMEM.
[[nodiscard]] int hugepages_decide(
	const struct run_options *o, bool *is_no_huge, const char **note, struct err *err);
