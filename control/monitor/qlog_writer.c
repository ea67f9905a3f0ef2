// SPDX-License-Identifier: Apache-2.0
// Looks at the rings fifty times a second and writes lines in blocks.
#include "control/monitor/qlog_writer.h"

#include "control/monitor/qlog_rules.h"
#include "control/monitor/qlog_text.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_NS = 20000000,
	REST_NS = 200000000, // while the Corefile wants nothing written
	SECOND_MS = 1000,
	OUT_BYTES = 64 << 10,
	RINGS_MAX = COUNTERS_WORKERS_MAX + COUNTERS_THREADS_MAX,
};

// How far a ring has been read.
struct ring_place {
	uint64_t taken, left_out;
	bool is_known;
};

struct qlog_thread {
	const struct counters_page *page;
	struct qlog_selection selection;
	struct ring_place places[RINGS_MAX];
	struct qlog_stats stats;
	uint64_t said_ms, said_left_out;
	pthread_t thread;
	atomic_bool is_stopping;
	int fd;
	size_t len;
	char out[OUT_BYTES];
};

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// Who does not read gets less: the lines are lost, the queries are not touched.
static void flush(struct qlog_thread *t)
{
	size_t at = 0;

	while (at < t->len) {
		ssize_t n = write(t->fd, t->out + at, t->len - at);
		if (n < 0 && errno != EINTR)
			break;
		at += n < 0 ? 0 : (size_t)n;
	}
	t->len = 0;
}

static void say(struct qlog_thread *t, unsigned level, const char *from, const char *text)
{
	static const char *const levels[] = {"ERROR", "WARNING", "INFO", "DEBUG"};

	if (OUT_BYTES - t->len < QLOG_LINE_BYTES + QLOG_ERROR_BYTES)
		flush(t);
	int n = snprintf(
		t->out + t->len, OUT_BYTES - t->len, "[%s] %s%s\n", levels[level & 3], from, text);
	t->len += n < 0 ? 0 : (size_t)n; // there is room for the longest
	atomic_fetch_add_explicit(&t->stats.lines, 1, memory_order_relaxed);
}

enum { LEVEL_WARNING_WORD = 1, LEVEL_INFO_WORD = 2 };

static void take(struct qlog_thread *t, const struct qlog_record *r)
{
	char line[QLOG_LINE_BYTES], reason[QLOG_ERROR_BYTES];
	unsigned level;

	if ((r->flags & QLOG_RECORD_ERROR) == 0) {
		const char *format = qlog_rules_format(&t->selection, r);
		if (format == NULL)
			return; // the Corefile has changed meanwhile
		(void)qlog_text(r, format, line);
		say(t, LEVEL_INFO_WORD, "", line);
		return;
	}
	size_t n = qlog_text_reason(r, reason);
	if (qlog_rules_error(&t->selection, reason, n, clock_ms(), &level) == QLOG_HOLD)
		return;
	(void)qlog_text_error(r, reason, line);
	say(t, level, "plugin/errors: ", line);
}

static void leave_out(struct qlog_thread *t, uint64_t n)
{
	atomic_fetch_add_explicit(&t->stats.left_out, n, memory_order_relaxed);
}

static void ring_look(struct qlog_thread *t, const struct qlog_ring *ring, struct ring_place *p)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
	uint64_t left_out = counter_get(&ring->left_out);
	struct qlog_record r;

	if (!p->is_known || written < p->taken)
		*p = (struct ring_place){written, left_out, true}; // what was before is not ours
	leave_out(t, left_out - p->left_out);
	p->left_out = left_out;
	if (written - p->taken > QLOG_SLOTS) {
		leave_out(t, written - p->taken - QLOG_SLOTS);
		p->taken = written - QLOG_SLOTS;
	}
	while (p->taken < written) {
		if (qlog_read(ring, ++p->taken, &r))
			take(t, &r);
		else
			leave_out(t, 1);
	}
}

static void look(struct qlog_thread *t)
{
	const struct counters_page *page = t->page;
	uint64_t n_threads = counter_get(&page->n_threads);

	(void)qlog_rules_take(&t->selection, &page->control.qlog); // what changed holds from now on
	for (uint32_t i = 0; i < page->n_workers && i < COUNTERS_WORKERS_MAX; i++)
		ring_look(t, &page->worker_rings[i], &t->places[i]);
	for (uint64_t i = 0; i < n_threads && i < COUNTERS_THREADS_MAX; i++)
		ring_look(t, &page->thread_rings[i], &t->places[COUNTERS_WORKERS_MAX + i]);
}

static void say_left_out(struct qlog_thread *t, uint64_t now_ms)
{
	uint64_t n = atomic_load_explicit(&t->stats.left_out, memory_order_relaxed);
	char text[80];

	if (now_ms - t->said_ms < SECOND_MS)
		return;
	if (n != t->said_left_out) {
		(void)snprintf(text, sizeof(text), "%" PRIu64 " queries have been left out",
			n - t->said_left_out); // always fits
		say(t, LEVEL_WARNING_WORD, "plugin/log: ", text);
	}
	t->said_ms = now_ms;
	t->said_left_out = n;
}

static void say_summaries(struct qlog_thread *t, uint64_t now_ms)
{
	char line[QLOG_LINE_BYTES];
	unsigned level;

	while (qlog_rules_summary(&t->selection, now_ms, line, sizeof(line), &level) != 0)
		say(t, level, "plugin/errors: ", line);
}

static void rest(const struct qlog_thread *t)
{
	long ns = t->selection.rules.n == 0 ? REST_NS : LOOK_NS;

	(void)nanosleep(&(struct timespec){.tv_nsec = ns}, NULL); // woken early: looks early
}

static void *thread_main(void *arg)
{
	struct qlog_thread *t = arg;
	bool is_last = false;

	while (!is_last) {
		is_last = atomic_load(&t->is_stopping);
		uint64_t now_ms = clock_ms();
		look(t);
		say_left_out(t, now_ms);
		say_summaries(t, now_ms);
		flush(t);
		if (!is_last)
			rest(t);
	}
	return NULL;
}

struct qlog_thread *qlog_thread_start(const struct counters_page *page, int fd)
{
	struct qlog_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->page = page;
	t->fd = fd;
	if (pthread_create(&t->thread, NULL, thread_main, t) == 0)
		return t;
	free(t);
	return NULL;
}

void qlog_thread_stop(struct qlog_thread *t)
{
	if (t == NULL)
		return;
	atomic_store(&t->is_stopping, true);
	(void)pthread_join(t->thread, NULL); // it exists and is joined once
	qlog_rules_fini(&t->selection);
	free(t);
}

const struct qlog_stats *qlog_thread_stats(const struct qlog_thread *t)
{
	return &t->stats;
}
