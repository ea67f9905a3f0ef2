// SPDX-License-Identifier: Apache-2.0
// The loops that a worker's own is compared with.
#pragma once

#include "dataplane/worker/worker.h"

#include <stdbool.h>
#include <stdint.h>

// Receives and sends until *worker->is_stopping; with is_swapping addresses and ports are turned
// round.
void loop_plain(struct worker *w, bool is_swapping);

// The stages of a burst with the time of each (enum drive_stage), added to cycles.
void loop_stages(struct worker *w, uint64_t *cycles);
