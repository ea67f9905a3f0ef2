// SPDX-License-Identifier: Apache-2.0
// What the main thread does while workers work: link, losses, announcements, probes, readiness.
#pragma once

#include "dataplane/index/root.h"
#include "dataplane/worker/worker.h"

#include "zones/link/counters.h"

#include <stdbool.h>
#include <stdint.h>

enum { TEND_TICK_MS = 100 };

struct tend {
	const struct port *port; // borrowed, as all of these
	const struct host *host;
	const struct roots *roots;
	unsigned reader; // of roots->qsbr
	struct worker_limits *limits;
	struct worker *workers;
	unsigned n_workers;
	struct counters_page *counters;
	uint64_t ticks;
	uint64_t announce_at; // tick of the next announcement
	unsigned announcements; // still to make
	bool is_link_up;
	uint64_t probed[PUNT_WORKERS_MAX]; // answers of each worker when it was asked
};

// One turn, every TEND_TICK_MS. Never blocks.
void tend_tick(struct tend *t);
