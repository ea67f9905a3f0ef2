// SPDX-License-Identifier: Apache-2.0
// The state of an instance as one JSON value, which `status` prints as it is or as a table.
#pragma once

#include "cli/running.h"

#include <jansson.h>
#include <stdbool.h>

// NULL when memory is short. *is_serving: all processes run, and queries are answered from a
// snapshot.
json_t *status_json(const struct running *r, bool *is_serving);
