// SPDX-License-Identifier: Apache-2.0
// What is decided here is decided once more in answer.c, for all cases: tests/unit/test_quick.c
// holds both to the same bytes. Nothing is written before every condition holds.
#include "zones/answer/quick.h"

#include "zones/answer/pod.h"
#include "zones/answer/reply.h"
#include "zones/base/bytes.h"

enum { COOKIE_OPTION_BYTES = 4 };

// A section and where it goes.
struct piece {
	const struct image_section *section;
	size_t size_bytes;
	uint16_t rcode;
	uint16_t n_an, n_ns, n_ar;
};

// NODATA or NXDOMAIN: the zone's SOA.
static inline bool take_soa(
	const struct answer_plan *plan, const struct image_step *step, struct piece *p)
{
	if (step->soa_section == IMAGE_NONE)
		return false;
	const struct image_section *s = image_section_at(plan->top, step->soa_section);
	*p = (struct piece){.section = s, .size_bytes = s->an_bytes, .rcode = p->rcode, .n_ns = 1};
	return ((unsigned)s->n_ptr | s->n_tail) == 0;
}

// All records of a set, in their order.
static inline bool take_set(const struct answer_plan *plan, const struct image *img,
	const struct image_set *set, const struct query *q, struct piece *p)
{
	const struct image_section *s = image_section_at(img, set->section);
	unsigned delta = (unsigned)q->qname_size ^ s->qname_size;

	if ((set->flags & SET_PUNT) || s->n_zone != 0 || (s->n_ptr != 0 && delta != 0) ||
		(s->n_tail != 0 && q->has_upper))
		return false;
	if ((plan->rule->flags & RULE_ROTATE) && s->n_an > 1 && s->stride != 0)
		return false;
	bool is_minimal = (plan->rule->flags & RULE_MINIMAL) != 0;
	*p = (struct piece){.section = s,
		.size_bytes = s->an_bytes + (is_minimal ? 0 : (size_t)s->ar_bytes),
		.rcode = RCODE_NOERROR,
		.n_an = s->n_an,
		.n_ar = is_minimal ? 0 : s->n_ar};
	return true;
}

// What stands behind the question.
static inline bool take(const struct answer_plan *plan, const struct found *found,
	const struct image_step *step, const struct query *q, struct piece *p)
{
	if (found->name == NULL) {
		bool may_be_zonal = (step->flags & STEP_ZONAL) &&
			q->nlabels >= step->zone_labels + ANSWER_ZONAL_LABELS;
		if (may_be_zonal || pod_is_question(q, step->zone_labels) ||
			(step->flags & (STEP_UNSYNCED | STEP_FALLTHROUGH)))
			return false;
		p->rcode = RCODE_NXDOMAIN;
		return take_soa(plan, step, p);
	}
	if (found->name->flags != 0)
		return false;
	const struct image_set *set = image_find_set(found->img, found->name, q->qtype);
	p->rcode = RCODE_NOERROR;
	return set == NULL ? take_soa(plan, step, p) : take_set(plan, found->img, set, q, p);
}

static inline void write_opt(
	uint8_t *opt, const struct query *q, const struct answer_env *env, unsigned options_bytes)
{
	// Root, type, our size, then flags and the size of the options.
	be32_put(opt, RR_TYPE_OPT << 8 | DNS_UDP_MAX_BYTES >> 8);
	be32_put(opt + 4, (uint32_t)(DNS_UDP_MAX_BYTES & 0xff) << 24);
	be32_put(opt + 7, (q->edns.is_do ? 0x80000000u : 0) | options_bytes);
	if (options_bytes == 0)
		return;
	be32_put(opt + DNS_OPT_BYTES, (uint32_t)EDNS_COOKIE << 16 | env->cookie_size);
	bytes_copy(opt + DNS_OPT_BYTES + COOKIE_OPTION_BYTES, env->cookie, env->cookie_size);
}

static inline void write_header(uint8_t *h, const struct query *q, const struct piece *p)
{
	uint32_t flags = HEADER_QR | HEADER_AA | (q->flags & (HEADER_RD | HEADER_CD)) | p->rcode;
	unsigned n_ar = p->n_ar + (q->edns.present ? 1u : 0u);

	be32_put(h, (uint32_t)q->id << 16 | flags);
	be32_put(h + 4, 1u << 16 | p->n_an);
	be32_put(h + 8, (uint32_t)p->n_ns << 16 | (n_ar & 0xffff));
}

static inline void write_piece(uint8_t *out, const struct image_section *s, const struct query *q,
	size_t size_bytes, uint8_t zone_size)
{
	bytes_copy(out, image_section_rrs(s), size_bytes);
	if (s->n_zone == 0)
		return;
	const uint32_t *fix = image_section_fixes(s) + s->n_ptr + s->n_tail;
	unsigned zone_off = DNS_HEADER_BYTES + (unsigned)q->qname_size - zone_size;
	for (unsigned i = 0; i < s->n_zone && fix[i] + 2 <= size_bytes; i++)
		be16_put(out + fix[i], (uint16_t)(0xc000u | zone_off));
}

bool answer_quick(const struct answer_plan *plan, const struct found *found, const struct query *q,
	const struct answer_env *env, struct wrbuf *w, struct answer_result *result)
{
	struct piece p;

	if (plan->rule == NULL || !plan->needs_find || plan->is_pod || q->rcode != RCODE_NOERROR ||
		env->transport != TRANSPORT_UDP || (q->edns.has_nsid && env->nsid_size != 0) ||
		q->ede != EDE_NONE)
		return false;
	const struct image_step *step = &plan->top->steps[plan->rule->first_step];
	if (step->kind != STEP_LOOKUP || q->qname_size < step->zone_size ||
		!take(plan, found, step, q, &p))
		return false;
	unsigned options = q->edns.cookie_size != 0 && env->cookie_size != 0
		? COOKIE_OPTION_BYTES + (unsigned)env->cookie_size
		: 0;
	size_t opt_bytes = q->edns.present ? DNS_OPT_BYTES + options : 0;
	size_t pos = query_question_end(q);
	size_t end = pos + p.size_bytes + opt_bytes;
	uint16_t udp_max = plan->top->servers[plan->rule->server].udp_max_bytes;
	if (end > reply_limit(q, env, udp_max) || end > w->size_bytes)
		return false;
	write_piece(w->base + pos, p.section, q, p.size_bytes, step->zone_size);
	if (opt_bytes != 0)
		write_opt(w->base + pos + p.size_bytes, q, env, options);
	write_header(w->base, q, &p);
	w->pos = end;
	w->full = false;
	*result = (struct answer_result){
		.rcode = p.rcode, .rule = plan->rule, .step = step, .found = *found};
	return true;
}
