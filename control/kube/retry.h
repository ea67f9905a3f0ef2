// SPDX-License-Identifier: Apache-2.0
// When the next request of a reader starts: at once, or after a back-off.
#pragma once

#include "control/kube/resource.h"

// Starts the next request of rd in delay_ms. NEXT is begun then, if it is to be filled and is not.
void retry_after(struct resource *r, struct reader *rd, unsigned delay_ms);

// The same after a back-off, which becomes longer each time; says why.
void retry_later(struct resource *r, struct reader *rd, enum kube_result result);

void retry_stop(struct resource *r, const struct reader *rd);

// Brings stats.phase up to date.
void retry_set_phase(struct resource *r);
