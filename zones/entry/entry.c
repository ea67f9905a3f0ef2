// SPDX-License-Identifier: Apache-2.0
// Keeping, checking and writing entries.
#include "zones/entry/entry.h"

#include "zones/answer/reply.h"

#include <stdlib.h>
#include <string.h>

struct entry *entry_hold(struct entry *e)
{
	atomic_fetch_add_explicit(&e->users, 1, memory_order_relaxed);
	return e;
}

void entry_drop(struct entry *e)
{
	if (e != NULL && atomic_fetch_sub_explicit(&e->users, 1, memory_order_acq_rel) == 1)
		free(e);
}

struct entry *entry_error(enum rcode rcode, enum ede ede)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	atomic_init(&e->users, 1);
	e->rcode = (uint16_t)rcode;
	e->kind = ENTRY_FAILURE;
	e->ede = (int8_t)ede;
	e->lifetime_s = 1; // RFC 9520 3.2: at least
	return e;
}

void entry_clamp(struct entry *e, uint32_t min_ttl_s, uint32_t max_ttl_s)
{
	size_t n = (size_t)e->n_an + e->n_ns;

	e->lifetime_s = n == 0 ? min_ttl_s : UINT32_MAX;
	for (size_t i = 0; i < n; i++) {
		uint32_t *ttl = &e->rrs[i].ttl_s;
		if (*ttl < min_ttl_s)
			*ttl = min_ttl_s;
		if (*ttl > max_ttl_s)
			*ttl = max_ttl_s;
		if (*ttl < e->lifetime_s)
			e->lifetime_s = *ttl;
	}
}

static uint32_t ttl_now(const struct entry_rr *rr, const struct entry_view *view)
{
	if (view->fixed_ttl_s >= 0)
		return (uint32_t)view->fixed_ttl_s;
	return rr->ttl_s > view->age_s ? rr->ttl_s - view->age_s : 0;
}

// Appends record i. False: it does not fit.
static bool copy_rr(struct reply *r, const struct entry *e, size_t i, const struct entry_view *view)
{
	size_t start = entry_rr_start(e, i);
	size_t n = e->rrs[i].end - start;

	if (r->w->pos + r->opt_bytes + n > r->limit_bytes)
		return false;
	uint8_t *out = wrbuf_claim(r->w, n);
	if (out == NULL)
		return false;
	memcpy(out, entry_bytes(e) + start, n);
	be32_put(out + (e->rrs[i].ttl_at - start), ttl_now(&e->rrs[i], view));
	return true;
}

static void copy_answers(struct reply *r, const struct entry *e, const struct entry_view *view)
{
	for (size_t i = 0; i < e->n_an; i++) {
		if (!copy_rr(r, e, view->is_rotated ? entry_rotated(e, r->q->id, i) : i, view)) {
			r->flags |= HEADER_TC; // RFC 2181 9
			return;
		}
		r->n_an++;
	}
}

// proto:S1: authority that does not fit is needed only when it is the answer.
static void copy_authority(struct reply *r, const struct entry *e, const struct entry_view *view)
{
	for (size_t i = 0; i < e->n_ns; i++) {
		if (!copy_rr(r, e, (size_t)e->n_an + i, view)) {
			if (e->n_an == 0)
				r->flags |= HEADER_TC;
			return;
		}
		r->n_ns++;
	}
}

void entry_write(const struct entry *e, const struct query *q, const struct answer_env *env,
	const struct entry_view *view, struct wrbuf *w)
{
	struct reply r;

	reply_init(&r, q, env, view->udp_max_bytes, w);
	r.rcode = e->rcode;
	if (view->ede != EDE_NONE || e->ede != EDE_NONE)
		reply_explain(&r, view->ede != EDE_NONE ? view->ede : e->ede);
	r.flags |= e->has_aa ? HEADER_AA : 0;
	// DESIGN 9, 17: no AA on forwarded ones. AD only for who asks for it (RFC 6840 5.7).
	r.flags |= e->has_ra ? HEADER_RA : 0;
	r.flags |= e->has_ad && (q->edns.is_do || (q->flags & HEADER_AD)) ? HEADER_AD : 0;
	r.flags |= e->is_truncated ? HEADER_TC : 0;
	copy_answers(&r, e, view);
	bool drops = entry_drops_authority(e, view);
	if (!(r.flags & HEADER_TC) && !drops)
		copy_authority(&r, e, view);
	reply_finish(&r);
}

// Booleans are read as bytes: another value than 0 and 1 is undefined.
static bool are_flags_sound(const struct entry *e)
{
	const bool *const flags[] = {
		&e->has_aa, &e->has_ra, &e->has_ad, &e->is_truncated, &e->keeps_authority};
	uint8_t value;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		memcpy(&value, flags[i], 1);
		if (value > 1)
			return false;
	}
	return true;
}

static bool are_records_sound(const struct entry *e)
{
	size_t n = (size_t)e->n_an + e->n_ns;

	for (size_t i = 0; i < n; i++) {
		size_t start = entry_rr_start(e, i);
		const struct entry_rr *rr = &e->rrs[i];
		if (rr->end < start || rr->end > e->rr_bytes || rr->ttl_at < start ||
			rr->ttl_at + sizeof(uint32_t) > rr->end)
			return false;
	}
	return true;
}

bool entry_is_sound(const void *bytes, size_t size_bytes)
{
	const struct entry *e = bytes;

	if (size_bytes < sizeof(*e) || (size_t)e->n_an + e->n_ns > ENTRY_RRS_MAX ||
		e->rr_bytes > size_bytes || entry_size(e) != size_bytes)
		return false;
	return are_flags_sound(e) && e->kind <= ENTRY_UNCACHEABLE && e->rcode <= 0xfff &&
		(size_t)e->first_rotated + e->n_rotated <= e->n_an && are_records_sound(e);
}
