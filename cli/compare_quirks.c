// SPDX-License-Identifier: Apache-2.0
// One table: which field of which shape and type may differ how. A list is alternatives, "*" is
// anything. tests/differential/quirks.txt is the same for questions of every kind; here are those
// that an ordinary client asks.
#include "cli/compare_quirks.h"

#include "zones/base/array.h"
#include "zones/base/rdbuf.h"

#include <stdlib.h>
#include <string.h>

enum { OUR_LIMIT = DNS_UDP_MAX_BYTES };

// Indexes of quirks[].
enum {
	Q1,
	Q2,
	Q3,
	Q4,
	Q5,
	Q6,
	Q7,
	Q8,
	Q11,
	Q12,
	Q17,
	Q20,
	Q22,
	Q25,
	Q26,
	Q27,
	Q31,
	EXTENDED,
	OUTSIDE,
};

static const struct quirk quirks[] = {
	[Q1] = {"1", "TXT where names lie below: no data, not \"no such name\""},
	[Q2] = {"2", "SOA of a missing name: no such name"},
	[Q3] = {"3", "NS of a zone in capitals is answered"},
	[Q4] = {"4", "NS with a plain bind is answered"},
	[Q5] = {"5", "NS of reverse zones is the cluster zone's server"},
	[Q6] = {"6", "PTR only for namespaces that exist and are served"},
	[Q7] = {"7", "labels in front of a pod's name: no such name"},
	[Q8] = {"8", "no SRV with port 0 for pods"},
	[Q11] = {"11", "ttl 0 stays 0"},
	[Q12] = {"12", "the client's spelling is kept"},
	[Q17] = {"17", "AA=0 on forwarded and cached answers"},
	[Q20] = {"20", "UDP size 1232 is advertised and held"},
	[Q22] = {"22", "each record keeps its own TTL"},
	[Q25] = {"25", "no TC when only additional records are left out"},
	[Q26] = {"26", "server cookies; no keepalive or padding over UDP"},
	[Q27] = {"27", "cluster names are not cached: TTL and spelling stay"},
	[Q31] = {"31", "PTR of an endpoint whose slice names no service is answered"},
	[EXTENDED] = {"EDE", "an extended error says why (RFC 8914)"},
	[OUTSIDE] = {"outside", "data of names outside the cluster change by themselves"},
};

typedef bool condition_fn(const struct quirk_case *c);

static bool has_capitals(const struct quirk_case *c)
{
	size_t size = dname_size(c->question->name, DNS_NAME_MAX_BYTES);

	for (size_t i = 0; i < size; i++) {
		if (dname_lower_byte(c->question->name[i]) != c->question->name[i])
			return true;
	}
	return false;
}

static bool is_below(const struct quirk_case *c)
{
	return c->subject->shape != SUBJECT_APEX && c->subject->shape != SUBJECT_REVERSE_APEX &&
		c->subject->shape != SUBJECT_OUTSIDE;
}

static bool has_record(const struct facts *f, const struct fact_record *r)
{
	for (size_t i = 0; i < f->n[FACTS_ANSWER]; i++) {
		if (fact_compare(&f->records[FACTS_ANSWER][i], r) == 0)
			return true;
	}
	return false;
}

// All that only A answers points into namespaces that B does not know.
static bool is_gone_space(const struct quirk_case *c)
{
	for (size_t i = 0; i < c->a->n[FACTS_ANSWER]; i++) {
		const struct fact_record *r = &c->a->records[FACTS_ANSWER][i];
		struct subject target;
		if (r->type != RR_TYPE_PTR || has_record(c->b, r))
			continue;
		subject_of(c->zones, r->data, &target);
		if (target.ns[0] == 0 || !c->is_gone(c->user, &target))
			return false;
	}
	for (size_t i = 0; i < c->b->n[FACTS_ANSWER]; i++) {
		if (!has_record(c->a, &c->b->records[FACTS_ANSWER][i]))
			return false;
	}
	return true;
}

static bool is_recursive(const struct quirk_case *c)
{
	return (c->b->flags & HEADER_RA) != 0;
}

// A's TTLs have counted down.
static bool is_older(const struct quirk_case *c)
{
	for (unsigned s = 0; s < FACTS_SECTIONS; s++) {
		if (!facts_is_same(c->a, c->b, (enum facts_section)s))
			continue;
		for (size_t i = 0; i < c->a->n[s]; i++) {
			if (c->a->records[s][i].ttl_s > c->b->records[s][i].ttl_s)
				return false;
		}
	}
	return true;
}

static bool is_large(const struct quirk_case *c)
{
	return c->question->edns_bytes > OUR_LIMIT;
}

static bool is_only_more(const struct quirk_case *c)
{
	return c->b->n[FACTS_ANSWER] >= c->a->n[FACTS_ANSWER];
}

// Whether a has only the listed codes more than b has, and the reverse.
static bool options_differ_in(const struct facts *a, const struct facts *b, uint64_t allowed)
{
	const struct facts *both[] = {a, b};
	uint64_t seen[2] = {0, 0};

	for (unsigned i = 0; i < 2; i++) {
		struct rdbuf r = rdbuf_of(both[i]->options, both[i]->options_size);
		while (!r.bad && r.pos < r.size_bytes) {
			uint16_t code = rdbuf_u16(&r);
			(void)rdbuf_take(&r, rdbuf_u16(&r));
			if (code >= 64)
				return false;
			seen[i] |= UINT64_C(1) << code;
		}
		if (r.bad)
			return false;
	}
	return ((seen[0] ^ seen[1]) & ~allowed) == 0;
}

static const uint64_t cookie_options =
	UINT64_C(1) << EDNS_COOKIE | UINT64_C(1) << EDNS_KEEPALIVE | UINT64_C(1) << EDNS_PADDING;

static bool are_cookies(const struct quirk_case *c)
{
	return options_differ_in(c->a, c->b, cookie_options);
}

static bool are_reasons(const struct quirk_case *c)
{
	return options_differ_in(c->a, c->b, cookie_options | UINT64_C(1) << EDNS_EDE);
}

// Both forwarded, and both got records of the same type.
static bool is_moving(const struct quirk_case *c)
{
	if ((c->a->flags & c->b->flags & HEADER_RA) == 0)
		return false;
	for (size_t i = 0; i < c->a->n[FACTS_ANSWER]; i++) {
		uint16_t type = c->a->records[FACTS_ANSWER][i].type;
		if (type != c->question->type && type != RR_TYPE_CNAME)
			return false;
	}
	return (c->a->n[FACTS_ANSWER] > 0) == (c->b->n[FACTS_ANSWER] > 0);
}

struct row {
	unsigned quirk;
	enum compare_field field;
	const char *a, *b; // values
	const char *shapes, *types;
	condition_fn *when; // NULL: always
};

static const char between[] = "apex,rapex,svc,pod,ns.svc,ns.pod,ns.dns,service";
static const char inside[] = "apex,rapex,reverse,ns.dns,dns-version,svc,pod,ns.svc,ns.pod,service,"
			     "endpoint,port,deep,podname,podextra,poddeep,other";

static const struct row rows[] = {
	{Q1, COMPARE_RESULT, "NXDOMAIN", "NODATA", between, "TXT", NULL},
	{Q2, COMPARE_RESULT, "NODATA", "NXDOMAIN", "*", "SOA", is_below},
	{Q3, COMPARE_RESULT, "NODATA", "ANSWER", "apex,rapex", "NS", has_capitals},
	{Q3, COMPARE_RESULT, "NXDOMAIN", "ANSWER,NODATA", "ns.dns", "*", has_capitals},
	{Q4, COMPARE_RESULT, "NODATA", "ANSWER", "apex,rapex", "NS", NULL},
	{Q4, COMPARE_RESULT, "NODATA", "ANSWER", "ns.dns", "A,AAAA", NULL},
	{Q5, COMPARE_ANSWER, "*", "*", "rapex", "NS", NULL},
	{Q5, COMPARE_ADDITIONAL, "*", "*", "rapex", "NS", NULL},
	{Q6, COMPARE_RESULT, "ANSWER", "*", "reverse", "PTR", is_gone_space},
	{Q6, COMPARE_ANSWER, "*", "*", "reverse", "PTR", is_gone_space},
	{Q7, COMPARE_RESULT, "ANSWER,NODATA", "NXDOMAIN", "podextra", "*", NULL},
	{Q8, COMPARE_RESULT, "ANSWER", "NODATA", "podname", "SRV", NULL},
	{Q11, COMPARE_TTL, "5", "0", "*", "*", NULL},
	{Q12, COMPARE_CASE, "*", "*", "outside", "*", NULL},
	{Q17, COMPARE_AA, "1", "0", "outside", "*", NULL},
	{Q17, COMPARE_AA, "1", "0", "reverse", "*", is_recursive},
	{Q20, COMPARE_SIZE, "*", "1232", "*", "*", NULL},
	{Q20, COMPARE_TC, "0", "1", "*", "*", is_large},
	{Q22, COMPARE_TTL, "*", "*", "outside", "*", NULL},
	{Q25, COMPARE_TC, "1", "0", "*", "*", is_only_more},
	{Q26, COMPARE_OPTIONS, "*", "*", "*", "*", are_cookies},
	{Q27, COMPARE_TTL, "*", "*", inside, "*", is_older},
	{Q27, COMPARE_CASE, "lost", "kept", inside, "*", NULL},
	{Q31, COMPARE_RESULT, "SILENCE", "*", "reverse", "PTR", NULL},
	{Q31, COMPARE_TCP, "SILENCE", "*", "reverse", "PTR", NULL},
	{EXTENDED, COMPARE_OPTIONS, "*", "*", "*", "*", are_reasons},
	{OUTSIDE, COMPARE_ANSWER, "*", "*", "outside", "*", is_moving},
	{OUTSIDE, COMPARE_AUTHORITY, "*", "*", "outside", "*", is_moving},
	{OUTSIDE, COMPARE_ADDITIONAL, "*", "*", "outside", "*", is_moving},
};

// Whether a word is among the alternatives.
static bool is_in(const char *word, const char *list)
{
	size_t len = strlen(word);

	if (strcmp(list, "*") == 0)
		return true;
	for (const char *p = list; *p != 0;) {
		size_t n = strcspn(p, ",");
		if (n == len && memcmp(p, word, len) == 0)
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

const struct quirk *quirk_explain(const struct difference *d, const struct quirk_case *c)
{
	char type[16];
	const char *shape = subject_shape_text(c->subject->shape);

	(void)rr_type_print(c->question->type, type, sizeof(type));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		if (r->field == d->field && is_in(d->a, r->a) && is_in(d->b, r->b) &&
			is_in(shape, r->shapes) && is_in(type, r->types) &&
			(r->when == NULL || r->when(c)))
			return &quirks[r->quirk];
	}
	return NULL;
}

const struct quirk *quirk_all(size_t *n)
{
	*n = ARRAY_LEN(quirks);
	return quirks;
}
