// SPDX-License-Identifier: Apache-2.0
// Next hops that an interface already has.
#pragma once

#include "cli/address.h"

#include <stdbool.h>
#include <stdint.h>

// The gateway of the interface's default route of a family; false when there is none.
bool route_gateway(const char *ifname, uint8_t family, struct address *out);
