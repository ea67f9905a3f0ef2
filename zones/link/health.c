// SPDX-License-Identifier: Apache-2.0
// Looks at loop counters and remembers when each moved.
#include "zones/link/health.h"

#include <stdio.h>
#include <string.h>

static const char *server_name(const struct health *h)
{
	return h->server == SERVED_BY_DATAPLANE ? "dataplane" : "slowpath";
}

static unsigned loops_running(const struct health *h, const struct counters_page *page)
{
	uint64_t n =
		h->server == SERVED_BY_DATAPLANE ? page->n_workers : counter_get(&page->n_threads);

	return n < HEALTH_LOOPS_MAX ? (unsigned)n : HEALTH_LOOPS_MAX;
}

static uint64_t loops_at(const struct health *h, const struct counters_page *page, unsigned i)
{
	return h->server == SERVED_BY_DATAPLANE ? counter_get(&page->workers[i].loops)
						: counter_get(&page->threads[i].loops);
}

// A look that comes late says that this process was kept waiting, and then so may the others have
// been: they get that time back.
static uint64_t grace_ms(const struct health *h, uint64_t now_ms)
{
	uint64_t since = now_ms - h->last_ms;

	return h->last_ms != 0 && since > HEALTH_LATE_MS ? since - HEALTH_TICK_MS : 0;
}

static void loop_look(struct health_loop *l, uint64_t loops, uint64_t now_ms)
{
	if (loops == l->loops)
		return;
	// The first value may have been left by a process that is gone.
	l->has_moved = l->loops != 0 || l->moved_ms != 0;
	l->loops = loops;
	l->moved_ms = now_ms;
}

static void loops_look(struct health *h, const struct counters_page *page, uint64_t now_ms)
{
	unsigned n = loops_running(h, page);
	uint64_t grace = grace_ms(h, now_ms);

	for (unsigned i = 0; i < n; i++) {
		struct health_loop *l = &h->loops[i];
		if (l->moved_ms != 0)
			l->moved_ms += grace;
		loop_look(l, loops_at(h, page, i), now_ms);
	}
	for (unsigned i = n; i < HEALTH_LOOPS_MAX; i++)
		h->loops[i] = (struct health_loop){0};
}

// Index of a loop that does not move, or n.
static unsigned find_still(const struct health *h, unsigned n, uint64_t now_ms)
{
	for (unsigned i = 0; i < n; i++) {
		const struct health_loop *l = &h->loops[i];
		if (!l->has_moved || now_ms - l->moved_ms > HEALTH_STILL_MS)
			return i;
	}
	return n;
}

// Writes why queries are not answered; empty when they are.
static void judge(struct health *h, const struct counters_page *page, uint64_t now_ms)
{
	unsigned n = loops_running(h, page);
	unsigned still = find_still(h, n, now_ms);

	h->reason[0] = 0;
	if (n == 0)
		(void)snprintf(h->reason, sizeof(h->reason), "%s does not run", server_name(h));
	else if (still < n)
		(void)snprintf(h->reason, sizeof(h->reason), "%s: loop %u of %u stands still",
			server_name(h), still, n);
	else if (h->server == SERVED_BY_SLOWPATH)
		return;
	else if (counter_get(&page->link_up) == 0)
		(void)snprintf(h->reason, sizeof(h->reason), "link down");
	else if (counter_get(&page->dataplane.published) != 0 &&
		counter_get(&page->dataplane_ready) == 0)
		(void)snprintf(
			h->reason, sizeof(h->reason), "dataplane: a worker answers no probe");
}

static void add_name(struct health *h, const char *name)
{
	size_t n = strlen(h->waits_for);

	(void)snprintf(h->waits_for + n, sizeof(h->waits_for) - n, "%s%s", n == 0 ? "" : ",", name);
}

// k8s:2.13 ready. The API being away changes nothing here: control keeps saying that it had synced.
static void judge_ready(struct health *h, const struct counters_page *page)
{
	const struct snapshot_counters *s =
		h->server == SERVED_BY_DATAPLANE ? &page->dataplane : &page->slowpath;
	const struct control_counters *c = &page->control;

	h->waits_for[0] = 0;
	if (counter_get(&page->is_stopping) != 0) {
		add_name(h, "shutdown");
		return;
	}
	if (!h->is_alive || counter_get(&s->generation) == 0)
		add_name(h, server_name(h));
	if (counter_get(&c->was_synced) == 0 && counter_get(&c->serves_saved) == 0)
		add_name(h, "kubernetes");
}

void health_look(struct health *h, const struct counters_page *page, uint64_t now_ms)
{
	loops_look(h, page, now_ms);
	h->last_ms = now_ms;
	judge(h, page, now_ms);
	h->is_alive = h->reason[0] == 0;
	judge_ready(h, page);
	h->is_ready = h->waits_for[0] == 0;
}
