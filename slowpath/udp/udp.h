// SPDX-License-Identifier: Apache-2.0
// Serves one bound UDP socket in batches. The reply leaves from the address that was asked, also
// on sockets that are bound to every address (proto:H21).
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/serve/serve.h"

struct udp_batch;

struct udp_socket {
	struct watch watch; // fd borrowed
	struct loop *loop;
	struct server *server;
	struct udp_batch *batch; // shared by the sockets of one thread
	uint16_t port; // ours
};

// The memory for one thread's batches; NULL when memory is short.
struct udp_batch *udp_batch_new(void);
void udp_batch_free(struct udp_batch *b);

// Begins to serve. fd is borrowed and must stay open. 0 or -errno.
[[nodiscard]] int udp_start(struct udp_socket *u, int fd, struct loop *loop, struct server *server,
	struct udp_batch *b);

// Answers what has arrived by now; udp_start's loop no longer runs.
void udp_finish(struct udp_socket *u);
