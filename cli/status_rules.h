// SPDX-License-Identifier: Apache-2.0
// Who executes each rule of the Corefile that is in force.
#pragma once

#include "cli/running.h"

#include <jansson.h>

// A list of listen, zone and executed_by ("workers", "slow path", "workers, then slow path"); empty
// when nobody has a snapshot.
json_t *status_rules(const struct running *r);
