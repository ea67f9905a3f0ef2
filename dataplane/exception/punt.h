// SPDX-License-Identifier: Apache-2.0
// UDP queries for the slow path. Workers put frames into a ring; one thread sends them over the
// socket that the supervisor made, and turns what comes back into frames for the worker that took
// the query, or into entries of the workers' cache. Both directions are bounded; nobody waits for
// anybody.
#pragma once

#include "dataplane/cache/cache.h"
#include "dataplane/net/host.h"

#include "zones/link/counters.h"

#include <stdint.h>

#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdatomic.h>

enum { PUNT_RING_FRAMES = 1024, PUNT_WORKERS_MAX = 32 };

// What a worker knows of a frame it punts; in the buffer's private bytes.
struct punt_note {
	uint64_t generation;
	uint32_t rule;
	uint16_t l4, dns_bytes;
	uint16_t client_port, server_port, udp_max_bytes;
	uint8_t l3, family;
};

static inline struct punt_note *punt_note_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

struct punt_lane {
	struct rte_ring *queries; // worker -> thread
	struct rte_ring *frames; // thread (and others) -> worker, ready to be sent
	struct rte_ring *exceptions; // worker -> kernel side, where it has no own way to them
};

// Rings of worker i. 0 or -ENOMEM; punt_lane_fini accepts either outcome.
[[nodiscard]] int punt_lane_init(struct punt_lane *lane, unsigned i, unsigned socket);
void punt_lane_fini(struct punt_lane *lane);

struct punt {
	int fd; // borrowed
	const struct host *host; // borrowed
	struct rte_mempool *pool; // borrowed
	struct counters_page *counters; // borrowed
	struct outside_cache *cache; // borrowed; written by the thread; NULL without
	unsigned n_lanes;
	struct punt_lane lanes[PUNT_WORKERS_MAX];
	pthread_t thread;
	bool is_running;
	_Atomic bool is_stopping;
};

// Starts the thread; lanes are filled in. 0 or -errno.
[[nodiscard]] int punt_start(struct punt *p);
void punt_stop(struct punt *p);

struct punt_msg;

// Turns a reply of the slow path (size_bytes bytes at msg) into a frame in m; returns the lane it
// belongs to, or -1: malformed. For the thread and its tests.
int punt_reply_write(const struct host *h, unsigned n_lanes, const struct punt_msg *msg,
	size_t size_bytes, struct rte_mbuf *m);
// The query in m as a message (its DNS bytes stay in m).
void punt_query_write(unsigned lane, struct rte_mbuf *m, struct punt_msg *msg);
