// SPDX-License-Identifier: Apache-2.0
// From items to the A, AAAA and SRV sets of a name. Private to control/synth.
#pragma once

#include "control/synth/items.h"

struct sets {
	struct record_set set[3];
	size_t n;
};

// owner is the service's name in the zone, which SRV targets are made from; the sets point into w
// and are good until the next call.
[[nodiscard]] int sets_build(struct work *w, const struct view *view, const struct synth_zone *zone,
	const struct dname *owner, struct sets *out);

// A and AAAA of n addresses in their order, each once.
[[nodiscard]] int sets_of_addresses(
	struct work *w, const struct object_address *const *addrs, size_t n, struct sets *out);
