// SPDX-License-Identifier: Apache-2.0
// The part of the layers that notes changes. Private to control.
#pragma once

#include "control/layers.h"

// Keeps the index of aliases true to a service that changes; l->failed when memory is short.
void changes_alias(struct layers *l, size_t instance, const struct object_meta *old,
	const struct object_meta *new);
