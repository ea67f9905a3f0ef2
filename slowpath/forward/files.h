// SPDX-License-Identifier: Apache-2.0
// The files in resolv.conf format that `forward` names, and what each of them said when it last
// made sense: whatever becomes of a file, its name servers stay in use. For the thread that makes
// the plans.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/resolv_conf.h"
#include "zones/image/policy.h"
#include "zones/link/outside_counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upstream_file {
	const char *path; // borrowed from the policy
	uint64_t mark; // changes when the file is written, replaced or made readable
	bool was_read;
	int fault; // 0, or why it cannot be used now
	struct resolv_conf servers; // n is 0 when it never could
};

struct upstream_files {
	struct upstream_file *list;
	size_t n;
	bool is_changed; // the servers of one, since the plan was made from them
};

// Reads them all. What old (NULL for none) knows of the same files is kept where they cannot be
// read. 0 or -ENOMEM.
[[nodiscard]] int upstream_files_make(struct upstream_files *f, struct arena *a,
	const struct policy_set *policy, const struct upstream_files *old);

// Looks at them again. What is wrong with one is logged once. Returns is_changed.
bool upstream_files_look(struct upstream_files *f);

// How many cannot be used now.
size_t upstream_files_faults(const struct upstream_files *f);

// NULL when the policy does not name it.
const struct upstream_file *upstream_files_find(const struct upstream_files *f, const char *path);
