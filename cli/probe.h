// SPDX-License-Identifier: Apache-2.0
// Does somebody else on the link answer for our addresses? Asked by ARP and neighbour discovery
// before the port opens.
#pragma once

#include "cli/address.h"
#include "cli/net_link.h"

#include "zones/base/err.h"

#include <stddef.h>

// 0 when nobody answered (or the interface resolves no neighbours), -EADDRINUSE with the
// neighbour's MAC in *err, or another -errno. Takes 0.3 s.
[[nodiscard]] int probe_addresses(
	const struct net_link *link, const struct address *addresses, size_t n, struct err *err);
