// SPDX-License-Identifier: Apache-2.0
// The names that an answer section leads to: the question's name, then each CNAME's target. What
// hangs on none of them is not part of the answer (proto:F7).
#pragma once

#include "zones/base/rdbuf.h"
#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stdint.h>

// CNAMEs of one answer. CoreDNS has no limit; resolvers follow up to 17, and looking for each name
// among a message's records has its price.
enum { CHAIN_MAX = 64 };

struct chain {
	struct dname names[CHAIN_MAX + 1];
	unsigned n;
	bool is_too_long; // there are more
};

// Follows the CNAMEs from first through the n records at in->pos, in whatever order they stand,
// until a name has none, or one leads back (proto:S9). The work memory is the thread's.
void chain_follow(
	struct chain *c, const struct dname *first, const struct rdbuf *in, unsigned n_records);

// The name alone.
void chain_begin(struct chain *c, const struct dname *first);

bool chain_has(const struct chain *c, const uint8_t *owner);

// Whether some name of the chain lies under owner (or is it).
bool chain_is_below(const struct chain *c, const struct dname *owner);
