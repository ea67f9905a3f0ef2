// SPDX-License-Identifier: Apache-2.0
// The snapshot thread: takes images from control over SOCK_SEQPACKET and publishes them to the
// workers. Nothing that a peer or a worker does makes it wait.
#pragma once

#include "dataplane/feed/builder.h"
#include "dataplane/feed/layer.h"

#include "zones/base/err.h"
#include "zones/link/publish.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum { FEED_PEERS_MAX = 4 }; // a control that comes back before its old socket is gone

struct feed_peer {
	int fd; // -1: free
	struct layer *pending; // a base that waits for its overlay (PUBLISH_PAIR_NEXT)
	// A message that has to wait for the base that is being built; nothing more is read until
	// then.
	bool is_held;
	struct publish_msg held;
	int held_fd; // owned while is_held
};

struct feed {
	struct layers *layers; // borrowed
	int listen_fd; // borrowed
	uid_t peer_uid;
	struct feed_peer peers[FEED_PEERS_MAX];
	unsigned next_victim;
	struct builder builder;
	int building; // index of the peer whose base it is; -1: that peer is gone
	int stop_fd; // eventfd
	pthread_t thread;
	bool is_running;
};

// listen_fd -1: only what feed_load brings.
void feed_init(struct feed *f, struct layers *layers, int listen_fd, uid_t peer_uid);

// Publishes inherited images before the thread runs (-1: none); the descriptors stay the caller's.
// 0 or -errno with the reason; what is good of the two serves.
[[nodiscard]] int feed_load(struct feed *f, int base_fd, int overlay_fd, struct err *err);

[[nodiscard]] int feed_start(struct feed *f);
void feed_stop(struct feed *f);

// One message with its descriptor (-1: none; stays the caller's): the status of the answer and the
// reason in *err. For the thread and for tests.
[[nodiscard]] int feed_take(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err);
