// SPDX-License-Identifier: Apache-2.0
// The loops that a worker's own is compared with.
#pragma once

#include "bench/inproc/drive.h"

#include "dataplane/worker/worker.h"

#include <stdbool.h>

// Receives and sends until *worker->is_stopping; with is_swapping addresses and ports are turned
// round.
void loop_plain(struct worker *w, bool is_swapping);

// The stages of a burst, each timed; bursts that lost their CPU are left out.
void loop_stages(struct worker *w, struct stage_times *out);
