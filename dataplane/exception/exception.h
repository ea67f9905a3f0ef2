// SPDX-License-Identifier: Apache-2.0
// The kernel side of our addresses: a TAP in a private namespace, made by the supervisor, whose
// descriptor speaks struct virtio_net_hdr. One thread carries frames between it and the port: over
// a packet socket beside a port that sits on an interface, else over rings of the workers.
#pragma once

#include "dataplane/exception/punt.h"
#include "dataplane/index/root.h"
#include "dataplane/net/host.h"

#include "zones/base/err.h"
#include "zones/link/counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

struct exception {
	int tun_fd; // borrowed
	int raw_fd; // owned; -1: the workers' rings
	const struct host *host; // borrowed, as all of these
	struct host untagged; // the same where the interface takes tags off, see exception_open
	const struct roots *roots;
	unsigned reader; // of roots->qsbr
	struct rte_mempool *pool;
	struct counters_page *counters;
	unsigned n_lanes;
	const struct punt_lane *lanes;
	uint8_t *buffer;
	pthread_t thread;
	bool is_running;
	_Atomic bool is_stopping;
};

// Opens what needs rights: the packet socket when ifname is not empty, and the TAP's offloads. 0 or
// -errno; exception_stop accepts either outcome.
[[nodiscard]] int exception_open(struct exception *e, const char *ifname, struct err *err);
[[nodiscard]] int exception_start(struct exception *e);
void exception_stop(struct exception *e);
