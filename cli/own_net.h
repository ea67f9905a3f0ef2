// SPDX-License-Identifier: Apache-2.0
// The kernel side of addresses that are on no interface (own mode): a private network namespace
// that has them, joined to the port by a TAP whose other end the dataplane holds. TCP, ICMP errors
// and whatever else a host does happen there; a node's routes and the served addresses never get in
// each other's way. The namespace has no name: it ends with the last process that uses it.
#pragma once

#include "cli/address.h"
#include "cli/own_host.h"
#include "cli/sockets.h"

#include "zones/base/err.h"

#include <stddef.h>

struct own_net {
	int netns_fd; // -1: there is none
	int tap_fd; // with IFF_VNET_HDR, for the dataplane
	struct own_host host;
};

struct own_net_plan {
	const struct address *addresses;
	size_t n_addresses;
	const struct address *gateways;
	size_t n_gateways;
	unsigned mtu;
	const struct sockets_plan *sockets; // to open inside, for the slow path
};

// Makes the namespace and the sockets in it. 0 or -errno; -EPERM when we may not (CAP_SYS_ADMIN).
// Both *n (initialised with -1) and *s need closing in any case.
[[nodiscard]] int own_net_open(
	const struct own_net_plan *plan, struct own_net *n, struct sockets *s, struct err *err);

void own_net_close(struct own_net *n);
