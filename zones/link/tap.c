// SPDX-License-Identifier: Apache-2.0
// Slots as in qlog.c. Times are the processor's count from a moment that is known on both clocks:
// the coarse clock is never a system call, and that count is finer.
#include "zones/link/tap.h"

#include <string.h>
#include <time.h>

enum {
	HEADER_BYTES = 12,
	NS_PER_S = 1000000000,
	STEP_NS = 50000000, // the coarse clock is late by less, whatever the kernel's tick is
};

static uint64_t time_of(const struct tap_writer *w, uint64_t ticks)
{
	int64_t since = (int64_t)(ticks - w->anchor_ticks), hz = (int64_t)w->ticks_per_s;

	return w->anchor_ns + (uint64_t)(since / hz * NS_PER_S + since % hz * NS_PER_S / hz);
}

// Once a second: the wall clock may have been set.
static void anchor(struct tap_writer *w, uint64_t now_ticks)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t); // cannot fail on Linux
	uint64_t now_ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
	uint64_t ours_ns = time_of(w, now_ticks);
	uint64_t apart_ns = ours_ns > now_ns ? ours_ns - now_ns : now_ns - ours_ns;
	if (w->anchor_ns != 0 && apart_ns < STEP_NS)
		return;
	w->anchor_ticks = now_ticks;
	w->anchor_ns = now_ns;
}

// False: this second has had its share.
static bool take_turn(struct tap_writer *w, uint64_t now_ticks)
{
	if (w->anchor_ns == 0 || now_ticks - w->second_ticks >= w->ticks_per_s) {
		anchor(w, now_ticks);
		w->second_ticks = now_ticks;
		w->in_second = 0;
	}
	if (w->in_second == TAP_PER_S) {
		counter_add(&w->ring->left_out, 1);
		return false;
	}
	w->in_second++;
	return true;
}

void tap_write(struct tap_writer *w, const struct tap_event *e)
{
	if (w->ring == NULL || (e->wish & TAP_WANTED) == 0 || e->size_bytes < HEADER_BYTES ||
		!take_turn(w, e->query->now_ticks))
		return;
	uint64_t number = counter_get(&w->ring->written) + 1;
	struct tap_slot *s = &w->ring->slots[number % TAP_SLOTS];
	struct tap_record *r = &s->record;
	bool is_kept = (e->wish & TAP_WITH_BYTES) != 0 && e->size_bytes <= TAP_MESSAGE_BYTES;
	counter_set(&s->number, 0);
	atomic_thread_fence(memory_order_release);
	qlog_record_fill(&r->about, e->query, e->message, e->size_bytes);
	r->time_ns = time_of(w, e->query->now_ticks);
	r->query_ns = r->time_ns - e->query->took_ns;
	if (e->upstream != NULL)
		r->upstream = *e->upstream;
	else
		r->upstream = (struct tap_upstream){0};
	r->kind = (uint8_t)e->kind;
	r->kept_bytes = is_kept ? (uint16_t)e->size_bytes : 0;
	memcpy(r->bytes, e->message, r->kept_bytes);
	atomic_store_explicit(&s->number, number, memory_order_release);
	atomic_store_explicit(&w->ring->written, number, memory_order_release);
}

bool tap_read(const struct tap_ring *r, uint64_t number, struct tap_record *out)
{
	const struct tap_slot *s = &r->slots[number % TAP_SLOTS];

	if (atomic_load_explicit(&s->number, memory_order_acquire) != number)
		return false;
	memcpy(out, &s->record, offsetof(struct tap_record, bytes));
	size_t kept = out->kept_bytes <= TAP_MESSAGE_BYTES ? out->kept_bytes : 0;
	memcpy(out->bytes, s->record.bytes, kept);
	atomic_thread_fence(memory_order_acquire);
	return counter_get(&s->number) == number && kept == out->kept_bytes;
}
