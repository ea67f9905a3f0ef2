// SPDX-License-Identifier: Apache-2.0
// Mapped, checked and indexed images, and the roots made of them: the writer's side of
// dataplane/index/root.h. Only the snapshot thread calls this.
#pragma once

#include "dataplane/index/root.h"

#include "zones/base/err.h"
#include "zones/link/counters.h"

#include <stddef.h>
#include <stdint.h>

enum { LAYERS_RETIRED_MAX = 64 };

// One image, counted because a base outlives many overlays.
struct layer {
	struct image image;
	const void *bytes; // mapping, owned
	uint64_t size_bytes;
	struct index *index; // owned
	unsigned users;
};

// A root with what it holds.
struct layered_root {
	struct root root; // first: readers know only this
	struct layer *base, *overlay;
	uint64_t token; // of QSBR, once replaced
	struct layered_root *next;
};

// What making a layer takes.
struct layer_maker {
	struct index_secret secret; // renewed when names collide
	struct snapshot_counters *counters; // borrowed
};

struct layers {
	struct roots *roots; // borrowed
	const struct root_addresses *addresses; // borrowed
	struct layer_maker maker;
	struct layered_root *current;
	struct layered_root *retired;
	unsigned n_retired;
	struct snapshot_counters *counters; // borrowed
	struct scope_table *scopes; // borrowed
};

// What counts, and under which numbers.
struct layers_counters {
	struct snapshot_counters *snapshots; // borrowed
	struct scope_table *scopes; // borrowed
};

// Publishes the root without an image. 0 or -errno.
[[nodiscard]] int layers_init(struct layers *l, struct roots *roots,
	const struct root_addresses *addresses, const struct layers_counters *counters);
// Workers must have stopped.
void layers_fini(struct layers *l);

// Maps, checks and indexes what fd (stays the caller's) holds; every page has been touched then.
// NULL and *err when it is refused.
struct layer *layer_open(
	struct layer_maker *m, int fd, uint64_t size_bytes, enum image_kind kind, struct err *err);
// For a layer that no root holds; NULL is fine.
void layer_free(struct layer *layer);

// Publishes base and overlay (NULL: none) by one store; takes both, also when it fails. 0 or
// -errno with *err: -EBUSY while workers hold too many old roots.
[[nodiscard]] int layers_publish(
	struct layers *l, struct layer *base, struct layer *overlay, struct err *err);

// Frees the roots that no worker can hold any more, without waiting; returns how many are left.
unsigned layers_reclaim(struct layers *l);
