// SPDX-License-Identifier: Apache-2.0
// HTTP for probes and scrapers: few connections, short time-outs, one thread that never waits for
// a client.
#pragma once

#include "control/monitor/options.h"
#include "control/monitor/text.h"
#include "zones/base/err.h"

#include <poll.h>
#include <stddef.h>

// What is answered.
struct http_reply {
	unsigned status;
	const char *type;
	struct text body;
};

// Fills the reply to a path that the place serves: one of enum place_serves.
typedef void http_answer_fn(void *ctx, enum place_serves what, struct http_reply *out);

struct http;

// Listens at every place. NULL with a sentence in *err.
struct http *http_open(
	const struct place *places, size_t n, http_answer_fn *answer, void *ctx, struct err *err);
void http_close(struct http *h); // NULL is fine

// Descriptors to poll for (at most PLACES_MAX); returns how many. Lowers *timeout_ms to when
// http_turn must be called even if nothing comes.
size_t http_poll(const struct http *h, struct pollfd *fds, int *timeout_ms);

// Does what there is to do; never blocks.
void http_turn(struct http *h);
