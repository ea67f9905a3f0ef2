// SPDX-License-Identifier: Apache-2.0
// Connections to upstreams over TCP and TLS: one question at a time on each, kept for a while for
// the next one (k8s:2.13 expire).
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/group.h"

#include <stddef.h>
#include <stdint.h>

struct stream;
struct stream_pool;

// One thread's connections, of which so many at most are kept. NULL when memory is short.
struct stream_pool *stream_pool_new(struct loop *loop, unsigned max_idle);
void stream_pool_free(struct stream_pool *p); // closes all; NULL is fine

enum stream_outcome {
	STREAM_ANSWER,
	STREAM_STALE, // a kept connection turned out to be closed: ask again
	STREAM_REFUSED, // its certificate is not what it should be
	STREAM_FAILED,
};

// Called once, never inside stream_ask. msg is valid during the call.
typedef void stream_done_fn(
	void *ctx, enum stream_outcome outcome, const uint8_t *msg, size_t size_bytes);

struct stream_query {
	struct group *group;
	struct upstream *upstream;
	const uint8_t *bytes; // copied
	size_t size_bytes;
	stream_done_fn *done;
	void *ctx;
};

// Asks on a kept connection or a new one. 0 or -errno. *out is for stream_cancel, until done.
[[nodiscard]] int stream_ask(
	struct stream_pool *p, const struct stream_query *q, struct stream **out);

// Closes the connection without a call of done.
void stream_cancel(struct stream *s);
