// SPDX-License-Identifier: Apache-2.0
// The policy of the image at work: its chains with their caches and upstreams. Made when the
// policy's bytes (or a file that they name) change, shared by all threads, kept while a query under
// way needs it. A new plan begins with empty caches: no answer survives its policy (DESIGN 4).
#pragma once

#include "slowpath/base/holder.h"
#include "slowpath/cache/cache.h"
#include "slowpath/forward/files.h"
#include "slowpath/forward/group.h"
#include "slowpath/plugin/plugin.h"
#include "zones/base/arena.h"
#include "zones/image/policy.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One operation; which pointer counts follows from the kind.
struct plan_op {
	uint8_t kind; // enum policy_kind
	uint16_t line;
	uint16_t ordinal; // step_ordinal
	struct cache *cache;
	struct group *group; // NULL: its upstreams cannot be used now
	const struct plugin *plugin;
	bool is_broken; // the plugin cannot work now, queries that reach it get SERVFAIL
	const void *data; // for the plugin
	void *state; // of the plugin
};

// A chain's `loop`: see slowpath/outside/loops.h, whose thread alone uses what is not atomic.
struct plan_loop {
	const uint8_t *zone; // of the server block
	uint64_t mark; // in the names of all its probes
	_Atomic uint64_t number; // of the last one, 0 before the first
	atomic_bool came_back; // the last one
	bool is_asking;
	unsigned n_tries;
	uint64_t due_ms;
};

struct plan_chain {
	struct plan_op *ops;
	size_t n;
	struct plan_loop *loop; // NULL: none
};

struct plan {
	struct holder holder; // first
	struct arena arena;
	struct policy_set policy;
	struct plan_chain *chains;
	uint8_t *bytes; // of the policy, to compare
	size_t size_bytes;
	struct upstream_files files; // only for the thread that makes plans
	uint8_t hash_key[16];
	uint64_t id; // no other plan has it, not 0
	atomic_bool is_retired; // a newer plan is in use
	struct outside_counters *counters; // borrowed; NULL: nothing is counted
};

// The plan of an image's policy part: the old one (NULL for none) when nothing has changed, else a
// new one. Returns it held for the caller, or NULL when memory is short. What is wrong with an
// upstream is logged and makes only its forward fail. Caches and upstreams count in counters (NULL:
// nowhere).
struct plan *plan_make(const uint8_t *bytes, size_t size_bytes, struct plan *old,
	struct outside_counters *counters);

// Whether what the plan was made from a file would be made otherwise now. One that cannot be used
// any more changes nothing.
bool plan_is_outdated(struct plan *p);

// The chain with a number counted from 1, or NULL.
const struct plan_chain *plan_chain_at(const struct plan *p, uint32_t number);

// The operation of a directive, or NULL.
const struct plan_op *chain_op(const struct plan_chain *c, uint16_t ordinal);

// The first cache for the name, or NULL.
struct cache *chain_cache(const struct plan_chain *c, const struct dname *name);

// Whether a forward for the name cannot be used.
bool chain_is_broken(const struct plan_chain *c, const struct dname *name);

// The first forward for the name at or behind operation *at, which is set to it; or NULL.
struct group *chain_group(const struct plan_chain *c, const struct dname *name, size_t *at);
