// SPDX-License-Identifier: Apache-2.0
// A worker whose loop counter stands still counts as dead (DESIGN 1).
#include "cli/supervisor.h"

#include <string.h>

// Looks that come late say that this process was kept waiting, and then so may the workers have
// been: they count again from the start.
enum { LATE_MS = 3 * WATCH_TICK_MS };

static bool is_still(struct watch *w, const struct counters_page *page, uint32_t worker)
{
	uint64_t loops = counter_get(&page->workers[worker].loops);

	if (loops == 0 || loops != w->loops[worker]) // 0: it has not begun
		w->still[worker] = 0;
	else
		w->still[worker]++;
	w->loops[worker] = loops;
	return w->still[worker] >= WATCH_STILL_MAX;
}

bool watch_is_hung(struct watch *w, const struct counters_page *page, uint64_t now_ms)
{
	uint32_t n = page->n_workers;
	bool is_hung = false;

	if (now_ms - w->last_ms > LATE_MS)
		memset(w->still, 0, sizeof(w->still));
	w->last_ms = now_ms;
	for (uint32_t i = 0; i < n && i < COUNTERS_WORKERS_MAX; i++)
		is_hung |= is_still(w, page, i);
	return is_hung;
}
