// SPDX-License-Identifier: Apache-2.0
// Takes images from control over SOCK_SEQPACKET, checks them and publishes them to the threads.
// Everything runs on the loop of the thread that feed_init was called on.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/feed/roots.h"
#include "zones/base/err.h"
#include "zones/link/counters.h"
#include "zones/link/publish.h"

#include <sys/types.h>

enum {
	FEED_PEERS_MAX = 4, // a control that comes back before its old socket is gone
	FEED_RECLAIM_MS = 20,
};

// Makes the plan for a policy part; old is the current one or NULL. Returns it held, or NULL.
typedef struct holder *feed_plan_fn(
	void *ctx, const uint8_t *policy, size_t size_bytes, struct holder *old);

struct feed;

struct feed_peer {
	struct watch watch; // fd -1: free
	struct feed *feed;
	struct layer *pending; // a base that waits for its overlay (PUBLISH_PAIR_NEXT)
};

struct feed {
	struct loop *loop;
	struct roots *roots;
	struct snapshot_counters *counters; // NULL: nobody counts
	struct watch listening;
	struct timer reclaim;
	feed_plan_fn *plan;
	void *plan_ctx;
	uid_t peer_uid;
	unsigned next_victim;
	struct feed_peer peers[FEED_PEERS_MAX];
};

struct feed_options {
	int listen_fd; // -1: only what feed_load brings
	uid_t peer_uid; // may connect besides our own uid
	struct snapshot_counters *counters;
	feed_plan_fn *plan; // NULL: nothing comes of the policy
	void *plan_ctx;
};

[[nodiscard]] int feed_init(
	struct feed *f, struct loop *loop, struct roots *roots, const struct feed_options *o);
void feed_fini(struct feed *f);

// Publishes images that were inherited at start (-1: none). The descriptors stay the caller's.
// 0, or -EINVAL and the reason in *err; what is good of the two serves.
[[nodiscard]] int feed_load(struct feed *f, int base_fd, int overlay_fd, struct err *err);

// Makes the plan anew and publishes the current images with it when it differs: for files that the
// policy names.
void feed_refresh(struct feed *f);

// Takes one message with its descriptor (-1: none; stays the caller's) and returns the status of
// the answer, with the reason in *err. For feed_peer and tests.
[[nodiscard]] int feed_take(
	struct feed *f, struct feed_peer *p, const struct publish_msg *m, int fd, struct err *err);
