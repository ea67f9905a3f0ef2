// SPDX-License-Identifier: Apache-2.0
// A small table from the hash of a suffix to where it stands.
#include "slowpath/message/compress.h"

#include "zones/wire/dname.h"

#include <stdbool.h>
#include <string.h>

enum { POINTER_MAX = 0x3fff };

// The labels of a name: where they begin, and the hash of what begins there.
struct suffixes {
	unsigned n; // without the root
	uint8_t off[128];
	uint32_t hash[128];
};

static void suffixes_of(const uint8_t *wire, struct suffixes *s)
{
	uint32_t hash = 2166136261u;

	s->n = 0;
	for (size_t pos = 0; wire[pos] != 0; pos += 1u + wire[pos])
		s->off[s->n++] = (uint8_t)pos;
	for (unsigned i = s->n; i-- > 0;) {
		const uint8_t *label = wire + s->off[i];
		for (unsigned k = 0; k <= label[0]; k++)
			hash = (hash ^ dname_lower_byte(label[k])) * 16777619u;
		s->hash[i] = hash;
	}
}

// Whether the name at pos of our own message (whose pointers are good) equals wire.
static bool stands_at(const struct wrbuf *w, size_t pos, const uint8_t *wire)
{
	for (;;) {
		const uint8_t *p = w->base + pos;
		if (*p >= 0xc0) {
			pos = (size_t)(*p & 0x3f) << 8 | p[1];
			continue;
		}
		for (unsigned k = 0; k <= *p; k++) {
			if (dname_lower_byte(p[k]) != dname_lower_byte(wire[k]))
				return false;
		}
		if (*p == 0)
			return true;
		pos += 1u + *p;
		wire += 1u + *wire;
	}
}

static uint16_t find(const struct compress *c, uint32_t hash, const uint8_t *wire)
{
	for (unsigned i = 0; i < COMPRESS_SLOTS; i++) {
		const struct compress_slot *s = &c->slots[(hash + i) % COMPRESS_SLOTS];
		if (s->pos == 0)
			return 0;
		if (s->hash == hash && stands_at(c->w, s->pos, wire))
			return s->pos;
	}
	return 0;
}

static void add(struct compress *c, uint32_t hash, size_t pos)
{
	if (c->n == COMPRESS_NAMES_MAX || pos > POINTER_MAX)
		return;
	for (unsigned i = 0; i < COMPRESS_SLOTS; i++) {
		struct compress_slot *s = &c->slots[(hash + i) % COMPRESS_SLOTS];
		if (s->pos != 0)
			continue;
		*s = (struct compress_slot){hash, (uint16_t)pos};
		c->n++;
		return;
	}
}

void compress_init(struct compress *c, struct wrbuf *w)
{
	memset(c, 0, sizeof(*c));
	c->w = w;
}

void compress_learn(struct compress *c, const uint8_t *wire, size_t pos)
{
	struct suffixes s;

	suffixes_of(wire, &s);
	for (unsigned i = 0; i < s.n; i++)
		add(c, s.hash[i], pos + s.off[i]);
}

void compress_name(struct compress *c, const uint8_t *wire)
{
	struct suffixes s;
	size_t start = c->w->pos;
	uint16_t at = 0;
	unsigned i;

	suffixes_of(wire, &s);
	for (i = 0; i < s.n; i++) {
		at = find(c, s.hash[i], wire + s.off[i]);
		if (at != 0)
			break;
	}
	// The labels in front of what was found, then the pointer, or the root.
	wrbuf_bytes(c->w, wire, i < s.n ? s.off[i] : dname_size(wire, DNS_NAME_MAX_BYTES) - 1);
	if (i < s.n)
		wrbuf_u16(c->w, (uint16_t)(0xc000 | at));
	else
		wrbuf_u8(c->w, 0);
	for (unsigned k = 0; k < i && !c->w->full; k++)
		add(c, s.hash[k], start + s.off[k]);
}
