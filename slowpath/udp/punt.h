// SPDX-License-Identifier: Apache-2.0
// Serves what the workers hand over: datagrams on the link, answered with their context untouched.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/serve/serve.h"

struct punt_batch;

struct punt_link {
	struct watch watch; // fd borrowed
	struct server *server;
	struct punt_batch *batch;
};

struct punt_batch *punt_batch_new(void); // NULL when memory is short
void punt_batch_free(struct punt_batch *b);

// 0 or -errno. fd is borrowed; several threads may serve the same one.
[[nodiscard]] int punt_start(struct punt_link *p, int fd, struct loop *loop, struct server *server,
	struct punt_batch *b);
