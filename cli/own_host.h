// SPDX-License-Identifier: Apache-2.0
// How the node itself reaches addresses of own mode: what it sends on the port's interface does not
// come back there, so it gets a link into the private namespace and a route for each address.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <net/if.h>
#include <stddef.h>

struct own_host {
	char ifname[IFNAMSIZ]; // the node's end of the link; empty: there is none
};

struct own_host_plan {
	const struct address *addresses;
	size_t n_addresses;
	unsigned mtu;
	int home_fd; // the node's network namespace
};

// To be called in the private namespace: makes the link. 0 or -errno.
[[nodiscard]] int own_host_join(
	const struct own_host_plan *plan, struct own_host *h, struct err *err);

// To be called in the node's: makes the routes. 0 or -errno.
[[nodiscard]] int own_host_route(
	const struct own_host_plan *plan, const struct own_host *h, struct err *err);

// Removes the link and with it the routes; accepts the zeroed struct.
void own_host_close(struct own_host *h);

// The networks of the node's ends of such links, of all instances.
extern const char *const own_host_networks[2];
