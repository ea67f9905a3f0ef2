// SPDX-License-Identifier: Apache-2.0
// Timers of one thread: a wheel of slots, so that setting and cancelling cost the same however
// many there are, and nothing is allocated.
#pragma once

#include <stdint.h>

enum {
	WHEEL_SLOTS = 1024,
	WHEEL_TICK_MS = 4,
};

struct timer;
typedef void timer_fn(struct timer *t);

// Embedded by its owner; zeroed means not set.
struct timer {
	struct timer *next;
	struct timer **pprev; // NULL: not set
	uint64_t due_ms;
	timer_fn *fn;
};

struct wheel {
	uint64_t tick; // the next one to run
	uint64_t occupied[WHEEL_SLOTS / 64];
	struct timer *slots[WHEEL_SLOTS];
	struct timer *due; // being run
};

void wheel_init(struct wheel *w, uint64_t now_ms);

// Sets the timer, or moves it when it is set. fn runs once, at due_ms or up to one tick later.
void wheel_set(struct wheel *w, struct timer *t, uint64_t due_ms);

void wheel_del(struct wheel *w, struct timer *t);

// Milliseconds until wheel_run has something to do, at most max_ms.
int wheel_wait_ms(const struct wheel *w, uint64_t now_ms, int max_ms);

// Runs what is due. A timer's fn may set and delete any timer.
void wheel_run(struct wheel *w, uint64_t now_ms);
