// SPDX-License-Identifier: Apache-2.0
// Copies precompiled sections behind the question and completes the message around them.
#include "zones/answer/reply.h"

#include "zones/wire/dname.h"

#include <string.h>

enum { EDE_BYTES = 6, KEEPALIVE_BYTES = 6 };

// What OPT will take at the end of the message (RFC 6891 6.1.2).
static size_t opt_size(const struct reply *r)
{
	const struct answer_env *env = r->env;
	const struct query_edns *e = &r->q->edns;
	size_t n = DNS_OPT_BYTES;

	if (!e->present)
		return 0;
	if (e->cookie_size != 0 && env->cookie_size != 0)
		n += 4u + env->cookie_size;
	if (e->has_nsid && env->nsid_size != 0)
		n += 4u + env->nsid_size;
	if (e->has_keepalive && env->keepalive_100ms != 0)
		n += KEEPALIVE_BYTES;
	if (r->ede != EDE_NONE)
		n += EDE_BYTES + (size_t)r->ede_text_bytes;
	return n;
}

void reply_init(struct reply *r, const struct query *q, const struct answer_env *env,
	uint16_t udp_max_bytes, struct wrbuf *w)
{
	*r = (struct reply){.q = q, .env = env, .w = w, .rcode = q->rcode, .ede = q->ede};
	w->pos = query_question_end(q);
	w->full = false;
	r->limit_bytes = reply_limit(q, env, udp_max_bytes);
	if (r->limit_bytes > w->size_bytes)
		r->limit_bytes = w->size_bytes;
	r->opt_bytes = opt_size(r);
}

void reply_explain(struct reply *r, enum ede ede)
{
	r->ede = ede;
	r->opt_bytes = opt_size(r);
}

void reply_explain_text(struct reply *r, uint16_t info_code, const char *text)
{
	r->ede = info_code;
	r->ede_text = text;
	r->ede_text_bytes = (uint16_t)strnlen(text, REPLY_EDE_TEXT_MAX);
	r->opt_bytes = opt_size(r);
}

static size_t room(const struct reply *r)
{
	size_t used = r->w->pos + r->opt_bytes;

	return used > r->limit_bytes ? 0 : r->limit_bytes - used;
}

// End of RR i, relative to the first RR.
static size_t rr_end(const struct image_section *s, size_t i)
{
	return s->stride != 0 ? (i + 1) * (size_t)s->stride : image_section_ends(s)[i];
}

// How many of the n RRs from `first` on fit into bytes that end at limit (relative to the first).
static size_t rrs_that_fit(const struct image_section *s, size_t first, size_t n, size_t limit)
{
	size_t lo = first;
	size_t hi = first + n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (rr_end(s, mid) <= limit)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - first;
}

// Puts the client's spelling of the zone where the section spells it (k8s:2.2 Case).
static void fix_tails(const struct reply *r, const struct image_section *s, uint8_t *out,
	size_t copied, uint8_t zone_size)
{
	const uint32_t *fix = image_section_fixes(s) + s->n_ptr;
	const uint8_t *asked = r->w->base + DNS_HEADER_BYTES + r->q->qname_size - zone_size;

	for (unsigned i = 0; i < s->n_tail; i++) {
		if (fix[i] + (size_t)zone_size <= copied && dname_is_equal(out + fix[i], asked))
			memcpy(out + fix[i], asked, zone_size);
	}
}

// Corrects what depends on the question in `copied` bytes of RRs that start at out.
static void fix_copy(const struct reply *r, const struct image_section *s, uint8_t *out,
	size_t copied, uint8_t zone_size)
{
	if (((unsigned)s->n_ptr | s->n_tail | s->n_zone) == 0)
		return;
	const uint32_t *fix = image_section_fixes(s);
	int delta = (int)r->q->qname_size - (int)s->qname_size;

	for (unsigned i = 0; delta != 0 && i < s->n_ptr && fix[i] + 2 <= copied; i++)
		be16_put(out + fix[i], (uint16_t)(be16_get(out + fix[i]) + delta));
	if (s->n_tail != 0 && r->q->has_upper && r->q->qname_size >= zone_size)
		fix_tails(r, s, out, copied, zone_size);
	fix += s->n_ptr + s->n_tail;
	for (unsigned i = 0; i < s->n_zone && fix[i] + 2 <= copied; i++) {
		unsigned zone_off = DNS_HEADER_BYTES + (unsigned)r->q->qname_size - zone_size;
		be16_put(out + fix[i], (uint16_t)(0xc000u | zone_off));
	}
}

// Records [from, to) of the answer.
static void copy_answers(struct reply *r, const struct image_section *s, size_t from, size_t to)
{
	const uint8_t *rrs = image_section_rrs(s);
	size_t start = from == 0 ? 0 : rr_end(s, from - 1);
	size_t end = to == 0 ? 0 : rr_end(s, to - 1);

	if (end > start) {
		wrbuf_bytes(r->w, rrs + start, end - start);
		r->n_an = (uint16_t)(r->n_an + (to - from));
	}
}

// As many records as fit, from a start that follows from the ID, around the end.
static void copy_window(
	struct reply *r, const struct image_section *s, size_t first, uint8_t zone_size)
{
	size_t start = first == 0 ? 0 : rr_end(s, first - 1);
	size_t n = rrs_that_fit(s, first, s->n_an - first, start + room(r));
	uint8_t *out = r->w->base + r->w->pos;

	copy_answers(r, s, first, first + n);
	if (first == 0) {
		fix_copy(r, s, out, (size_t)(r->w->base + r->w->pos - out), zone_size);
	} else if (first + n == s->n_an) {
		n = rrs_that_fit(s, 0, first, room(r));
		copy_answers(r, s, 0, n);
	}
}

// True when answer records point to each other: they keep their order.
static bool has_inner_pointers(const struct image_section *s)
{
	return s->n_ptr != 0 && image_section_fixes(s)[0] < s->an_bytes;
}

static size_t rotation_start(const struct reply *r, const struct image_section *s)
{
	return s->n_an < 2 || has_inner_pointers(s) ? 0 : r->q->id % s->n_an;
}

// Everything, with as many additional records as fit behind it.
static void copy_whole(struct reply *r, const struct image_section *s, uint8_t zone_size)
{
	uint8_t *out = r->w->base + r->w->pos;
	size_t bytes = s->an_bytes + (size_t)s->ar_bytes;
	size_t extra = s->n_ar;

	if (r->is_minimal) {
		extra = 0;
		bytes = s->an_bytes;
	} else if (bytes > room(r)) {
		extra = rrs_that_fit(s, s->n_an, s->n_ar, room(r));
		bytes = extra == 0 ? s->an_bytes : rr_end(s, s->n_an + extra - 1u);
	}
	wrbuf_bytes(r->w, image_section_rrs(s), bytes);
	r->n_an = (uint16_t)(r->n_an + s->n_an);
	r->n_ar = (uint16_t)(r->n_ar + extra);
	fix_copy(r, s, out, bytes, zone_size);
}

void reply_section(
	struct reply *r, const struct image_section *s, enum reply_order order, uint8_t zone_size)
{
	bool fits = s->an_bytes <= room(r);
	size_t first = rotation_start(r, s);

	if (!fits && r->env->transport == TRANSPORT_UDP) {
		r->flags |= HEADER_TC; // RFC 2181 9
		copy_window(r, s, order == REPLY_ROTATED ? first : 0, zone_size);
	} else if (!fits) {
		copy_window(r, s, first,
			zone_size); // DESIGN 3: what no message can hold is capped by rotation
	} else if (order == REPLY_ROTATED && s->stride != 0 && first != 0) {
		copy_window(r, s, first, zone_size);
	} else {
		copy_whole(r, s, zone_size);
	}
}

void reply_soa(struct reply *r, const struct image_section *s, uint8_t zone_size)
{
	uint8_t *out = r->w->base + r->w->pos;

	if (s->an_bytes > room(r) || r->q->qname_size < zone_size)
		return;
	wrbuf_bytes(r->w, image_section_rrs(s), s->an_bytes);
	fix_copy(r, s, out, s->an_bytes, zone_size);
	r->n_ns++;
}

void reply_address(struct reply *r, uint16_t type, const uint8_t *addr, uint32_t ttl_s)
{
	uint16_t n = type == RR_TYPE_A ? 4 : 16;

	wrbuf_u16(r->w, 0xc00c);
	wrbuf_u16(r->w, type);
	wrbuf_u16(r->w, RR_CLASS_IN);
	wrbuf_u32(r->w, ttl_s);
	wrbuf_u16(r->w, n);
	wrbuf_bytes(r->w, addr, n);
	r->n_an++;
}

static void option(struct wrbuf *w, uint16_t code, const uint8_t *data, uint16_t size)
{
	wrbuf_u16(w, code);
	wrbuf_u16(w, size);
	wrbuf_bytes(w, data, size);
}

// RFC 6891 6.1.2; proto:E1, E5.
static void write_opt(struct reply *r)
{
	const struct answer_env *env = r->env;
	const struct query_edns *e = &r->q->edns;
	struct wrbuf *w = r->w;
	uint8_t data[2];
	uint8_t *opt = wrbuf_claim(w, DNS_OPT_BYTES);

	if (opt == NULL)
		return;
	opt[0] = 0;
	be16_put(opt + 1, RR_TYPE_OPT);
	be16_put(opt + 3, DNS_UDP_MAX_BYTES); // quirk 20: what we accept, not what the client said
	be16_put(opt + 5, (uint16_t)(r->rcode >> 4 << 8)); // extended RCODE, version 0
	be16_put(opt + 7, e->is_do ? 0x8000 : 0);
	be16_put(opt + 9, (uint16_t)(r->opt_bytes - DNS_OPT_BYTES));
	r->n_ar++;
	if (r->opt_bytes == DNS_OPT_BYTES)
		return;
	if (e->cookie_size != 0 && env->cookie_size != 0)
		option(w, EDNS_COOKIE, env->cookie, env->cookie_size);
	if (e->has_nsid && env->nsid_size != 0)
		option(w, EDNS_NSID, env->nsid, env->nsid_size);
	if (e->has_keepalive && env->keepalive_100ms != 0) {
		be16_put(data, env->keepalive_100ms);
		option(w, EDNS_KEEPALIVE, data, sizeof(data));
	}
	if (r->ede != EDE_NONE) {
		wrbuf_u16(w, EDNS_EDE);
		wrbuf_u16(w, (uint16_t)(sizeof(data) + r->ede_text_bytes));
		wrbuf_u16(w, (uint16_t)r->ede);
		wrbuf_bytes(w, r->ede_text, r->ede_text_bytes);
	}
}

void reply_finish(struct reply *r)
{
	const struct query *q = r->q;
	uint8_t *h = r->w->base;
	uint16_t flags = HEADER_QR | r->flags;

	// Quirk 24: NOTIMP echoes the opcode and nothing else. Otherwise RD is copied (RFC 1035
	// 4.1.1), and CD as CoreDNS does (zones/DECISIONS.md).
	if (r->rcode == RCODE_NOTIMP)
		flags |= q->flags & HEADER_OPCODE;
	else
		flags |= q->flags & (HEADER_RD | HEADER_CD);
	if (q->edns.present)
		write_opt(r);
	be32_put(h, (uint32_t)q->id << 16 | flags | (r->rcode & HEADER_RCODE));
	be32_put(h + 4, (uint32_t)(q->has_question ? 1u : 0u) << 16 | r->n_an);
	be32_put(h + 8, (uint32_t)r->n_ns << 16 | r->n_ar);
}
