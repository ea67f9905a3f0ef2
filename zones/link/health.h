// SPDX-License-Identifier: Apache-2.0
// Whether queries are answered, judged from the shared counters alone: loops that move, the link,
// the dataplane's own probes, what control says of its data. No process can hide its own end.
#pragma once

#include "zones/link/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HEALTH_TICK_MS = 100,
	HEALTH_STILL_MS = 750, // with a tick and the looks of others it shows within a second
	HEALTH_LATE_MS = 3 * HEALTH_TICK_MS,
	HEALTH_LOOPS_MAX = 32,
	HEALTH_TEXT_BYTES = 96,
};

_Static_assert((int)HEALTH_LOOPS_MAX >= (int)COUNTERS_WORKERS_MAX, "a place per worker");
_Static_assert((int)HEALTH_LOOPS_MAX >= (int)COUNTERS_THREADS_MAX, "a place per thread");

enum health_server { SERVED_BY_DATAPLANE, SERVED_BY_SLOWPATH };

// A loop as it was last seen.
struct health_loop {
	uint64_t loops;
	uint64_t moved_ms; // when it moved
	bool has_moved; // while we looked
};

struct health {
	enum health_server server; // who answers UDP queries
	uint64_t last_ms; // of the last look, 0 before the first
	struct health_loop loops[HEALTH_LOOPS_MAX];
	bool is_alive, is_ready;
	char reason[HEALTH_TEXT_BYTES]; // while not alive: why
	char waits_for[HEALTH_TEXT_BYTES]; // while not ready: names as CoreDNS has them
};

// Looks and judges; every HEALTH_TICK_MS. now_ms is CLOCK_MONOTONIC.
void health_look(struct health *h, const struct counters_page *page, uint64_t now_ms);
