// SPDX-License-Identifier: Apache-2.0
// Does somebody else on the link answer for our addresses? Asked by ARP and neighbour discovery
// while everything else starts; the port opens when nobody has answered.
#pragma once

#include "cli/net_link.h"
#include "cli/run_options.h"

#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct probe {
	const struct net_link *link;
	struct address addresses[RUN_ADDRESSES_MAX];
	size_t n;
	int sock; // -1: nobody is asked, or not any more
	unsigned round; // sent so far
	uint64_t round_ends_ms;
};

// Asks; nobody when there is no address or the interface resolves no neighbours. link is borrowed
// until the probe is over. 0 or -errno.
[[nodiscard]] int probe_start(struct probe *p, const struct net_link *link,
	const struct address *addresses, size_t n, struct err *err);

// What came, and the next question when it is time; to be called when sock is readable or the wait
// is over, until sock is -1. 0, or -EADDRINUSE with the neighbour's MAC in *err. Takes 0.3 s in
// all.
[[nodiscard]] int probe_turn(struct probe *p, struct err *err);

// How long to wait for the next turn.
int probe_wait_ms(const struct probe *p, int at_most_ms);

void probe_stop(struct probe *p);
