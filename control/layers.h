// SPDX-License-Identifier: Apache-2.0
// The two layers of the snapshot (DESIGN 3): bases cut from the whole store, overlays with the
// units that changed since. A base is synthesised in steps while changes go on: a unit that changes
// after the cut is left out of it, because every overlay on it carries the unit's names whole.
#pragma once

#include "control/aliases.h"
#include "control/dirty.h"
#include "control/setup.h"
#include "zones/image/build.h"

#include <stdint.h>

struct layers_stats {
	uint64_t skipped; // names and values that cannot be served (rel:K5)
	uint64_t capped; // sets larger than a message
};

struct layers {
	struct setup *setup; // borrowed
	struct aliases aliases;
	struct dirty since; // the base that is served
	struct dirty next; // the base in the making
	bool has_base, is_cutting;
	uint64_t base_generation, base_hash;
	// The base in the making.
	struct image_build *build;
	size_t instance;
	int walk; // enum store_walk; -1: the fixed names come first
	size_t units; // synthesised so far
	int failed; // -ENOMEM: some change could not be noted, only a new base helps
	struct layers_stats stats;
};

void layers_init(struct layers *l, struct setup *setup);
void layers_fini(struct layers *l);

// Enters the aliases of a cluster that has synced.
[[nodiscard]] int layers_synced(struct layers *l, const struct cluster *c);

// In front of a change of an object: notes the units, moves the serials to now_s.
void layers_changing(struct layers *l, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new, uint32_t now_s);

// Begins a base. 0 or -ENOMEM.
[[nodiscard]] int layers_cut(struct layers *l, uint64_t generation, uint32_t serial);
// Synthesises about n units of it. 1: there is more, 0: complete, or -errno.
[[nodiscard]] int layers_step(struct layers *l, size_t n);
// The complete base, to be sealed by any thread; owned by the caller.
struct image_build *layers_take(struct layers *l);
// From now on overlays stand on the base with this identity.
void layers_switch(struct layers *l, uint64_t generation, uint64_t hash);
// Forgets the base in the making.
void layers_abandon(struct layers *l);

// An overlay on the served base with all that changed since, or NULL when memory is short.
struct image_build *layers_overlay(struct layers *l, uint64_t generation, uint32_t serial);

// The newest serial of all instances.
uint32_t layers_serial(const struct layers *l);
