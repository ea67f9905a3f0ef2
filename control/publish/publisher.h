// SPDX-License-Identifier: Apache-2.0
// Hands images to the supervisor, the slow path and the dataplane, in the order of DESIGN 3: the
// first two, then (when they have acknowledged, died, or let 100 ms pass) the dataplane, whose
// acknowledgement means "published". Whoever connects later is given what is current.
#pragma once

#include "control/publish/peer.h"
#include "control/publish/sealed.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum publisher_peer { PEER_SUPERVISOR, PEER_SLOWPATH, PEER_DATAPLANE, PEERS };

// A base in the making may be on its way while overlays on the old one go on: two at a time.
enum publisher_job { JOB_SERVED, JOB_NEXT, JOBS };

struct publisher;

struct publisher_done {
	enum publish_type type;
	uint64_t generation;
	uint64_t event_ns; // as given
	uint64_t started_ns; // CLOCK_MONOTONIC
};

typedef void publisher_done_fn(void *user, const struct publisher_done *done);

struct publisher_peer_state {
	struct publisher *owner;
	struct peer peer;
	uv_timer_t resync;
	bool is_live; // has acknowledged all that it was given
	bool is_stale; // something was published that it was not given
};

struct publisher_work {
	bool is_active;
	bool is_second; // the dataplane's turn
	bool waits[PEERS];
	struct publish_msg msg;
	int fd; // borrowed from the images below
	uint64_t started_ns;
	uv_timer_t deadline;
};

struct publisher {
	struct publisher_peer_state peers[PEERS];
	struct publisher_work jobs[JOBS];
	struct sealed base, next, overlay;
	publisher_done_fn *done;
	void *user;
};

[[nodiscard]] int publisher_open(struct publisher *p, uv_loop_t *loop, const char *run_dir,
	publisher_done_fn *done, void *user);

// Whether a PUBLISH_BASE or PUBLISH_OVERLAY, or a PUBLISH_PAIR_NEXT, is on its way.
bool publisher_is_busy(const struct publisher *p, enum publish_type type);

// Takes the image. Must not be busy with one of its type. An overlay may stand on the base or on
// the next one, which it makes the base. done is called from the loop, never from inside.
void publisher_send(
	struct publisher *p, enum publish_type type, struct sealed *image, uint64_t event_ns);

// Makes a saved pair current before anybody is connected; takes both, overlay->fd may be -1.
void publisher_restore(struct publisher *p, struct sealed *base, struct sealed *overlay);

// Stops; the caller then runs the loop until its handles are closed.
void publisher_close(struct publisher *p);
