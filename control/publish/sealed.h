// SPDX-License-Identifier: Apache-2.0
// From a built image to a sealed memfd that can be handed over.
#pragma once

#include "zones/base/err.h"
#include "zones/image/build.h"

#include <stdint.h>

struct sealed {
	int fd; // owned; -1 for none
	uint64_t size_bytes, generation, hash;
	uint64_t base_generation, base_hash; // of an overlay
	uint32_t corefile; // see struct image_header
};

// Seals, lays out and writes the image; b is taken in any case. Any thread. On failure -errno, the
// reason in e, and out->fd -1.
[[nodiscard]] int sealed_make(struct image_build *b, struct sealed *out, struct err *e);

// Closes the descriptor; leaves it -1.
void sealed_close(struct sealed *s);
