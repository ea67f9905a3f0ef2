// SPDX-License-Identifier: Apache-2.0
// Looks at the rings fifty times a second while there is a collector.
#include "control/monitor/tap_thread.h"

#include "control/base/log.h"
#include "control/monitor/tap_message.h"
#include "control/monitor/tap_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_NS = 20000000,
	REST_NS = 200000000, // while the Corefile names no collector
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 30000,
	RINGS_MAX = COUNTERS_WORKERS_MAX + COUNTERS_THREADS_MAX,
};

// How far a ring has been read.
struct ring_place {
	uint64_t taken, left_out;
	bool is_known;
};

struct tap_thread {
	struct tap_threads *all;
	uint32_t index; // of the rule
	uint64_t version; // of the rules
	bool is_wanted;
	struct tap_rule rule; // a copy, with our own texts where the Corefile has none
	struct tap_out *out; // owned; NULL: not connected
	int said; // the error that was logged last, 0 none
	uint64_t retry_ms, due_ms; // the pause, and when to connect
	struct ring_place places[RINGS_MAX];
	struct tap_record record;
	struct tap_encoded encoded;
	pthread_t id;
	bool is_running;
};

struct tap_threads {
	const struct counters_page *page;
	const char *version;
	struct tap_stats stats;
	atomic_bool is_stopping;
	struct tap_thread list[TAPS_MAX];
};

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void count(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static void disconnect(struct tap_thread *t)
{
	if (t->out == NULL)
		return;
	tap_out_close(t->out);
	t->out = NULL;
	atomic_fetch_sub_explicit(&t->all->stats.connected, 1, memory_order_relaxed);
}

// Nothing in the page is trusted: ends of texts are ours.
static void settle(struct tap_thread *t, struct tap_rule *r)
{
	r->path[TAP_PATH_BYTES - 1] = 0;
	r->identity[TAP_TEXT_BYTES - 1] = 0;
	r->version[TAP_TEXT_BYTES - 1] = 0;
	r->extra[TAP_TEXT_BYTES - 1] = 0;
	if (r->identity[0] == 0 && gethostname(r->identity, TAP_TEXT_BYTES - 1) != 0)
		r->identity[0] = 0;
	if (r->version[0] == 0)
		(void)snprintf(r->version, TAP_TEXT_BYTES, "%s", t->all->version); // it is short
}

static void change(struct tap_thread *t, bool is_wanted, const struct tap_rule *r)
{
	const size_t head = offsetof(struct tap_rule, is_full);
	struct tap_stats *stats = &t->all->stats;
	bool is_same = is_wanted && t->is_wanted &&
		memcmp((const char *)r + head, (const char *)&t->rule + head, sizeof(*r) - head) ==
			0;

	t->rule = *r;
	if (is_same)
		return;
	disconnect(t);
	if (is_wanted && !t->is_wanted) {
		count(&stats->collectors, 1);
		memset(t->places, 0, sizeof(t->places));
	} else if (!is_wanted && t->is_wanted) {
		atomic_fetch_sub_explicit(&stats->collectors, 1, memory_order_relaxed);
	}
	t->is_wanted = is_wanted;
	t->said = 0;
	t->retry_ms = RETRY_MIN_MS;
	t->due_ms = 0;
}

// Takes what is in the page when that has changed and nobody writes it.
static void take_rule(struct tap_thread *t)
{
	const struct tap_rules *page = &t->all->page->control.taps;
	uint64_t before = atomic_load_explicit(&page->version, memory_order_acquire);
	struct tap_rule r = {0};

	if (before == t->version || before % 2 != 0)
		return;
	bool is_wanted = t->index < page->n;
	if (is_wanted)
		r = page->list[t->index];
	atomic_thread_fence(memory_order_acquire);
	if (counter_get(&page->version) != before)
		return; // the next look tries again
	t->version = before;
	settle(t, &r);
	change(t, is_wanted, &r);
}

static const char *collector_text(const struct tap_rule *r, char text[TAP_PATH_BYTES])
{
	char address[INET6_ADDRSTRLEN] = "";

	if (r->family == 0)
		return r->path;
	(void)inet_ntop(r->family == 4 ? AF_INET : AF_INET6, r->address, address,
		sizeof(address)); // the buffer is large enough
	(void)snprintf(text, TAP_PATH_BYTES, r->family == 4 ? "tcp://%s:%u" : "tcp://[%s]:%u",
		address, r->port); // always fits
	return text;
}

static const char *advice(const struct tap_rule *r, int error)
{
	if (error == EACCES && r->family == 0)
		return "the user of burst53-monitor must be allowed to write to the socket";
	if (error == EPROTO || error == ECONNRESET)
		return "it does not speak frame streams with dnstap";
	return "";
}

// Once for each kind of failure until it goes well.
static void say_failure(struct tap_thread *t, int error)
{
	char text[TAP_PATH_BYTES];

	if (error == t->said)
		return;
	t->said = error;
	log_warn("dnstap", "no collector, messages are left out until there is one",
		LOG_STR("collector", collector_text(&t->rule, text)),
		LOG_STR("reason", strerror(error)), LOG_STR("advice", advice(&t->rule, error)));
}

static void connect_to(struct tap_thread *t)
{
	char text[TAP_PATH_BYTES];
	int rc = tap_out_open(&t->rule, &t->out);

	if (rc != 0) {
		say_failure(t, -rc);
		t->due_ms = clock_ms() + t->retry_ms;
		t->retry_ms = t->retry_ms * 2 < RETRY_MAX_MS ? t->retry_ms * 2 : RETRY_MAX_MS;
		return;
	}
	log_info("dnstap", "connected", LOG_STR("collector", collector_text(&t->rule, text)));
	t->said = 0;
	t->retry_ms = RETRY_MIN_MS;
	count(&t->all->stats.connected, 1);
}

static void take(struct tap_thread *t)
{
	struct tap_stats *stats = &t->all->stats;
	uint16_t block = t->record.about.block;

	if (block >= TAP_BLOCKS_MAX || (t->rule.blocks[block / 8] >> block % 8 & 1) == 0)
		return;
	if (t->out == NULL) {
		count(&stats->left_out, 1);
		return;
	}
	tap_encode(&t->rule, &t->record, &t->encoded);
	bool is_taken = tap_out_add(t->out, t->encoded.bytes, t->encoded.size_bytes);
	count(is_taken ? &stats->messages : &stats->left_out, 1);
}

static void ring_look(struct tap_thread *t, const struct tap_ring *ring, struct ring_place *p)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
	uint64_t left_out = counter_get(&ring->left_out);
	struct tap_stats *stats = &t->all->stats;

	if (!p->is_known || written < p->taken)
		*p = (struct ring_place){written, left_out, true}; // what was before is not ours
	count(&stats->left_out, left_out - p->left_out);
	p->left_out = left_out;
	if (written - p->taken > TAP_SLOTS) {
		count(&stats->left_out, written - p->taken - TAP_SLOTS);
		p->taken = written - TAP_SLOTS;
	}
	while (p->taken < written) {
		if (tap_read(ring, ++p->taken, &t->record))
			take(t);
		else
			count(&stats->left_out, 1);
	}
}

static void look(struct tap_thread *t)
{
	const struct counters_page *page = t->all->page;
	uint64_t n_threads = counter_get(&page->n_threads);

	for (uint32_t i = 0; i < page->n_workers && i < COUNTERS_WORKERS_MAX; i++)
		ring_look(t, &page->worker_taps[i], &t->places[i]);
	for (uint64_t i = 0; i < n_threads && i < COUNTERS_THREADS_MAX; i++)
		ring_look(t, &page->thread_taps[i], &t->places[COUNTERS_WORKERS_MAX + i]);
}

static void turn(struct tap_thread *t)
{
	take_rule(t);
	if (!t->is_wanted)
		return;
	if (t->out == NULL && clock_ms() >= t->due_ms)
		connect_to(t);
	look(t);
	if (t->out == NULL || tap_out_flush(t->out))
		return;
	say_failure(t, ECONNRESET);
	disconnect(t);
	t->due_ms = clock_ms() + t->retry_ms;
}

static void *thread_main(void *arg)
{
	struct tap_thread *t = arg;
	bool is_last = false;

	while (!is_last) {
		is_last = atomic_load(&t->all->is_stopping);
		turn(t);
		long ns = t->is_wanted ? LOOK_NS : REST_NS;
		if (!is_last)
			(void)nanosleep(&(struct timespec){.tv_nsec = ns}, NULL); // or earlier
	}
	disconnect(t);
	return NULL;
}

struct tap_threads *tap_threads_start(const struct counters_page *page, const char *version)
{
	struct tap_threads *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return NULL;
	all->page = page;
	all->version = version;
	for (uint32_t i = 0; i < TAPS_MAX; i++) {
		struct tap_thread *t = &all->list[i];
		t->all = all;
		t->index = i;
		t->is_running = pthread_create(&t->id, NULL, thread_main, t) == 0;
		if (!t->is_running) {
			tap_threads_stop(all);
			return NULL;
		}
	}
	return all;
}

void tap_threads_stop(struct tap_threads *all)
{
	if (all == NULL)
		return;
	atomic_store(&all->is_stopping, true);
	for (uint32_t i = 0; i < TAPS_MAX; i++) {
		if (all->list[i].is_running)
			(void)pthread_join(all->list[i].id, NULL); // joined once
	}
	free(all);
}

const struct tap_stats *tap_threads_stats(const struct tap_threads *all)
{
	return &all->stats;
}
