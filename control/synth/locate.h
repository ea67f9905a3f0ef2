// SPDX-License-Identifier: Apache-2.0
// From a name to the unit that it belongs to. Private to control/synth.
#pragma once

#include "control/synth/synth.h"

// The longest zone that holds the name, or NULL.
const struct synth_zone *locate_zone(const struct synth *y, const struct dname *name);

// False when no unit can ever have the name. *below is the number of labels left of the zone.
bool locate_unit(
	const struct synth *y, const struct dname *name, struct synth_target *out, unsigned *below);
