// SPDX-License-Identifier: Apache-2.0
// Writes and recognises one question.
#include "slowpath/message/ask.h"

#include "zones/base/siphash.h"
#include "zones/base/wrbuf.h"

#include <string.h>

size_t ask_write(const struct ask *a, uint16_t id, enum ask_edns edns, uint8_t out[ASK_MAX_BYTES])
{
	struct wrbuf w = wrbuf_of(out, ASK_MAX_BYTES);
	unsigned flags = HEADER_AD;

	flags |= a->is_rd ? HEADER_RD : 0u;
	flags |= a->is_cd ? HEADER_CD : 0u;
	wrbuf_u16(&w, id);
	wrbuf_u16(&w, (uint16_t)flags);
	wrbuf_u16(&w, 1);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, 0);
	wrbuf_u16(&w, edns == ASK_WITH_EDNS ? 1 : 0);
	wrbuf_bytes(&w, a->name.wire, a->name.size_bytes);
	wrbuf_u16(&w, a->type);
	wrbuf_u16(&w, ask_wire_class(a));
	if (edns == ASK_WITH_EDNS) {
		wrbuf_u8(&w, 0);
		wrbuf_u16(&w, RR_TYPE_OPT);
		wrbuf_u16(&w, DNS_UDP_MAX_BYTES); // proto:F8
		wrbuf_u16(&w, 0);
		wrbuf_u16(&w, a->is_do ? 0x8000 : 0);
		wrbuf_u16(&w, 0);
	}
	return w.pos;
}

size_t ask_write_options(const struct ask_options *o, size_t size_bytes, uint8_t out[ASK_MAX_BYTES])
{
	if (size_bytes + o->size_bytes > ASK_MAX_BYTES)
		return size_bytes; // cannot be: the longest name leaves room for all
	be16_put(out + size_bytes - 2, o->size_bytes);
	memcpy(out + size_bytes, o->bytes, o->size_bytes);
	return size_bytes + o->size_bytes;
}

bool ask_options_add(struct ask_options *o, uint16_t code, const uint8_t *data, uint16_t size_bytes)
{
	uint8_t *out = o->bytes + o->size_bytes;

	if (4u + size_bytes > (size_t)ASK_OPTIONS_MAX_BYTES - o->size_bytes)
		return false;
	be16_put(out, code);
	be16_put(out + 2, size_bytes);
	if (size_bytes > 0)
		memcpy(out + 4, data, size_bytes);
	o->size_bytes = (uint16_t)(o->size_bytes + 4u + size_bytes);
	return true;
}

uint64_t ask_options_mark(const struct ask_options *o, const uint8_t key[16])
{
	return o->size_bytes == 0 ? 0 : siphash24(key, o->bytes, o->size_bytes) | 1;
}

enum ask_match ask_judge(const struct ask *a, uint16_t id, const uint8_t *msg, size_t size_bytes)
{
	size_t name_size = a->name.size_bytes;
	const uint8_t *behind = msg + DNS_HEADER_BYTES + name_size;

	if (size_bytes < DNS_HEADER_BYTES || !(msg[2] & 0x80))
		return ASK_OTHER;
	if (be16_get(msg) != id)
		return ASK_WRONG_ID;
	// The question as we sent it, byte for byte: upstreams copy it (RFC 1035 4.1.1).
	if (size_bytes < DNS_HEADER_BYTES + name_size + 4 || (be16_get(msg + 2) & HEADER_OPCODE) ||
		be16_get(msg + 4) != 1 ||
		memcmp(msg + DNS_HEADER_BYTES, a->name.wire, name_size) != 0)
		return ASK_OTHER;
	if (be16_get(behind) != a->type || be16_get(behind + 2) != ask_wire_class(a))
		return ASK_OTHER;
	return ASK_ANSWER;
}

bool ask_is_equal(const struct ask *a, const struct ask *b)
{
	return a->type == b->type && a->class == b->class && a->is_do == b->is_do &&
		a->is_cd == b->is_cd && a->is_rd == b->is_rd && a->options == b->options &&
		a->name.size_bytes == b->name.size_bytes &&
		memcmp(a->name.wire, b->name.wire, a->name.size_bytes) == 0;
}

uint64_t ask_hash(const struct ask *a, const uint8_t key[16])
{
	uint8_t bytes[DNS_NAME_MAX_BYTES + 3 + sizeof(a->options) + sizeof(a->class)];
	size_t n = a->name.size_bytes;

	memcpy(bytes, a->name.wire, n);
	be16_put(bytes + n, a->type);
	bytes[n + 2] = (uint8_t)(a->is_do | a->is_cd << 1 | a->is_rd << 2);
	n += 3;
	if (a->options != 0) {
		memcpy(bytes + n, &a->options, sizeof(a->options));
		n += sizeof(a->options);
	}
	if (a->class != 0) {
		be16_put(bytes + n, a->class);
		n += sizeof(a->class);
	}
	return siphash24(key, bytes, n);
}
