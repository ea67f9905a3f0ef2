// SPDX-License-Identifier: Apache-2.0
// What differs between two snapshots, name by name and set by set.
#pragma once

#include "cli/listing.h"

#include <stddef.h>
#include <stdint.h>

enum diff_kind {
	DIFF_GONE, // the name is only in the first
	DIFF_ADDED,
	DIFF_CHANGED, // one set of a name that both have
	DIFF_POLICY, // what the Corefile says; no name
};

struct diff_lines {
	char **items; // sorted
	size_t n;
};

struct diff_change {
	enum diff_kind kind;
	const struct dname *name; // NULL for DIFF_POLICY
	uint16_t type; // 0: the name has no records, or DIFF_POLICY
	struct diff_lines removed, added; // zone-file lines; borrowed
};

// Returns 0 to go on.
typedef int diff_fn(void *user, const struct diff_change *change);

// Tells every difference in the order of names. The serial of SOA records always differs and is
// not looked at. 0, -ENOMEM or what fn returned.
[[nodiscard]] int diff_snapshots(
	const struct snapshot *a, const struct snapshot *b, diff_fn *fn, void *user);
