// SPDX-License-Identifier: Apache-2.0
// The connection to one receiver of images: connects by path, comes back after a loss, counts what
// is not acknowledged yet.
#pragma once

#include "zones/link/publish.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct peer;

struct peer_events {
	void *user;
	void (*connected)(void *user, struct peer *p);
	void (*acked)(void *user, struct peer *p, const struct publish_msg *ack);
	void (*lost)(void *user, struct peer *p);
};

struct peer {
	const char *name; // for logs
	char path[PATH_MAX];
	uv_loop_t *loop;
	struct peer_events events;
	uv_poll_t *poll; // NULL while not connected; frees itself
	uv_timer_t retry;
	int fd;
	unsigned wait_ms;
	size_t n_unacked;
	bool is_closing;
};

// Starts to connect at once. p must stay until peer_close has been called and the loop has run its
// closing callbacks. 0 or -ENAMETOOLONG.
[[nodiscard]] int peer_open(struct peer *p, uv_loop_t *loop, const char *run_dir, const char *name,
	const struct peer_events *events);
bool peer_is_connected(const struct peer *p);

// Sends one message with a descriptor (stays the caller's). False: the connection was lost, and
// events.lost has been called.
bool peer_send(struct peer *p, const struct publish_msg *msg, int fd);

void peer_close(struct peer *p);
