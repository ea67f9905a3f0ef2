// SPDX-License-Identifier: Apache-2.0
// Health checks (k8s:2.13 health_check): begun after a query failed, repeated until one succeeds.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/group.h"
#include "slowpath/forward/stream.h"

struct probes;

// One thread's checks. NULL when memory is short.
struct probes *probes_new(struct loop *loop, struct stream_pool *pool);
void probes_free(struct probes *p); // NULL is fine

// Begins to check the upstream unless some thread does already. is_retired: of the plan, ends it.
void probe_start(struct probes *p, struct group *g, struct upstream *u, atomic_bool *is_retired);
