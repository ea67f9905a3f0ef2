// SPDX-License-Identifier: Apache-2.0
// A write cursor into storage the caller owns. A write that does not fit sets `full` and writes
// nothing; callers check `full` once at the end.
#pragma once

#include "zones/base/be.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wrbuf {
	uint8_t *base; // borrowed
	size_t size_bytes;
	size_t pos;
	bool full;
};

static inline struct wrbuf wrbuf_of(void *bytes, size_t size_bytes)
{
	return (struct wrbuf){.base = bytes, .size_bytes = size_bytes};
}

static inline size_t wrbuf_room(const struct wrbuf *w)
{
	return w->full ? 0 : w->size_bytes - w->pos;
}

// Reserves n bytes and returns them, or NULL and `full`.
static inline uint8_t *wrbuf_claim(struct wrbuf *w, size_t n)
{
	if (wrbuf_room(w) < n) {
		w->full = true;
		return NULL;
	}
	uint8_t *p = w->base + w->pos;
	w->pos += n;
	return p;
}

static inline void wrbuf_bytes(struct wrbuf *w, const void *bytes, size_t n)
{
	uint8_t *p = wrbuf_claim(w, n);

	if (p != NULL && n > 0)
		memcpy(p, bytes, n);
}

static inline void wrbuf_u8(struct wrbuf *w, uint8_t v)
{
	uint8_t *p = wrbuf_claim(w, 1);

	if (p != NULL)
		*p = v;
}

static inline void wrbuf_u16(struct wrbuf *w, uint16_t v)
{
	uint8_t *p = wrbuf_claim(w, 2);

	if (p != NULL)
		be16_put(p, v);
}

static inline void wrbuf_u32(struct wrbuf *w, uint32_t v)
{
	uint8_t *p = wrbuf_claim(w, 4);

	if (p != NULL)
		be32_put(p, v);
}
