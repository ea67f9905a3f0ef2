// SPDX-License-Identifier: Apache-2.0
// A read cursor over foreign bytes. Every read checks the bounds; a failed read sets `bad`, yields
// zeros, and every later read fails too, so callers check `bad` once at the end.
#pragma once

#include "zones/base/be.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdbuf {
	const uint8_t *base; // borrowed
	size_t size_bytes;
	size_t pos;
	bool bad;
};

static inline struct rdbuf rdbuf_of(const void *bytes, size_t size_bytes)
{
	return (struct rdbuf){.base = bytes, .size_bytes = size_bytes};
}

static inline size_t rdbuf_left(const struct rdbuf *r)
{
	return r->bad ? 0 : r->size_bytes - r->pos;
}

// Borrowed pointer to n bytes, or NULL and `bad` when fewer are left.
static inline const uint8_t *rdbuf_take(struct rdbuf *r, size_t n)
{
	if (rdbuf_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->base + r->pos;
	r->pos += n;
	return p;
}

static inline uint8_t rdbuf_u8(struct rdbuf *r)
{
	const uint8_t *p = rdbuf_take(r, 1);

	return p == NULL ? 0 : *p;
}

static inline uint16_t rdbuf_u16(struct rdbuf *r)
{
	const uint8_t *p = rdbuf_take(r, 2);

	return p == NULL ? 0 : be16_get(p);
}

static inline uint32_t rdbuf_u32(struct rdbuf *r)
{
	const uint8_t *p = rdbuf_take(r, 4);

	return p == NULL ? 0 : be32_get(p);
}
