// SPDX-License-Identifier: Apache-2.0
// Outside answers in the workers' cache, put there as the slow path does.
#pragma once

#include "dataplane/cache/cache.h"

#include <stdint.h>

// OUTSIDE_NAMES answers of one address each, valid for an hour, under the policy of an image.
void outside_fill(struct outside_cache *cache, uint64_t policy_hash);
