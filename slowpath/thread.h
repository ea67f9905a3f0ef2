// SPDX-License-Identifier: Apache-2.0
// One serving thread: its loop, its share of the sockets, the link to the dataplane.
#pragma once

#include "slowpath/feed/roots.h"
#include "slowpath/forward/fetch.h"
#include "slowpath/options.h"
#include "slowpath/outside/loops.h"
#include "slowpath/outside/outside.h"
#include "slowpath/tcp/tcp.h"
#include "slowpath/udp/punt.h"
#include "slowpath/udp/udp.h"
#include "zones/link/counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct thread {
	unsigned index;
	struct loop loop;
	struct roots *roots;
	struct server server;
	struct qlog_writer log;
	struct tap_writer tap;
	struct thread_counters *counters; // NULL without; this thread: wo
	struct outside_counters *outside_counters; // with them
	struct udp_batch *udp_batch;
	struct punt_batch *punt_batch;
	struct udp_socket *udp;
	struct tcp *tcp;
	struct outside_thread *outside;
	struct loops loops; // of the first thread
	struct punt_link punt;
	unsigned n_udp;
	uint64_t limits_of; // id of the plan that TCP's limits come from
	atomic_bool stopping; // main: wo, thread: ro
	bool is_running;
	pthread_t id;
};

// What all threads share.
struct thread_shared {
	struct roots *roots;
	struct counters_page *counters; // NULL without
	const struct options *options;
	const struct cookie_secrets *cookies;
	const struct tcp_limits *limits;
	_Atomic unsigned *n_conns;
	unsigned n_threads;
	struct fetcher **fetchers; // of all threads, made before the first one starts
	unsigned max_pending; // per thread
};

// Makes what other threads need of it. 0 or -errno; thread_fini cleans up in both cases.
[[nodiscard]] int thread_init(struct thread *t, unsigned index, const struct thread_shared *shared);

// Makes the rest and starts the thread. 0 or -errno.
[[nodiscard]] int thread_start(struct thread *t, const struct thread_shared *shared);

// Stops it and waits for its end. Accepts the zeroed struct, like the following.
void thread_stop(struct thread *t);

// It has stopped: answers the datagrams that came meanwhile.
void thread_finish(struct thread *t);

// All threads have stopped: ends what is under way. Queries that wait get no answer.
void threads_drain(struct thread *threads, unsigned n, struct fetcher **fetchers);

void thread_fini(struct thread *t);
