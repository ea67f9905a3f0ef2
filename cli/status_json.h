// SPDX-License-Identifier: Apache-2.0
// The state of an instance as one JSON value, which `status` prints as it is or as a table.
#pragma once

#include "cli/running.h"
#include "cli/status_health.h"

#include <jansson.h>

// NULL when memory is short.
json_t *status_json(const struct running *r, const struct status_verdict *v);
