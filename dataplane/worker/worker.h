// SPDX-License-Identifier: Apache-2.0
// One worker: one lcore, one queue pair of the port. Its loop takes a burst, turns each frame into
// exactly one verdict, sends, and says that it holds no snapshot. No allocation, no locks, no logs,
// no system calls but the idle sleep and the driver's own.
#pragma once

#include "dataplane/cache/cache.h"
#include "dataplane/exception/punt.h"
#include "dataplane/index/root.h"
#include "dataplane/limit/rate.h"
#include "dataplane/net/host.h"
#include "dataplane/port/port.h"

#include "zones/answer/cookie.h"
#include "zones/base/networks.h"
#include "zones/link/counters.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum worker_idle { WORKER_POLL, WORKER_PAUSE, WORKER_SLEEP };

// What becomes of queries from outside the configured networks.
enum worker_outside { OUTSIDE_PASS, OUTSIDE_LIMIT, OUTSIDE_DROP };

// Who is answered how much; the same for all workers.
struct worker_limits {
	enum worker_outside outside;
	struct networks networks;
	struct rate_options rate; // of one worker
	struct cookie_secrets cookies;
	_Atomic uint32_t now_s; // main: wo, workers: ro; Unix time, for cookies
};

struct burst;

struct worker {
	unsigned id; // queue, counters, QSBR reader
	const struct port *port;
	const struct host *host;
	const struct roots *roots;
	const struct worker_limits *limits;
	struct outside_cache *cache; // NULL without
	struct rate rate;
	struct punt_lane lane;
	bool has_slowpath;
	bool has_exception_ring; // exceptions go into lane.exceptions
	enum worker_idle idle;
	struct worker_counters *counters; // this worker: wo
	struct scope_counters *scopes; // SCOPES_MAX of them; this worker: wo
	struct qlog_writer log;
	struct tap_writer tap;
	struct capture_writer capture;
	struct burst *burst;
	struct rte_ring *probes; // frames to be answered but not sent
	const _Atomic bool *is_stopping; // main: wo
	uint64_t cycles_per_ms;
	uint64_t latency_unit_cycles; // of the first latency bucket
	uint64_t echo_cycles; // token bucket of echo replies: cycles per token
	uint64_t echo_full_cycles, echo_last_cycles;
};

// Memory of the worker on its socket. 0 or -ENOMEM; worker_fini accepts either outcome.
[[nodiscard]] int worker_init(struct worker *w, unsigned socket);
void worker_fini(struct worker *w);

// The loop, until *is_stopping. arg is the struct worker; for rte_eal_remote_launch.
int worker_run(void *arg);

// Counts and answers n frames as if they had been received; what is to be sent is left in tx, the
// rest is freed or queued. Returns how many are in tx (at most n). For the loop and for tests.
uint16_t worker_burst(struct worker *w, const struct root *root, struct rte_mbuf **frames,
	uint16_t n, struct rte_mbuf **tx);
