// SPDX-License-Identifier: Apache-2.0
// Checks and indexes one large base beside the snapshot thread, so that overlays on the old one go
// on meanwhile (DESIGN 3). One job at a time, each in a thread of its own.
#pragma once

#include "dataplane/feed/layer.h"

#include "zones/base/err.h"
#include "zones/link/publish.h"

#include <pthread.h>
#include <stdbool.h>

struct builder {
	bool is_busy; // from builder_start to builder_take
	int done_fd; // eventfd: readable when there is a result
	int fd; // owned while busy
	struct publish_msg msg; // of the base
	struct layer_maker maker;
	struct layer *result;
	struct err err;
	pthread_t thread;
};

[[nodiscard]] int builder_init(struct builder *b);
// Waits for the job and throws its result away.
void builder_fini(struct builder *b);

// Begins with the base that fd holds; takes fd, also on failure. 0 or -errno.
[[nodiscard]] int builder_start(
	struct builder *b, const struct layer_maker *maker, const struct publish_msg *msg, int fd);

// After done_fd became readable: the layer, or NULL and *err. Not busy afterwards.
struct layer *builder_take(struct builder *b, struct err *err);
