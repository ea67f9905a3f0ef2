// SPDX-License-Identifier: Apache-2.0
// Facts about network interfaces, read from the kernel.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct net_link {
	char name[IFNAMSIZ];
	int index;
	unsigned mtu;
	bool is_up;
	bool has_arp; // neighbours are resolved on it
	uint8_t mac[6];
};

// 0, -ENODEV when there is none, or another -errno.
[[nodiscard]] int net_link_find(const char *name, struct net_link *out, struct err *err);

// On which interface the address is configured: its name in *ifname (IFNAMSIZ bytes), empty when
// it is on none. 0 or -errno.
[[nodiscard]] int net_link_owner(const struct address *a, char *ifname);
