// SPDX-License-Identifier: Apache-2.0
// What the snapshot does not answer: the chain of the punting step, which is a cache in front of
// forwards.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/fetch.h"
#include "slowpath/serve/serve.h"

struct outside_thread;

struct outside_options {
	struct loop *loop; // of the thread
	struct fetcher *const *fetchers; // of all threads, n_threads of them; borrowed
	unsigned n_threads;
	unsigned max_pending; // queries of this thread that may wait
	unsigned keep_inside; // enum inside_kind: names that are not forwarded
};

// One thread's part; it goes into server.outside_ctx. NULL when memory is short.
struct outside_thread *outside_new(const struct outside_options *o);
void outside_free(struct outside_thread *t); // no query may wait any more; NULL is fine

// For server.outside.
enum serve_verdict outside_answer(struct server *s, const struct outside *o, struct wrbuf *w);
