// SPDX-License-Identifier: Apache-2.0
// Writes names with compression pointers (RFC 1035 4.1.4). Work and memory per message are bounded:
// suffixes are found by hash, and only the first so many are remembered (proto:N9).
#pragma once

#include "zones/base/wrbuf.h"

#include <stdint.h>

enum { COMPRESS_SLOTS = 256, COMPRESS_NAMES_MAX = 128 };

struct compress_slot {
	uint32_t hash;
	uint16_t pos; // 0: free
};

struct compress {
	struct wrbuf *w; // its base is the message's first byte
	unsigned n;
	struct compress_slot slots[COMPRESS_SLOTS];
};

void compress_init(struct compress *c, struct wrbuf *w);

// Remembers the name that stands at pos, and its parents.
void compress_learn(struct compress *c, const uint8_t *wire, size_t pos);

// Appends a name, as a pointer where its end was written before.
void compress_name(struct compress *c, const uint8_t *wire);
