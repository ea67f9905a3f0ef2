// SPDX-License-Identifier: Apache-2.0
// Reads messages of foreign servers. Everything is bounded by the message's 65,535 bytes.
#include "cli/compare_facts.h"

#include "zones/wire/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULT_BYTES = 24, CANONICAL_BYTES = 2 * DNS_NAME_MAX_BYTES + 20 };

static void put_name(struct rdbuf *r, size_t end, uint8_t *out, size_t *n)
{
	struct dname name;

	message_name(r, end, &name);
	if (r->bad)
		return;
	dname_lower(&name);
	memcpy(out + *n, name.wire, name.size_bytes);
	*n += name.size_bytes;
}

static void put_bytes(struct rdbuf *r, size_t size_bytes, uint8_t *out, size_t *n)
{
	const uint8_t *p = rdbuf_take(r, size_bytes);

	if (p == NULL)
		return;
	memcpy(out + *n, p, size_bytes);
	*n += size_bytes;
}

// The data with its names expanded into out, or 0 when the type has no names.
static size_t canonical(struct rdbuf *r, const struct message_rr *rr, uint8_t *out)
{
	size_t end = rr->rdata_pos + rr->rdata_size, n = 0;

	switch (rr->type) {
	case RR_TYPE_NS:
	case RR_TYPE_CNAME:
	case RR_TYPE_PTR:
	case RR_TYPE_DNAME:
		put_name(r, end, out, &n);
		break;
	case RR_TYPE_MX:
		put_bytes(r, 2, out, &n);
		put_name(r, end, out, &n);
		break;
	case RR_TYPE_SRV:
		put_bytes(r, 6, out, &n);
		put_name(r, end, out, &n);
		break;
	case RR_TYPE_SOA:
		put_name(r, end, out, &n);
		put_name(r, end, out, &n);
		(void)rdbuf_u32(r); // the serial
		put_bytes(r, 16, out, &n);
		break;
	default:
		return 0;
	}
	if (r->pos != end)
		r->bad = true;
	return n;
}

static int add_record(
	struct rdbuf *r, const struct message_rr *rr, struct arena *arena, struct fact_record *out)
{
	uint8_t buf[CANONICAL_BYTES];
	struct dname owner = rr->owner;
	struct rdbuf data = *r;

	data.pos = rr->rdata_pos;
	size_t n = canonical(&data, rr, buf);
	r->bad = r->bad || data.bad;
	dname_lower(&owner);
	*out = (struct fact_record){.type = rr->type,
		.class = rr->class,
		.ttl_s = rr->ttl_s,
		.owner_size = owner.size_bytes,
		.data_size = n > 0 ? (uint16_t)n : rr->rdata_size};
	out->owner = arena_copy(arena, owner.wire, owner.size_bytes);
	out->data = n > 0 ? arena_copy(arena, buf, n) : r->base + rr->rdata_pos;
	return out->owner == NULL || out->data == NULL ? -ENOMEM : 0;
}

// RFC 6891 6.1.
static void take_opt(struct rdbuf *r, const struct message_rr *rr, struct facts *f)
{
	r->bad = r->bad || f->has_opt;
	f->has_opt = true;
	f->opt_bytes = rr->class;
	f->rcode = (uint16_t)(f->rcode | (rr->ttl_s >> 24) << 4);
	f->opt_version = (uint8_t)(rr->ttl_s >> 16);
	f->opt_flags = (uint16_t)rr->ttl_s;
	f->options = r->base + rr->rdata_pos;
	f->options_size = rr->rdata_size;
}

static int compare_data(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);

	return c != 0 ? c : (na > nb) - (na < nb);
}

int fact_compare(const struct fact_record *a, const struct fact_record *b)
{
	int c = compare_data(a->owner, a->owner_size, b->owner, b->owner_size);

	if (c == 0)
		c = a->type - b->type;
	if (c == 0)
		c = a->class - b->class;
	return c != 0 ? c : compare_data(a->data, a->data_size, b->data, b->data_size);
}

static int compare_with_ttl(const void *va, const void *vb)
{
	const struct fact_record *a = va, *b = vb;
	int c = fact_compare(a, b);

	return c != 0 ? c : (a->ttl_s > b->ttl_s) - (a->ttl_s < b->ttl_s);
}

// The first owner that is the question's name decides whether the case was kept.
static void look_at_case(struct facts *f, const struct message_rr *rr, bool *is_seen)
{
	if (*is_seen || !f->has_question || !dname_is_equal(rr->owner.wire, f->name.wire))
		return;
	*is_seen = true;
	f->keeps_case = memcmp(rr->owner.wire, f->name.wire, f->name.size_bytes) == 0;
}

static int read_section(struct rdbuf *r, unsigned count, enum facts_section section,
	struct arena *arena, struct facts *f)
{
	// A record takes at least 11 bytes: the count cannot make us allocate more than they allow.
	size_t max = rdbuf_left(r) / (1 + DNS_RR_FIXED_BYTES);
	struct fact_record *records = arena_alloc(arena, (max + 1) * sizeof(*records));
	bool is_seen = false;
	size_t n = 0;

	if (records == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < count && !r->bad; i++) {
		struct message_rr rr;
		message_rr(r, &rr);
		if (r->bad || n > max)
			break;
		if (section == FACTS_ANSWER)
			look_at_case(f, &rr, &is_seen);
		if (rr.type == RR_TYPE_OPT)
			take_opt(r, &rr, f);
		else if (add_record(r, &rr, arena, &records[n++]) != 0)
			return -ENOMEM;
	}
	qsort(records, n, sizeof(*records), compare_with_ttl);
	f->records[section] = records;
	f->n[section] = n;
	return 0;
}

int facts_read(const uint8_t *msg, size_t size_bytes, struct arena *arena, struct facts *out)
{
	struct rdbuf r = rdbuf_of(msg, size_bytes);
	unsigned counts[FACTS_SECTIONS];
	int rc = 0;

	*out = (struct facts){.msg = msg, .size_bytes = size_bytes, .keeps_case = true};
	(void)rdbuf_u16(&r);
	out->flags = rdbuf_u16(&r);
	out->rcode = out->flags & HEADER_RCODE;
	unsigned questions = rdbuf_u16(&r);
	for (unsigned i = 0; i < FACTS_SECTIONS; i++)
		counts[i] = rdbuf_u16(&r);
	if (questions == 1) {
		message_name(&r, r.size_bytes, &out->name);
		out->type = rdbuf_u16(&r);
		out->class = rdbuf_u16(&r);
		out->has_question = !r.bad;
	}
	r.bad = r.bad || questions > 1;
	for (unsigned i = 0; i < FACTS_SECTIONS && rc == 0 && !r.bad; i++)
		rc = read_section(&r, counts[i], (enum facts_section)i, arena, out);
	out->is_silent = r.bad || r.pos != size_bytes;
	return rc;
}

bool facts_is_same(const struct facts *a, const struct facts *b, enum facts_section section)
{
	if (a->n[section] != b->n[section])
		return false;
	for (size_t i = 0; i < a->n[section]; i++) {
		if (fact_compare(&a->records[section][i], &b->records[section][i]) != 0)
			return false;
	}
	return true;
}

static bool is_section_part(
	const struct facts *part, const struct facts *whole, enum facts_section section)
{
	size_t k = 0;

	for (size_t i = 0; i < part->n[section]; i++) { // both are sorted
		const struct fact_record *it = &part->records[section][i];
		while (k < whole->n[section] && fact_compare(&whole->records[section][k], it) < 0)
			k++;
		if (k == whole->n[section] || fact_compare(&whole->records[section][k], it) != 0)
			return false;
	}
	return true;
}

bool facts_is_part(const struct facts *part, const struct facts *whole)
{
	for (unsigned i = 0; i < FACTS_SECTIONS; i++) {
		if (!is_section_part(part, whole, (enum facts_section)i))
			return false;
	}
	return true;
}

const char *facts_result(const struct facts *f, char *buf)
{
	if (f->is_silent)
		(void)snprintf(buf, RESULT_BYTES, "SILENCE");
	else if (f->rcode != RCODE_NOERROR)
		(void)rcode_print(f->rcode, buf, RESULT_BYTES);
	else
		(void)snprintf(buf, RESULT_BYTES, "%s",
			f->n[FACTS_ANSWER] > 0 || (f->flags & HEADER_TC) != 0 ? "ANSWER"
									      : "NODATA");
	return buf;
}
