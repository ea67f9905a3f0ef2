// SPDX-License-Identifier: Apache-2.0
// Which socket is whose, and the turn of the loop: sleep without a snapshot, wake, take the newest
// one, serve.
#include "slowpath/thread.h"

#include "slowpath/plugin/plugin.h"
#include "slowpath/serve/sockaddr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_S = 1000000000 };

static const struct policy_timeouts *find_timeouts(const struct plan *p, uint16_t port)
{
	for (size_t i = 0; p != NULL && i < p->policy.timeouts.n; i++) {
		if (p->policy.timeouts.items[i].port == port)
			return &p->policy.timeouts.items[i];
	}
	return NULL;
}

// A new plan may have other limits for TCP.
static void apply_limits(struct thread *t)
{
	const struct plan *plan = (const struct plan *)t->server.root->plan; // its first member
	uint64_t id = plan == NULL ? 0 : plan->id;
	uint16_t port;

	if (t->limits_of == id)
		return;
	t->limits_of = id;
	for (unsigned i = 0; (port = tcp_port(t->tcp, i)) != 0; i++) {
		const struct policy_timeouts *p = find_timeouts(plan, port);
		struct tcp_port_limits limits = {0};
		if (p != NULL)
			limits = (struct tcp_port_limits){
				p->read_ms, p->write_ms, p->idle_ms, p->max_queries};
		tcp_set_limits(t->tcp, port, p == NULL ? NULL : &limits);
	}
}

// With more connections ready than one turn takes, datagrams would wait until each of them had its
// turn (proto:P5): they get theirs in every one.
static void serve_datagrams(struct thread *t)
{
	if (t->loop.n_events < LOOP_EVENTS)
		return;
	for (unsigned i = 0; i < t->n_udp; i++)
		t->udp[i].watch.fn(&t->udp[i].watch, EPOLLIN);
	if (t->punt_batch != NULL)
		t->punt.watch.fn(&t->punt.watch, EPOLLIN);
}

static void run_turn(struct thread *t)
{
	loop_wait(&t->loop, THREAD_LOOP_MS);
	t->server.root = roots_enter(t->roots, t->index);
	apply_limits(t);
	if (t->counters != NULL) {
		counter_add(&t->counters->loops, 1);
		counter_set(&t->counters->generation, t->server.root->generation);
		if (t->index == 0)
			counter_set(&t->outside_counters->regex_given_up, plugin_regex_given_up());
	}
	serve_datagrams(t);
	loop_dispatch(&t->loop);
	t->server.root = NULL;
	roots_leave(t->roots, t->index);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	while (!atomic_load(&t->stopping))
		run_turn(t);
	return NULL;
}

static bool is_same_address(int a, int b)
{
	struct server_address x, y;

	if (sockaddr_local(a, &x) != 0 || sockaddr_local(b, &y) != 0)
		return false;
	return x.family == y.family && x.port == y.port &&
		memcmp(x.bytes, y.bytes, sizeof(x.bytes)) == 0;
}

// Sockets of one address form a group (SO_REUSEPORT). Thread t of n serves the k-th of g when
// k mod n is t, or, with more threads than sockets, when t mod g is k: every socket is served, and
// every thread has one.
static bool is_mine(
	const int *fds, unsigned n_fds, unsigned at, unsigned thread, unsigned n_threads)
{
	unsigned g = 0;
	unsigned k = 0;

	for (unsigned i = 0; i < n_fds; i++) {
		if (!is_same_address(fds[i], fds[at]))
			continue;
		if (i == at)
			k = g;
		g++;
	}
	if (g == 0)
		return false; // cannot be: the descriptor has its own address
	return g >= n_threads ? k % n_threads == thread : thread % g == k;
}

static int start_udp(struct thread *t, const struct thread_shared *s)
{
	const struct options *o = s->options;
	int rc = 0;

	t->udp = calloc(o->n_udp + 1, sizeof(*t->udp));
	t->udp_batch = udp_batch_new();
	if (t->udp == NULL || t->udp_batch == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < o->n_udp && rc == 0; i++) {
		if (is_mine(o->udp_fds, o->n_udp, i, t->index, s->n_threads))
			rc = udp_start(&t->udp[t->n_udp++], o->udp_fds[i], &t->loop, &t->server,
				t->udp_batch);
	}
	return rc;
}

static int start_tcp(struct thread *t, const struct thread_shared *s)
{
	const struct options *o = s->options;
	int rc = 0;

	t->tcp = tcp_new(&t->loop, &t->server, s->limits, s->n_conns);
	if (t->tcp == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < o->n_tcp && rc == 0; i++) {
		if (is_mine(o->tcp_fds, o->n_tcp, i, t->index, s->n_threads))
			rc = tcp_listen(t->tcp, o->tcp_fds[i]);
	}
	return rc;
}

static int start_punt(struct thread *t, const struct thread_shared *s)
{
	if (s->options->punt_fd < 0)
		return 0;
	t->punt_batch = punt_batch_new();
	if (t->punt_batch == NULL)
		return -ENOMEM;
	return punt_start(&t->punt, s->options->punt_fd, &t->loop, &t->server, t->punt_batch);
}

static int start_outside(struct thread *t, const struct thread_shared *s)
{
	const struct outside_options o = {
		.loop = &t->loop,
		.fetchers = s->fetchers,
		.n_threads = s->n_threads,
		.max_pending = s->max_pending,
		.keep_inside = s->options->keep_inside,
	};

	t->outside = outside_new(&o);
	t->server.outside = outside_answer;
	t->server.outside_ctx = t->outside;
	if (t->index == 0)
		loops_start(&t->loops,
			&(struct loops_options){&t->loop, &t->server, s->fetchers, s->n_threads});
	return t->outside == NULL ? -ENOMEM : 0;
}

int thread_init(struct thread *t, unsigned index, const struct thread_shared *s)
{
	const struct fetch_limits limits = {.max_fetches = s->max_pending,
		.mixes_case = s->options->mixes_case,
		.log = s->counters == NULL ? NULL : &t->log,
		.tap = s->counters == NULL ? NULL : &t->tap};
	int rc = loop_init(&t->loop);

	t->index = index;
	t->roots = s->roots;
	t->server.counters = s->counters;
	t->server.cookies = s->cookies;
	if (s->options->networks.n4 + s->options->networks.n6 > 0)
		t->server.networks = &s->options->networks;
	if (s->counters != NULL) {
		t->counters = &s->counters->threads[index];
		t->server.scopes = s->counters->thread_scopes[index];
		t->server.rules = &s->counters->outside.rules;
		t->outside_counters = &s->counters->outside;
		t->log = (struct qlog_writer){
			.ring = &s->counters->thread_rings[index], .ticks_per_s = NS_PER_S};
		t->server.log = &t->log;
		t->tap = (struct tap_writer){
			.ring = &s->counters->thread_taps[index], .ticks_per_s = NS_PER_S};
		t->server.tap = &t->tap;
	}
	if (rc == 0) {
		s->fetchers[index] = fetcher_new(&t->loop, &limits);
		rc = s->fetchers[index] == NULL ? -ENOMEM : 0;
	}
	return rc;
}

int thread_start(struct thread *t, const struct thread_shared *s)
{
	int rc = start_outside(t, s);

	if (rc == 0)
		rc = start_udp(t, s);
	if (rc == 0)
		rc = start_tcp(t, s);
	if (rc == 0)
		rc = start_punt(t, s);
	if (rc == 0)
		rc = -pthread_create(&t->id, NULL, thread_main, t);
	t->is_running = rc == 0;
	return rc;
}

static void nothing(struct mail *m)
{
	(void)m;
}

void thread_stop(struct thread *t)
{
	struct mail wake = {.fn = nothing};

	if (!t->is_running)
		return;
	atomic_store(&t->stopping, true);
	loop_post(&t->loop, &wake);
	(void)pthread_join(t->id, NULL); // it exists and is joined once
	(void)loop_drain(&t->loop); // wake may still be in the mailbox
	t->is_running = false;
}

void thread_finish(struct thread *t)
{
	if (t->n_udp == 0)
		return;
	t->server.root = roots_enter(t->roots, t->index);
	for (unsigned i = 0; i < t->n_udp; i++)
		udp_finish(&t->udp[i]);
	t->server.root = NULL;
	roots_leave(t->roots, t->index);
}

static void drain_all(struct thread *threads, unsigned n)
{
	bool had_mail = true;

	while (had_mail) { // nobody asks anything new without a snapshot
		had_mail = false;
		for (unsigned i = 0; i < n; i++)
			had_mail |= loop_drain(&threads[i].loop);
	}
}

void threads_drain(struct thread *threads, unsigned n, struct fetcher **fetchers)
{
	drain_all(threads, n);
	for (unsigned i = 0; i < n; i++)
		fetcher_free(fetchers[i]);
	drain_all(threads, n);
}

void thread_fini(struct thread *t)
{
	tcp_free(t->tcp);
	outside_free(t->outside);
	udp_batch_free(t->udp_batch);
	punt_batch_free(t->punt_batch);
	free(t->udp);
	loop_fini(&t->loop);
}
