// SPDX-License-Identifier: Apache-2.0
// The event loop of one thread: descriptors (epoll), timers, and mail from other threads.
#pragma once

#include "slowpath/base/wheel.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { LOOP_EVENTS = 64 };

struct watch;
typedef void watch_fn(struct watch *w, uint32_t events);

// A watched descriptor, embedded by its owner.
struct watch {
	int fd;
	watch_fn *fn;
};

struct mail;
typedef void mail_fn(struct mail *m);

// Something to do on another thread, embedded in what it is about. Taken by loop_post; fn owns it.
struct mail {
	struct mail *next;
	mail_fn *fn;
};

struct loop {
	int epoll_fd;
	struct watch wake;
	_Atomic(struct mail *) mailbox;
	struct wheel wheel;
	uint64_t now_ms; // CLOCK_MONOTONIC, as of the last wake-up
	int n_events, at_event;
	struct epoll_event events[LOOP_EVENTS];
};

[[nodiscard]] int loop_init(struct loop *l);
void loop_fini(struct loop *l); // accepts a zeroed struct

// 0 or -errno. events as for epoll, level-triggered unless it says otherwise.
[[nodiscard]] int loop_add(struct loop *l, struct watch *w, uint32_t events);
[[nodiscard]] int loop_modify(struct loop *l, struct watch *w, uint32_t events);

// Stops watching; also forgets an event of this watch that was already received. The descriptor
// stays open.
void loop_del(struct loop *l, struct watch *w);

void loop_timer(struct loop *l, struct timer *t, uint64_t in_ms);
void loop_timer_stop(struct loop *l, struct timer *t);

// Any thread: runs m->fn(m) on the loop's thread.
void loop_post(struct loop *l, struct mail *m);

// Sleeps until something happens, max_ms at most (less when a timer is due).
void loop_wait(struct loop *l, int max_ms);

// Runs what loop_wait found: mail, events, timers.
void loop_dispatch(struct loop *l);

// Runs the mail only; for the end, when the loop's thread is gone. False: there was none.
bool loop_drain(struct loop *l);
