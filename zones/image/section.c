// SPDX-License-Identifier: Apache-2.0
// Record sets to bytes. A first pass over the set measures nothing: the bytes go into a scratch
// buffer that is as large as the set can get, then into the arena.
#include "zones/image/section.h"

#include "zones/base/wrbuf.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	OWNER_POINTER = 0xc00c, // the question's name (RFC 1035 4.1.4)
	POINTER_MAX = 0x3f00, // leaves room for questions that are longer by some bytes
	RR_MAX_BYTES = DNS_NAME_MAX_BYTES * 2 + DNS_RR_FIXED_BYTES + 6,
	SECTION_MAX_BYTES = 4 * 1024 * 1024,
	RR_MAX = 65535,
	SEEN_MAX = 128,
};

// Fix-up positions of one kind while they are collected.
struct fixes {
	uint32_t *pos;
	size_t n;
};

// Where labels of the question and of the names in a CNAME chain stand, for compression (RFC 1035
// 4.1.4).
struct seen_names {
	const uint8_t *suffix[SEEN_MAX]; // in names that live as long as the encoding
	uint32_t pos[SEEN_MAX]; // in the message
	size_t n;
};

struct encoder {
	struct wrbuf rrs;
	uint32_t *ends; // one per RR
	size_t n_ends;
	struct fixes ptr, tail, zone;
	size_t base_bytes; // of the message before the first RR
};

static void fix_add(struct fixes *f, size_t pos)
{
	f->pos[f->n++] = (uint32_t)pos;
}

static void rr_head(struct wrbuf *w, uint16_t type, uint32_t ttl_s)
{
	wrbuf_u16(w, type);
	wrbuf_u16(w, RR_CLASS_IN);
	wrbuf_u32(w, ttl_s);
}

static void rr_addr(struct wrbuf *w, const struct record_addr *addr)
{
	uint16_t n = addr->family == 4 ? 4 : 16;

	wrbuf_u16(w, n);
	wrbuf_bytes(w, addr->bytes, n);
}

// RFC 3597 4, proto:N10: targets are spelled out, never compressed.
static void rr_target(struct encoder *e, const struct record_data *d)
{
	wrbuf_bytes(&e->rrs, d->target.wire, d->target.size_bytes);
	if (d->zone_tail_size != 0)
		fix_add(&e->tail, e->rrs.pos - d->zone_tail_size);
}

static void rr_text(struct wrbuf *w, const char *text)
{
	size_t len = strlen(text);

	if (len > 255)
		len = 255;
	wrbuf_u16(w, (uint16_t)(len + 1));
	wrbuf_u8(w, (uint8_t)len);
	wrbuf_bytes(w, text, len);
}

// Writes rdlength and rdata.
static void rr_data(struct encoder *e, uint16_t type, const struct record_data *d)
{
	struct wrbuf *w = &e->rrs;

	if (type == RR_TYPE_A || type == RR_TYPE_AAAA) {
		rr_addr(w, &d->addr);
		return;
	}
	if (type == RR_TYPE_SRV) {
		wrbuf_u16(w, (uint16_t)(6 + d->target.size_bytes));
		wrbuf_u16(w, d->priority);
		wrbuf_u16(w, d->weight);
		wrbuf_u16(w, d->port);
		rr_target(e, d);
		return;
	}
	wrbuf_u16(w, d->target.size_bytes);
	rr_target(e, d);
}

static void rr_end(struct encoder *e)
{
	e->ends[e->n_ends++] = (uint32_t)e->rrs.pos;
}

// Where the target of an SRV or NS record stands in the rdata that was just written, or 0.
static size_t find_target(
	const struct encoder *e, const struct record_set *set, const uint8_t *name)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct record_data *d = &set->data[i];
		if (d->target.size_bytes != 0 &&
			memcmp(d->target.wire, name, d->target.size_bytes) == 0)
			return e->ends[i] - d->target.size_bytes;
	}
	return 0;
}

// An additional record: owner is a pointer to the target inside the answer where a pointer reaches.
// *last remembers the previous target, since records of one target come together.
struct last_target {
	const struct dname *name;
	size_t pos;
};

static void rr_extra(struct encoder *e, const struct record_set *set, const struct record_extra *x,
	struct last_target *last)
{
	if (last->name != x->target) {
		last->name = x->target;
		last->pos = find_target(e, set, x->target->wire);
	}
	if (last->pos != 0 && e->base_bytes + last->pos < POINTER_MAX) {
		fix_add(&e->ptr, e->rrs.pos);
		wrbuf_u16(&e->rrs, (uint16_t)(0xc000u | (e->base_bytes + last->pos)));
	} else {
		wrbuf_bytes(&e->rrs, x->target->wire, x->target->size_bytes);
	}
	rr_head(&e->rrs, x->addr.family == 4 ? RR_TYPE_A : RR_TYPE_AAAA, set->ttl_s);
	rr_addr(&e->rrs, &x->addr);
	rr_end(e);
}

// The question's labels but the first: a target that ends as the question does points there. The
// pointer moves with the question's size, like those into the section.
static void see_question(struct seen_names *seen, const uint8_t *qname)
{
	size_t first = 1u + *qname;

	if (*qname == 0)
		return;
	for (size_t i = first; qname[i] != 0 && seen->n < SEEN_MAX; i += 1u + qname[i]) {
		seen->suffix[seen->n] = qname + i;
		seen->pos[seen->n++] = (uint32_t)(DNS_HEADER_BYTES + i);
	}
}

// Position in the message of a suffix that was written before, or 0.
static size_t find_suffix(const struct seen_names *seen, const uint8_t *suffix)
{
	for (size_t i = 0; i < seen->n; i++) {
		if (dname_is_equal(seen->suffix[i], suffix))
			return seen->pos[i];
	}
	return 0;
}

// Writes a name, from the first suffix that stands in the section on as a pointer.
static void name_compressed(struct encoder *e, struct seen_names *seen, const uint8_t *wire)
{
	for (; *wire != 0; wire += 1u + *wire) {
		size_t pos = find_suffix(seen, wire);
		if (pos != 0 && pos < POINTER_MAX) {
			fix_add(&e->ptr, e->rrs.pos);
			wrbuf_u16(&e->rrs, (uint16_t)(0xc000u | pos));
			return;
		}
		if (seen->n < SEEN_MAX) {
			seen->suffix[seen->n] = wire;
			seen->pos[seen->n++] = (uint32_t)(e->base_bytes + e->rrs.pos);
		}
		wrbuf_bytes(&e->rrs, wire, 1u + *wire);
	}
	wrbuf_u8(&e->rrs, 0);
}

// rdlength and the target of a CNAME or PTR, compressed (RFC 1035 3.3).
static void rr_compressed(struct encoder *e, struct seen_names *seen, const struct dname *target)
{
	uint8_t *size = wrbuf_claim(&e->rrs, 2);
	size_t start = e->rrs.pos;

	name_compressed(e, seen, target->wire);
	if (size != NULL)
		be16_put(size, (uint16_t)(e->rrs.pos - start));
}

static void rr_chain(struct encoder *e, struct seen_names *seen, const struct record_chain *c)
{
	name_compressed(e, seen, c->owner->wire);
	rr_head(&e->rrs, c->type, c->ttl_s);
	if (c->type == RR_TYPE_CNAME)
		rr_compressed(e, seen, &c->data.target);
	else
		rr_data(e, c->type, &c->data);
	rr_end(e);
}

// A CNAME and what it leads to: long enough to be worth compressing, and CNAME targets may be
// (RFC 1035 3.3.1).
static void encode_chain(struct encoder *e, const struct record_set *set, const uint8_t *qname)
{
	struct seen_names seen = {.n = 0};

	see_question(&seen, qname);
	wrbuf_u16(&e->rrs, OWNER_POINTER);
	rr_head(&e->rrs, RR_TYPE_CNAME, set->ttl_s);
	rr_compressed(e, &seen, &set->data[0].target);
	rr_end(e);
	for (size_t i = 0; i < set->n_chain; i++)
		rr_chain(e, &seen, &set->chain[i]);
}

static void encode_answer(struct encoder *e, const struct record_set *set, const uint8_t *qname)
{
	uint16_t type = set->rr_type != 0 ? set->rr_type : set->type;

	if (set->n_chain > 0 && set->n == 1 && type == RR_TYPE_CNAME) {
		encode_chain(e, set, qname);
		return;
	}
	struct seen_names seen = {.n = 0};
	bool is_compressed = type == RR_TYPE_PTR && set->n > 1;
	for (size_t i = 0; i < set->n; i++) {
		wrbuf_u16(&e->rrs, OWNER_POINTER);
		rr_head(&e->rrs, type, set->ttl_s);
		if (is_compressed)
			rr_compressed(e, &seen, &set->data[i].target);
		else
			rr_data(e, type, &set->data[i]);
		rr_end(e);
	}
	if (set->type == RR_TYPE_TXT && set->text != NULL) {
		wrbuf_u16(&e->rrs, OWNER_POINTER);
		rr_head(&e->rrs, RR_TYPE_TXT, set->ttl_s);
		rr_text(&e->rrs, set->text);
		rr_end(e);
	}
}

static void zone_pointer(struct encoder *e)
{
	fix_add(&e->zone, e->rrs.pos);
	wrbuf_u16(&e->rrs, OWNER_POINTER);
}

// Nothing for "".
static void put_label(struct wrbuf *w, const char *text)
{
	size_t n = strlen(text);

	if (n == 0)
		return;
	wrbuf_u8(w, (uint8_t)n);
	wrbuf_bytes(w, text, n);
}

// k8s:2.1: mname ns.dns.<zone>, rname hostmaster.<zone>; both end in a pointer to the zone, so the
// reply spells the zone as the client did.
static void encode_soa(struct encoder *e, uint32_t ttl_s, const struct record_soa *soa)
{
	const char *above = soa->apex == NULL ? "dns" : soa->apex;
	const char *below = soa->apex == NULL ? "" : soa->apex;
	struct wrbuf *w = &e->rrs;

	zone_pointer(e);
	rr_head(w, RR_TYPE_SOA, ttl_s);
	size_t size_at = w->pos;
	wrbuf_u16(w, 0);
	put_label(w, soa->apex == NULL ? "ns" : "ns1");
	put_label(w, above);
	zone_pointer(e);
	put_label(w, "hostmaster");
	put_label(w, below);
	zone_pointer(e);
	wrbuf_u32(w, soa->serial);
	wrbuf_u32(w, soa->refresh_s);
	wrbuf_u32(w, soa->retry_s);
	wrbuf_u32(w, soa->expire_s);
	wrbuf_u32(w, soa->minimum_s);
	if (!w->full)
		be16_put(w->base + size_at, (uint16_t)(w->pos - size_at - 2));
	rr_end(e);
}

// The size that all answer RRs share when a set needs no offset table, else 0.
static uint16_t common_stride(const struct encoder *e, size_t n_an)
{
	if (n_an == 0 || e->n_ends != n_an || e->ends[0] > UINT16_MAX)
		return 0;
	for (size_t i = 1; i < n_an; i++) {
		if (e->ends[i] - e->ends[i - 1] != e->ends[0])
			return 0;
	}
	return (uint16_t)e->ends[0];
}

static void put_fixes(struct wrbuf *w, const struct fixes *f)
{
	wrbuf_bytes(w, f->pos, f->n * sizeof(f->pos[0]));
}

static struct section_blob encoder_finish(
	const struct encoder *e, struct arena *a, size_t n_an, uint8_t qname_size)
{
	struct section_blob blob = {0};

	if (e->rrs.full || e->rrs.pos > SECTION_MAX_BYTES || e->ptr.n > RR_MAX ||
		e->tail.n > RR_MAX)
		return blob;
	uint32_t an_bytes = n_an == 0 ? 0 : e->ends[n_an - 1];
	struct image_section s = {
		.an_bytes = an_bytes,
		.ar_bytes = (uint32_t)e->rrs.pos - an_bytes,
		.n_an = (uint16_t)n_an,
		.n_ar = (uint16_t)(e->n_ends - n_an),
		.stride = common_stride(e, n_an),
		.n_ptr = (uint16_t)e->ptr.n,
		.n_tail = (uint16_t)e->tail.n,
		.n_zone = (uint16_t)e->zone.n,
		.qname_size = qname_size,
	};
	size_t padded = (e->rrs.pos + 3) & ~(size_t)3;
	size_t words = (s.stride != 0 ? 0 : e->n_ends) + e->ptr.n + e->tail.n + e->zone.n;
	size_t size_bytes = (sizeof(s) + padded + 4 * words + 7) & ~(size_t)7;
	uint8_t *bytes = arena_alloc(a, size_bytes);
	if (bytes == NULL)
		return blob;
	struct wrbuf w = wrbuf_of(bytes, size_bytes);
	wrbuf_bytes(&w, &s, sizeof(s));
	wrbuf_bytes(&w, e->rrs.base, e->rrs.pos);
	w.pos = sizeof(s) + padded;
	if (s.stride == 0)
		wrbuf_bytes(&w, e->ends, e->n_ends * sizeof(e->ends[0]));
	put_fixes(&w, &e->ptr);
	put_fixes(&w, &e->tail);
	put_fixes(&w, &e->zone);
	return (struct section_blob){bytes, size_bytes};
}

// Scratch for a set of n records at most: one allocation for everything.
static void *encoder_init(struct encoder *e, size_t n, uint8_t qname_size)
{
	size_t bytes = n * RR_MAX_BYTES;
	uint8_t *scratch = malloc(bytes + n * 4 * 4 + 16);

	if (scratch == NULL)
		return NULL;
	uint32_t *words = (uint32_t *)(void *)(scratch + ((bytes + 3) & ~(size_t)3));
	*e = (struct encoder){
		.rrs = wrbuf_of(scratch, bytes),
		.ends = words,
		.ptr = {words + n, 0},
		.tail = {words + 2 * n, 0},
		.zone = {words + 3 * n, 0},
		.base_bytes = DNS_HEADER_BYTES + qname_size + 4u,
	};
	return scratch;
}

struct section_blob section_encode(
	struct arena *a, const struct record_set *set, const uint8_t *qname)
{
	uint8_t qname_size = (uint8_t)dname_size(qname, DNS_NAME_MAX_BYTES);
	size_t n_an =
		set->n + set->n_chain + (set->text != NULL ? 1 : 0) + (set->soa != NULL ? 1 : 0);
	size_t n = n_an + set->n_extra;
	struct last_target last = {0};
	struct encoder e;

	if (n == 0 || n_an > RR_MAX || set->n_extra > RR_MAX)
		return (struct section_blob){0};
	// A SOA has three zone pointers, a chained CNAME two pointers of its own.
	void *scratch = encoder_init(&e, n + set->n_chain + 3, qname_size);
	if (scratch == NULL)
		return (struct section_blob){0};
	if (set->soa != NULL)
		encode_soa(&e, set->ttl_s, set->soa);
	encode_answer(&e, set, qname);
	for (size_t i = 0; i < set->n_extra; i++)
		rr_extra(&e, set, &set->extra[i], &last);
	struct section_blob blob = encoder_finish(&e, a, n_an, qname_size);
	free(scratch);
	return blob;
}

struct section_blob section_encode_soa(
	struct arena *a, uint32_t ttl_s, const struct record_soa *soa)
{
	struct record_set set = {.type = RR_TYPE_SOA, .ttl_s = ttl_s, .soa = soa};

	return section_encode(a, &set, (const uint8_t *)"");
}
