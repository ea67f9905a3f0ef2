// SPDX-License-Identifier: Apache-2.0
// What a snapshot's Corefile says, as lines that can be compared.
#pragma once

#include "zones/snapshot/snapshot.h"

typedef void diff_policy_fn(void *user, const char *line);

// One line for each zone of each listener: where, the zone, and its steps in order.
void diff_policy_lines(const struct snapshot *s, diff_policy_fn *line, void *user);
