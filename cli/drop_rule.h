// SPDX-License-Identifier: Apache-2.0
// The kernel sees every frame that an AF_PACKET port takes. This rule keeps it from answering or
// forwarding what the workers answer: an nft table of the instance's own at the port's ingress,
// which lies behind the taps.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
	DROP_PORTS_MAX = 64,
	DROP_TABLE_BYTES = 64,
};

enum drop_scope {
	DROP_EVERYTHING, // own mode: burst53 is the whole stack of the address
	DROP_SERVED_UDP, // shared mode: the kernel keeps the rest
};

struct drop_rule {
	const char *table; // its name, made by drop_rule_name
	const char *ifname;
	const struct address *addresses;
	const enum drop_scope *scopes; // one per address
	size_t n_addresses;
	const uint16_t *ports; // served UDP ports
	size_t n_ports;
};

// The table's name for a run directory: one instance, one table.
void drop_rule_name(const char *run_dir, char name[DROP_TABLE_BYTES]);

// Prints what nft gets; -ENOSPC when it does not fit.
[[nodiscard]] int drop_rule_print(const struct drop_rule *r, char *buf, size_t size_bytes);

// Adds the table in one transaction; one of the same name (left by a killed instance) is replaced.
[[nodiscard]] int drop_rule_add(const struct drop_rule *r, struct err *err);

// Removes the table; fine when there is none.
[[nodiscard]] int drop_rule_del(const char *table, struct err *err);
