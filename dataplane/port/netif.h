// SPDX-License-Identifier: Apache-2.0
// The kernel's side of a port that sits on one of its interfaces: what it says of the interface,
// and the multicast groups it has to let through.
#pragma once

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 0 or -errno with a sentence: no such interface, no permission to take its frames.
[[nodiscard]] int netif_check(const char *ifname, struct err *err);

// MTU of the interface; 0 when it is gone.
unsigned netif_mtu(const char *ifname);

// True while the interface is up and has a carrier.
bool netif_is_running(const char *ifname);

// True when the interface itself has the address (network order, 4 or 16 bytes).
bool netif_has_address(const char *ifname, unsigned family, const uint8_t *bytes);

// Joins the link-layer groups (n MACs) on the interface for as long as the returned descriptor
// stays open. The descriptor or -errno.
[[nodiscard]] int netif_join(const char *ifname, const uint8_t (*macs)[6], size_t n);
