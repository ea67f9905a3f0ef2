// SPDX-License-Identifier: Apache-2.0
// Directives of the slow path besides cache and forward, from the parser's structs to the policy's.
#pragma once

#include "zones/corefile/config.h"
#include "zones/image/policy_plugins.h"

// Fills kind and data of *op when the directive is one that the slow path executes; *is_one says
// so. view is that of the block's kubernetes. 0 or -ENOMEM.
[[nodiscard]] int chains_plugin(struct arena *a, const struct config_server *s, uint16_t view,
	const struct config_directive *d, struct policy_op *op, bool *is_one);

// A list of zones as names. 0 or -ENOMEM.
[[nodiscard]] int chains_names(
	struct arena *a, const struct config_zones *in, struct policy_names *out);
