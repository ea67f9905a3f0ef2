// SPDX-License-Identifier: Apache-2.0
// Waiting and dispatching are two calls, so that the thread can say in between that it is awake
// and take the newest snapshot.
#include "slowpath/base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool loop_drain(struct loop *l)
{
	struct mail *m = atomic_exchange_explicit(&l->mailbox, NULL, memory_order_acquire);
	struct mail *first = NULL;
	bool had_mail = m != NULL;

	while (m != NULL) { // oldest first
		struct mail *next = m->next;
		m->next = first;
		first = m;
		m = next;
	}
	while (first != NULL) {
		struct mail *next = first->next;
		first->fn(first);
		first = next;
	}
	return had_mail;
}

// Mail that came since the last look must be taken after the counter is read: who posted it may
// have counted on the wake-up that this read uses up.
static void on_wake(struct watch *w, uint32_t events)
{
	struct loop *l = (struct loop *)((char *)w - offsetof(struct loop, wake));
	uint64_t n;

	(void)events;
	// EAGAIN means that somebody else's wake-up was read already.
	ssize_t got = read(w->fd, &n, sizeof(n));
	(void)got;
	(void)loop_drain(l); // it need not have any
}

int loop_init(struct loop *l)
{
	memset(l, 0, sizeof(*l));
	l->wake.fd = -1;
	l->now_ms = clock_ms();
	wheel_init(&l->wheel, l->now_ms);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	l->wake = (struct watch){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_wake};
	if (l->wake.fd < 0)
		return -errno;
	return loop_add(l, &l->wake, EPOLLIN);
}

void loop_fini(struct loop *l)
{
	if (l->epoll_fd > 0)
		(void)close(l->epoll_fd);
	if (l->wake.fd > 0)
		(void)close(l->wake.fd);
	l->epoll_fd = -1;
	l->wake.fd = -1;
}

static int control(struct loop *l, int op, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(l->epoll_fd, op, w->fd, &e) == 0 ? 0 : -errno;
}

int loop_add(struct loop *l, struct watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

int loop_modify(struct loop *l, struct watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

void loop_del(struct loop *l, struct watch *w)
{
	(void)control(l, EPOLL_CTL_DEL, w, 0); // fails only when it was never added
	for (int i = l->at_event; i < l->n_events; i++) {
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
	}
}

void loop_timer(struct loop *l, struct timer *t, uint64_t in_ms)
{
	wheel_set(&l->wheel, t, l->now_ms + in_ms);
}

void loop_timer_stop(struct loop *l, struct timer *t)
{
	wheel_del(&l->wheel, t);
}

void loop_post(struct loop *l, struct mail *m)
{
	const uint64_t one = 1;
	struct mail *head = atomic_load_explicit(&l->mailbox, memory_order_relaxed);

	do {
		m->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&l->mailbox, &head, m, memory_order_release, memory_order_relaxed));
	if (head != NULL)
		return; // whoever put the first one wakes the loop
	ssize_t n = write(l->wake.fd, &one, sizeof(one));
	(void)n; // EAGAIN: the counter is full, so the loop wakes up anyway
}

void loop_wait(struct loop *l, int max_ms)
{
	int wait_ms = wheel_wait_ms(&l->wheel, l->now_ms, max_ms);
	int n = epoll_wait(l->epoll_fd, l->events, LOOP_EVENTS, wait_ms);

	l->n_events = n < 0 ? 0 : n; // EINTR: like a time-out
	l->at_event = 0;
	l->now_ms = clock_ms();
}

void loop_dispatch(struct loop *l)
{
	(void)loop_drain(l); // it need not have any
	while (l->at_event < l->n_events) {
		struct epoll_event *e = &l->events[l->at_event++];
		struct watch *w = e->data.ptr;
		if (w != NULL)
			w->fn(w, e->events);
	}
	wheel_run(&l->wheel, l->now_ms);
}
