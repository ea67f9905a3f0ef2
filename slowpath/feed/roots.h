// SPDX-License-Identifier: Apache-2.0
// The snapshots that the threads read. One writer (the feed) publishes a new root by one store;
// each reader says once per turn of its loop that it holds nothing, and the writer frees a root
// only when every reader has said so since. Readers never wait and take no lock.
#pragma once

#include "slowpath/base/holder.h"
#include "zones/image/image.h"
#include "zones/scope/scope_map.h"
#include "zones/snapshot/snapshot.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { ROOTS_READERS_MAX = 64 };

// One mapped and checked image, counted because a base outlives many overlays. Writer only.
struct layer {
	struct image image;
	const void *bytes; // publish_unmap when the last user is gone
	uint64_t size_bytes;
	unsigned users;
};

// What a reader sees during one turn. Immutable once published.
struct root {
	struct snapshot snapshot;
	uint64_t generation; // of the newest image, 0 without
	struct holder *plan; // what the policy of the newest image has become, or NULL; held
	struct scope_map scopes; // of the newest image; empty when nothing is counted
	struct layer *base, *overlay; // writer only
	struct root *next; // writer only: retired
	uint64_t retired_at; // writer only
};

struct reader {
	_Alignas(64) _Atomic uint64_t seen; // UINT64_MAX: holds nothing
};

struct roots {
	_Atomic(struct root *) current; // writer: wo, readers: ro
	_Atomic uint64_t version;
	struct root *retired;
	struct scope_table *table; // borrowed; NULL: nothing is counted; set before the first image
	unsigned n_readers;
	struct reader readers[ROOTS_READERS_MAX];
};

// Starts with an empty root. 0 or -ENOMEM.
[[nodiscard]] int roots_init(struct roots *r, unsigned n_readers);
// Frees everything; no reader may be left.
void roots_fini(struct roots *r);

// Reader i begins a turn: the root stays valid until roots_leave.
const struct root *roots_enter(struct roots *r, unsigned i);
void roots_leave(struct roots *r, unsigned i);

// A mapped image becomes a layer (it takes bytes), or NULL when memory is short (it does not).
struct layer *layer_new(const struct image *image, const void *bytes, uint64_t size_bytes);
// For a layer that was never published.
void layer_free(struct layer *l);

// Publishes base and overlay (NULL for none) with a plan (NULL for none); all are taken, also on
// failure. The layers may be those of the current root. 0 or -ENOMEM.
[[nodiscard]] int roots_publish(
	struct roots *r, struct layer *base, struct layer *overlay, struct holder *plan);

// The writer's view of the current root.
const struct root *roots_current(const struct roots *r);

// Frees what no reader can hold any more; returns how many retired roots are left.
size_t roots_reclaim(struct roots *r);
