// SPDX-License-Identifier: Apache-2.0
// What a block's directives say of all queries under one of its zones.
#pragma once

#include "zones/corefile/config.h"

#include <stdint.h>

// The flags (enum image_rule_flag) of a rule for the zone, in wire form.
uint16_t policy_rule_flags(const struct config_server *s, const uint8_t *zone);
