// SPDX-License-Identifier: Apache-2.0
// Walks the records of a precompiled answer: each must end where the section says, hold rdata of
// its type's form, and have an owner that the reply can carry.
#include "zones/image/check_section.h"

#include "zones/base/rdbuf.h"
#include "zones/wire/dname.h"

#include <stdbool.h>

enum {
	OWNER_POINTER = 0xc00c,
	POINTER_MAX = 0xff00, // room to move with a longer question
};

struct walk {
	const struct image_section *s;
	struct rdbuf rrs;
	const uint8_t *asked; // the name that the section answers, without underscores in front
	size_t asked_bytes; // 0: none
	size_t base_bytes; // of the message before the first RR
	uint32_t n_pointers; // names that end in a pointer
};

// The size of the name at this place of the message: one that the question ends in, but the whole
// question. 0 when none begins there.
static size_t question_suffix(const struct walk *w, size_t pos)
{
	size_t end = DNS_HEADER_BYTES + (size_t)w->s->qname_size;
	size_t at = w->asked_bytes + pos - end; // they end alike

	if (pos <= DNS_HEADER_BYTES || pos >= end - 1 || end - pos >= w->asked_bytes)
		return 0;
	for (size_t i = 0; i < w->asked_bytes && i <= at; i += 1u + w->asked[i]) {
		if (i == at)
			return end - pos;
	}
	return 0;
}

struct place {
	size_t pos, end; // the next label, and where the labels here must have ended
	size_t behind; // the name's own bytes, 0 before the first pointer
	size_t size; // of the labels so far
};

// Follows the pointer at p->pos. 1: the rest of the name is the question's; 0: p is where it goes
// on; -1: it may not.
static int pointer_follow(const struct walk *w, struct place *p)
{
	if (p->pos + 2 > p->end)
		return -1;
	size_t target = be16_get(w->rrs.base + p->pos) & 0x3fffu;
	size_t rest = question_suffix(w, target);
	if (p->behind == 0)
		p->behind = p->pos + 2;
	if (rest != 0)
		return p->size + rest > DNS_NAME_MAX_BYTES ? -1 : 1;
	target -= w->base_bytes; // huge when it aims in front of the section
	if (target >= p->pos)
		return -1;
	p->end = p->pos;
	p->pos = target;
	return 0;
}

// Walks the labels at pos, which may not reach end, and strictly backwards through pointers into
// the section or the question. Returns the position behind the name's own bytes, 0 when it is
// malformed.
static size_t name_walk(const struct walk *w, size_t pos, size_t end, bool *has_pointer)
{
	struct place at = {.pos = pos, .end = end};

	while (at.pos < at.end) {
		uint8_t len = w->rrs.base[at.pos];
		if (len >= 0xc0) {
			int rc = pointer_follow(w, &at);
			*has_pointer = true;
			if (rc != 0)
				return rc < 0 ? 0 : at.behind;
			continue;
		}
		at.size += 1u + len;
		if (len > DNS_LABEL_MAX_BYTES || at.size > DNS_NAME_MAX_BYTES ||
			at.pos + 1 + len > at.end)
			return 0;
		at.pos += 1u + len;
		if (len == 0)
			return at.behind == 0 ? at.pos : at.behind;
	}
	return 0;
}

// A name of a record; its bytes must end by `end`.
static bool name_ok(struct walk *w, size_t end)
{
	bool has_pointer = false;
	size_t behind = name_walk(w, w->rrs.pos, end, &has_pointer);

	if (behind == 0)
		return false;
	w->n_pointers += has_pointer;
	w->rrs.pos = behind;
	return true;
}

// The owner: the question's name, one that it ends in or inside the records before it, or spelled
// out.
static bool owner_ok(struct walk *w)
{
	if (rdbuf_left(&w->rrs) >= 2 && be16_get(w->rrs.base + w->rrs.pos) == OWNER_POINTER) {
		w->rrs.pos += 2;
		return true;
	}
	return name_ok(w, w->rrs.size_bytes);
}

static bool name_fills(const uint8_t *rdata, size_t size)
{
	return size != 0 && dname_size(rdata, size) == size;
}

static bool text_fills(const uint8_t *rdata, size_t size)
{
	size_t pos = 0;

	while (pos < size)
		pos += 1u + rdata[pos];
	return pos == size && size > 0;
}

// Bytes of one or two labels and the pointer to the zone behind them, or 0.
static size_t soa_name_bytes(const uint8_t *rdata, size_t size)
{
	size_t pos = 0;

	for (int i = 0; i < 2 && pos < size && rdata[pos] > 0 && rdata[pos] < 0x40; i++)
		pos += 1u + rdata[pos];
	return pos > 0 && pos + 2 <= size && be16_get(rdata + pos) == OWNER_POINTER ? pos + 2 : 0;
}

// k8s:2.1: server and mailbox in the zone, and five numbers.
static bool soa_fills(const uint8_t *rdata, size_t size)
{
	size_t server = soa_name_bytes(rdata, size);
	size_t mailbox = server == 0 ? 0 : soa_name_bytes(rdata + server, size - server);

	return mailbox > 0 && server + mailbox + 5 * sizeof(uint32_t) == size;
}

static bool rdata_ok(uint16_t type, const uint8_t *rdata, size_t size)
{
	switch (type) {
	case RR_TYPE_A:
		return size == 4;
	case RR_TYPE_AAAA:
		return size == 16;
	case RR_TYPE_NS:
		return name_fills(rdata, size);
	case RR_TYPE_SRV:
		return size > 6 && name_fills(rdata + 6, size - 6);
	case RR_TYPE_TXT:
		return text_fills(rdata, size);
	case RR_TYPE_SOA:
		return soa_fills(rdata, size);
	default:
		return false; // the builder writes no others
	}
}

static bool rr_ok(struct walk *w)
{
	if (!owner_ok(w))
		return false;
	uint16_t type = rdbuf_u16(&w->rrs);
	uint16_t class = rdbuf_u16(&w->rrs);
	uint32_t ttl = rdbuf_u32(&w->rrs);
	uint16_t size = rdbuf_u16(&w->rrs);
	size_t end = w->rrs.pos + size;
	if (type == RR_TYPE_CNAME || type == RR_TYPE_PTR) // the target may be compressed
		return class == RR_CLASS_IN && ttl <= INT32_MAX && end <= w->rrs.size_bytes &&
			name_ok(w, end) && w->rrs.pos == end;
	const uint8_t *rdata = rdbuf_take(&w->rrs, size);
	return rdata != NULL && class == RR_CLASS_IN && ttl <= INT32_MAX &&
		rdata_ok(type, rdata, size);
}

// Every RR, and where it ends by stride or table.
static bool rrs_ok(struct walk *w)
{
	const struct image_section *s = w->s;
	const uint32_t *ends = image_section_ends(s);
	uint32_t n = (uint32_t)s->n_an + s->n_ar;

	for (uint32_t i = 0; i < n; i++) {
		if (!rr_ok(w))
			return false;
		size_t want = s->stride != 0 ? (size_t)s->stride * (i + 1) : ends[i];
		if (w->rrs.pos != want || (i + 1 == s->n_an && want != s->an_bytes))
			return false;
	}
	return rdbuf_left(&w->rrs) == 0;
}

static bool pointers_ok(const struct walk *w, const uint32_t *fix)
{
	size_t size = w->rrs.size_bytes;

	for (uint32_t i = 0; i < w->s->n_ptr; i++) {
		if (fix[i] > size - 2 || (i > 0 && fix[i] <= fix[i - 1]))
			return false;
		uint16_t value = be16_get(w->rrs.base + fix[i]);
		size_t target = value & 0x3fffu;
		if (value < 0xc000 || value > POINTER_MAX ||
			(target < w->base_bytes && question_suffix(w, target) == 0))
			return false;
	}
	return w->s->n_ptr == w->n_pointers;
}

static bool fixes_ok(const struct walk *w)
{
	const uint32_t *fix = image_section_fixes(w->s);
	size_t size = w->rrs.size_bytes;

	if (!pointers_ok(w, fix))
		return false;
	fix += w->s->n_ptr;
	for (uint32_t i = 0; i < w->s->n_tail; i++) {
		if (fix[i] >= size || dname_size(w->rrs.base + fix[i], size - fix[i]) == 0)
			return false;
	}
	fix += w->s->n_tail;
	for (uint32_t i = 0; i < w->s->n_zone; i++) {
		if (fix[i] > size - 2 || be16_get(w->rrs.base + fix[i]) != OWNER_POINTER)
			return false;
	}
	return true;
}

// Bytes the section needs behind its struct.
static uint64_t section_tail_bytes(const struct image_section *s)
{
	uint64_t rrs = ((uint64_t)s->an_bytes + s->ar_bytes + 3) & ~(uint64_t)3;
	uint64_t words = (uint64_t)s->n_ptr + s->n_tail + s->n_zone;

	if (s->stride == 0)
		words += (uint64_t)s->n_an + s->n_ar;
	return rrs + 4 * words;
}

enum image_refusal check_section(
	const struct image *img, uint32_t off, const struct image_name *asked)
{
	uint64_t size = img->header->part[IMAGE_SECTIONS].bytes;

	if (off % 8 != 0 || off > size || size - off < sizeof(struct image_section))
		return IMAGE_REFUSED_SECTION;
	const struct image_section *s = image_section_at(img, off);
	if (section_tail_bytes(s) > size - off - sizeof(*s) || s->n_an == 0 || s->qname_size == 0 ||
		(s->stride != 0 && (s->n_ar != 0 || s->ar_bytes != 0)))
		return IMAGE_REFUSED_SECTION;
	if (s->reserved[0] != 0 || s->reserved[1] != 0 || s->reserved[2] != 0)
		return IMAGE_REFUSED_RESERVED;
	struct walk w = {
		.s = s,
		.rrs = rdbuf_of(image_section_rrs(s), (size_t)s->an_bytes + s->ar_bytes),
		.asked = asked == NULL ? NULL : img->text + asked->name_off,
		.asked_bytes = asked == NULL ? 0 : asked->name_size,
		.base_bytes = DNS_HEADER_BYTES + s->qname_size + 4u,
	};
	if (!rrs_ok(&w))
		return IMAGE_REFUSED_SECTION_RR;
	return fixes_ok(&w) ? IMAGE_REFUSED_OK : IMAGE_REFUSED_SECTION_FIX;
}
