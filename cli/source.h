// SPDX-License-Identifier: Apache-2.0
// A snapshot for a command to look at: of a running instance, made of a saved cluster, or saved.
#pragma once

#include "zones/base/err.h"
#include "zones/snapshot/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
	struct snapshot snapshot; // points into this struct
	struct image base, overlay;
	const void *base_bytes, *overlay_bytes; // mappings
	uint64_t base_size_bytes, overlay_size_bytes;
	bool is_kernel; // of an instance without workers: the slow path answers everything
};

// What the running instance's supervisor has. 0 or -errno.
[[nodiscard]] int source_from_running(const char *run_dir, struct source *s, struct err *err);

// What control makes of a dump and a Corefile: it is run for that, on a directory of its own.
[[nodiscard]] int source_from_dump(
	const char *dump, const char *conf, struct source *s, struct err *err);

// An image file, or a folder with base.img and perhaps overlay.img (a state directory).
[[nodiscard]] int source_from_saved(const char *path, struct source *s, struct err *err);

// True when the path is what source_from_saved takes.
bool source_is_saved(const char *path);

// What a word on the command line means: "live" is the running instance, else a path to something
// saved or to a dump. conf is needed for a dump only and may be NULL.
struct source_word {
	const char *word, *conf, *run_dir;
};
[[nodiscard]] int source_from_word(
	const struct source_word *word, struct source *s, struct err *err);

// Take the image in a sealed memfd (which stays the caller's); base first. For the functions above.
[[nodiscard]] int source_take_base(struct source *s, int fd, uint64_t size_bytes, struct err *err);
[[nodiscard]] int source_take_overlay(
	struct source *s, int fd, uint64_t size_bytes, struct err *err);

// Accepts the zeroed struct.
void source_close(struct source *s);
