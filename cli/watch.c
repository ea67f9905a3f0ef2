// SPDX-License-Identifier: Apache-2.0
// A loop whose counter stands still counts as dead (DESIGN 1).
#include "cli/supervisor.h"

#include <string.h>
#include <unistd.h>

// Looks that come late say that this process was kept waiting, and then so may the workers have
// been: they count again from the start.
enum { LATE_MS = 3 * WATCH_TICK_MS };

static void look(struct watch *w, uint64_t now_ms)
{
	if (now_ms - w->last_ms > LATE_MS)
		memset(w->still, 0, sizeof(w->still));
	w->last_ms = now_ms;
}

static bool is_still(struct watch *w, uint32_t i, uint64_t loops, unsigned max)
{
	if (loops == 0 || loops != w->loops[i]) // 0: it has not begun
		w->still[i] = 0;
	else
		w->still[i]++;
	w->loops[i] = loops;
	return w->still[i] >= max;
}

bool watch_is_hung(struct watch *w, const struct counters_page *page, uint64_t now_ms)
{
	uint32_t n = page->n_workers;
	bool is_hung = false;

	look(w, now_ms);
	for (uint32_t i = 0; i < n && i < COUNTERS_WORKERS_MAX; i++)
		is_hung |= is_still(w, i, counter_get(&page->workers[i].loops), WATCH_STILL_MAX);
	return is_hung;
}

bool watch_is_slowpath_hung(struct watch *w, const struct counters_page *page, uint64_t now_ms)
{
	uint64_t n = counter_get(&page->n_threads);
	bool is_hung = false;

	look(w, now_ms);
	for (uint32_t i = 0; i < n && i < COUNTERS_THREADS_MAX; i++)
		is_hung |= is_still(
			w, i, counter_get(&page->threads[i].loops), WATCH_THREAD_STILL_MAX);
	return is_hung;
}

bool watch_is_monitor_hung(struct watch *w, int beat_fd, uint64_t now_ms)
{
	uint64_t beats = 0;

	look(w, now_ms);
	// EAGAIN: none since the last look.
	if (read(beat_fd, &beats, sizeof(beats)) != sizeof(beats))
		beats = 0;
	return is_still(w, 0, w->loops[0] + beats, WATCH_THREAD_STILL_MAX);
}
