// SPDX-License-Identifier: Apache-2.0
// From the parsed Corefile to the policy part of the image: one chain per server block that has
// something for the slow path to execute.
#pragma once

#include "zones/corefile/config.h"
#include "zones/image/policy.h"

// Fills *out, whose parts are owned by the arena or borrowed from the configuration, and
// chain_of[i] for each of the c->n_servers blocks: the number for image_build_step.policy, 0 for
// none. 0, -ENOMEM, or -EINVAL with a reason when something cannot be executed.
[[nodiscard]] int chains_build(const struct config *c, struct arena *a, struct policy_set *out,
	uint32_t *chain_of, struct err *err);
