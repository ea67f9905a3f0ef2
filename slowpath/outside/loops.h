// SPDX-License-Identifier: Apache-2.0
// `loop`: whether upstreams send our own questions back to us (k8s:2.13). For each server block
// with the directive a question for a name by chance goes to its upstreams; when it comes back,
// that forward answers SERVFAIL until a later one does not. Nothing of it ends the process.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/fetch.h"
#include "slowpath/serve/serve.h"

#include <stdbool.h>

struct loops_options {
	struct loop *loop; // of the thread
	const struct server *server; // of the thread
	struct fetcher *const *fetchers; // of all threads, n_threads of them; borrowed
	unsigned n_threads;
};

// Embedded by one thread, which asks for all; zeroed at first.
struct loops {
	struct loops_options o;
	struct timer timer;
};

void loops_start(struct loops *l, const struct loops_options *o);

// Whether the query is one of ours that has come back; its forward is then known to loop. Any
// thread.
bool loops_saw(const struct plan_chain *chain, const struct query *q);
