// SPDX-License-Identifier: Apache-2.0
// Handing an image over: the messages between control (sender) and the supervisor, the slow path
// and the dataplane (receivers), and the sealed memfd that carries the bytes.
#pragma once

#include "zones/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define PUBLISH_MAGIC 0x42353350u // "P53B"

// How long a receiver that starts without a snapshot lets questions wait for the first one: less
// than the three seconds after which neighbours give up asking for an address (RFC 4861, 10).
enum { PUBLISH_FIRST_MS = 2000 };

enum publish_type {
	PUBLISH_BASE = 1, // with one memfd: replaces base; an overlay on the old base is dropped
	PUBLISH_OVERLAY = 2, // with one memfd: replaces the overlay
	PUBLISH_ACK = 3, // receiver's answer: status 0, or -errno and a reason
	PUBLISH_PAIR_NEXT = 4, // with one memfd: a new base; takes effect with the overlay that
			       // follows, both by one store (DESIGN 3, Layers)
	PUBLISH_WANT = 5, // to the supervisor: send me what you have. It sends base, overlay and
			  // counters (each with its memfd, what it lacks left out), then an ack
	PUBLISH_COUNTERS = 6, // with the counters' memfd, opened for reading
	PUBLISH_CAPTURE = 7, // to the supervisor, with a struct capture_filter as memfd: have
			     // frames captured until this connection ends
};

struct publish_msg {
	uint32_t magic;
	uint32_t type;
	uint64_t size_bytes;
	uint64_t generation;
	uint64_t hash;
	uint64_t event_monotonic_ns; // newest API event inside (CLOCK_MONOTONIC), 0 unknown
	int32_t status;
	uint32_t reserved;
	char reason[160];
};

// A new memfd holding what fill writes, sealed against every change. Returns the fd or -errno.
// The writer gets size_bytes writable bytes.
typedef void publish_fill_fn(void *ctx, uint8_t *out);
[[nodiscard]] int publish_memfd(
	const char *name, size_t size_bytes, publish_fill_fn *fill, void *ctx);

// Maps a received memfd read-only after checking type, size and all four seals (rel:6.4); the fd
// stays the caller's. On success *bytes must be unmapped with publish_unmap.
[[nodiscard]] int publish_map(int fd, uint64_t size_bytes, const void **bytes, struct err *err);
void publish_unmap(const void *bytes, uint64_t size_bytes);

// Saves an image on disk: temporary file, fsync, rename, fsync of the folder (rel:F6). 0 or -errno.
[[nodiscard]] int publish_save(const char *path, const void *bytes, uint64_t size_bytes);

// Reads a saved image into own memory (malloc, owned by the caller) so that nobody can change it
// between check and use. 0 or -errno; *age_s is how long ago it was saved, *same_boot whether in
// this boot.
struct publish_saved {
	void *bytes;
	uint64_t size_bytes;
	uint64_t age_s;
	int same_boot;
};
[[nodiscard]] int publish_load(const char *path, struct publish_saved *out);
