// SPDX-License-Identifier: Apache-2.0
// What NodeLocal DNSCache changes on its node (k8s:2.15): a dummy link that carries the addresses,
// and an nft table that keeps connection tracking off them. Where the kernel has no dummy links,
// the loopback interface carries the addresses.
#pragma once

#include "cli/nodelocal_options.h"

#include "zones/base/err.h"

#include <stdbool.h>

struct nodelocal_net {
	bool is_on_loopback; // there are no dummy links here
};

// Makes what is missing; fine when everything is there. 0 or -errno.
[[nodiscard]] int nodelocal_link_add(
	const struct nodelocal_options *o, struct nodelocal_net *net, struct err *err);
[[nodiscard]] int nodelocal_rules_add(const struct nodelocal_options *o, struct err *err);

// Whether every address is on some interface.
bool nodelocal_link_is_there(const struct nodelocal_options *o);

// Removes it; fine when there is nothing.
void nodelocal_link_del(const struct nodelocal_options *o, const struct nodelocal_net *net);
void nodelocal_rules_del(void);

// What nft gets; -ENOSPC when it does not fit.
[[nodiscard]] int nodelocal_rules_print(
	const struct nodelocal_options *o, char *buf, size_t size_bytes);
