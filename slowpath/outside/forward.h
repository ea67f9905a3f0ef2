// SPDX-License-Identifier: Apache-2.0
// A question that has come to `forward`: the cache, then the upstreams. Private to
// slowpath/outside.
#pragma once

#include "slowpath/forward/plan.h"
#include "slowpath/serve/serve.h"

// plan and its chain are those of o->step. Replies at once or later; whoever waits holds the plan.
enum serve_verdict forward_answer(struct server *s, const struct outside *o, struct plan *plan,
	const struct plan_chain *chain, struct wrbuf *w);
