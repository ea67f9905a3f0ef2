// SPDX-License-Identifier: Apache-2.0
// A hashed timing wheel. A timer further away than one turn waits in its slot for the turn that it
// is due in; a bitmap of occupied slots says how long the loop may sleep.
#include "slowpath/base/wheel.h"

#include <stddef.h>
#include <string.h>

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_ms / WHEEL_TICK_MS;
}

static void link_in(struct timer **head, struct timer *t)
{
	t->next = *head;
	t->pprev = head;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*head = t;
}

static void unlink_from(struct timer *t)
{
	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	t->pprev = NULL;
}

void wheel_set(struct wheel *w, struct timer *t, uint64_t due_ms)
{
	uint64_t tick = (due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;

	wheel_del(w, t);
	t->due_ms = due_ms;
	if (tick < w->tick)
		tick = w->tick;
	size_t slot = tick % WHEEL_SLOTS;
	link_in(&w->slots[slot], t);
	w->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
}

void wheel_del(struct wheel *w, struct timer *t)
{
	(void)w; // an empty slot's bit is cleared when its turn comes
	if (t->pprev != NULL)
		unlink_from(t);
}

// Ticks from the next one to the first occupied slot; WHEEL_SLOTS when all are empty.
static unsigned ticks_to_next(const struct wheel *w)
{
	unsigned start = (unsigned)(w->tick % WHEEL_SLOTS);

	for (unsigned n = 0; n < WHEEL_SLOTS;) {
		unsigned slot = (start + n) % WHEEL_SLOTS;
		uint64_t bits = w->occupied[slot / 64] >> (slot % 64);
		if (bits != 0)
			return n + (unsigned)__builtin_ctzll(bits);
		n += 64 - slot % 64;
	}
	return WHEEL_SLOTS;
}

int wheel_wait_ms(const struct wheel *w, uint64_t now_ms, int max_ms)
{
	unsigned n = ticks_to_next(w);
	uint64_t at = (w->tick + n) * WHEEL_TICK_MS;

	if (n >= WHEEL_SLOTS)
		return max_ms;
	if (at <= now_ms)
		return 0;
	return at - now_ms < (uint64_t)max_ms ? (int)(at - now_ms) : max_ms;
}

// Runs one slot: what is due later goes back into its slot.
static void run_slot(struct wheel *w, size_t slot, uint64_t now_ms)
{
	w->due = w->slots[slot];
	w->slots[slot] = NULL;
	w->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	if (w->due != NULL)
		w->due->pprev = &w->due;
	while (w->due != NULL) {
		struct timer *t = w->due;
		unlink_from(t);
		if (t->due_ms > now_ms)
			wheel_set(w, t, t->due_ms);
		else
			t->fn(t);
	}
}

void wheel_run(struct wheel *w, uint64_t now_ms)
{
	uint64_t last = now_ms / WHEEL_TICK_MS;

	// After a long sleep one whole turn meets every timer.
	if (last >= w->tick + WHEEL_SLOTS)
		w->tick = last - WHEEL_SLOTS + 1;
	while (w->tick <= last) {
		size_t slot = w->tick % WHEEL_SLOTS;
		w->tick++; // a timer set by a timer runs in a later tick
		if (w->slots[slot] != NULL || (w->occupied[slot / 64] >> (slot % 64)) & 1)
			run_slot(w, slot, now_ms);
	}
}
