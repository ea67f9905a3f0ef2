// SPDX-License-Identifier: Apache-2.0
// A snapshot for a command to look at: of a running instance, or made of a saved cluster.
#pragma once

#include "zones/base/err.h"
#include "zones/snapshot/snapshot.h"

#include <stddef.h>
#include <stdint.h>

struct source {
	struct snapshot snapshot; // points into this struct
	struct image base, overlay;
	const void *base_bytes, *overlay_bytes; // mappings
	uint64_t base_size_bytes, overlay_size_bytes;
};

// What the running instance's supervisor has. 0 or -errno.
[[nodiscard]] int source_from_running(const char *run_dir, struct source *s, struct err *err);

// What control makes of a dump and a Corefile: it is run for that, on a directory of its own.
[[nodiscard]] int source_from_dump(
	const char *dump, const char *conf, struct source *s, struct err *err);

// Accepts the zeroed struct.
void source_close(struct source *s);
