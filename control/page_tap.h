// SPDX-License-Identifier: Apache-2.0
// What `dnstap` of the Corefile in force asks for, in the shared page: the monitor writes to the
// collectors.
#pragma once

#include "zones/corefile/service.h"
#include "zones/link/tap.h"

// Replaces the rules. What finds no room is left out and logged once.
void page_tap_rules(struct tap_rules *page, const struct config *c);
