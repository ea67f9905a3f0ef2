// SPDX-License-Identifier: Apache-2.0
// All names of a snapshot in order, and the records of each as text: what `dump` prints, `diff`
// compares and `compare` asks for. Records come from asking, so that they are what is answered.
#pragma once

#include "zones/snapshot/snapshot.h"
#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdint.h>

struct listing_name {
	struct dname name; // as people spell it, with underscores
	uint16_t view;
	const struct image *img;
	const struct image_name *in;
};

struct listing {
	const struct snapshot *snapshot; // borrowed
	struct listing_name *names; // owned; by name (RFC 4034 6.1), then view
	size_t n;
};

// 0, or -ENOMEM. An empty snapshot has no names.
[[nodiscard]] int listing_open(const struct snapshot *s, struct listing *l);
// Accepts the zeroed struct.
void listing_close(struct listing *l);

// The order of the names; two snapshots' entries of one name compare as equal.
int listing_compare(const struct listing_name *a, const struct listing_name *b);

// Calls line with "owner TTL IN TYPE data" for each record of the type that the name owns. What an
// alias leads to is told with the names it belongs to.
typedef void listing_line_fn(void *user, const char *line);
void listing_records(const struct listing *l, const struct listing_name *name, uint16_t type,
	listing_line_fn *line, void *user);
