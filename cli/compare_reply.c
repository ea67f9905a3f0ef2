// SPDX-License-Identifier: Apache-2.0
// Compares results first: what follows from another result is not compared.
#include "cli/compare_reply.h"

#include "zones/base/rdbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMPARE_TEXT(name, text) [COMPARE_##name] = (text),
static const char *const texts[] = {COMPARE_FIELDS(COMPARE_TEXT)};
#undef COMPARE_TEXT

const char *compare_field_text(enum compare_field field)
{
	return texts[field];
}

static void differ(struct differences *d, enum compare_field field, const char *a, const char *b)
{
	if (d->n == DIFFERENCES_MAX)
		return;
	struct difference *it = &d->items[d->n++];
	it->field = field;
	(void)snprintf(it->a, sizeof(it->a), "%s", a);
	(void)snprintf(it->b, sizeof(it->b), "%s", b);
}

static void differ_numbers(
	struct differences *d, enum compare_field field, unsigned long a, unsigned long b)
{
	char ta[24], tb[24];

	if (a == b)
		return;
	(void)snprintf(ta, sizeof(ta), "%lu", a);
	(void)snprintf(tb, sizeof(tb), "%lu", b);
	differ(d, field, ta, tb);
}

static void differ_presence(struct differences *d, enum compare_field field, bool a, bool b)
{
	if (a != b)
		differ(d, field, a ? "yes" : "-", b ? "yes" : "-");
}

// What is wrong with B's reply all by itself.
static void find_faults(
	const struct compare_question *q, const struct facts *b, struct differences *d)
{
	char text[DIFFERENCE_BYTES];
	size_t limit =
		q->edns_bytes > DNS_UDP_MIN_BYTES ? (size_t)q->edns_bytes : DNS_UDP_MIN_BYTES;

	if (limit > q->our_limit)
		limit = q->our_limit;
	if ((b->flags & HEADER_QR) == 0)
		differ(d, COMPARE_FAULT, "-", "QR=0");
	if (b->has_question &&
		(b->type != q->type || b->class != RR_CLASS_IN ||
			b->name.size_bytes != dname_size(q->name, 255) ||
			memcmp(b->name.wire, q->name, b->name.size_bytes) != 0))
		differ(d, COMPARE_FAULT, "-", "question changed");
	if (!q->is_tcp && b->size_bytes > limit) {
		(void)snprintf(text, sizeof(text), "%zu bytes, limit %zu", b->size_bytes, limit);
		differ(d, COMPARE_FAULT, "-", text);
	}
}

// A negative answer that differs on purpose still needs its SOA (RFC 2308 2).
static void check_negative(const struct facts *b, const char *result, struct differences *d)
{
	bool is_negative = strcmp(result, "NODATA") == 0 || strcmp(result, "NXDOMAIN") == 0;

	if (!is_negative || (b->flags & HEADER_AA) == 0)
		return;
	for (size_t i = 0; i < b->n[FACTS_AUTHORITY]; i++) {
		if (b->records[FACTS_AUTHORITY][i].type == RR_TYPE_SOA)
			return;
	}
	differ(d, COMPARE_SOA, "*", "missing");
}

static void compare_flags(const struct facts *a, const struct facts *b, struct differences *d)
{
	static const struct {
		enum compare_field field;
		uint16_t bit;
	} flags[] = {{COMPARE_AA, HEADER_AA}, {COMPARE_RD, HEADER_RD}, {COMPARE_RA, HEADER_RA},
		{COMPARE_AD, HEADER_AD}, {COMPARE_CD, HEADER_CD}, {COMPARE_Z, HEADER_Z}};

	differ_numbers(d, COMPARE_OPCODE, (a->flags & HEADER_OPCODE) >> 11,
		(b->flags & HEADER_OPCODE) >> 11);
	differ_presence(d, COMPARE_QUESTION, a->has_question, b->has_question);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		differ_numbers(d, flags[i].field, (a->flags & flags[i].bit) != 0,
			(b->flags & flags[i].bit) != 0);
	if (a->keeps_case != b->keeps_case)
		differ(d, COMPARE_CASE, a->keeps_case ? "kept" : "lost",
			b->keeps_case ? "kept" : "lost");
}

__attribute__((format(printf, 3, 4))) static void append(
	char *buf, size_t size_bytes, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + len, size_bytes - len, fmt, ap); // cut when there are too many
	va_end(ap);
}

// The codes of the options, in order of appearance; "malformed" for what is no list of options.
static const char *print_options(const struct facts *f, char buf[DIFFERENCE_BYTES])
{
	struct rdbuf r = rdbuf_of(f->options, f->options_size);

	buf[0] = 0;
	while (!r.bad && r.pos < r.size_bytes) {
		uint16_t code = rdbuf_u16(&r);
		(void)rdbuf_take(&r, rdbuf_u16(&r));
		append(buf, DIFFERENCE_BYTES, "%s%u", buf[0] == 0 ? "" : ",", code);
	}
	if (r.bad)
		(void)snprintf(buf, DIFFERENCE_BYTES, "malformed");
	return buf;
}

static void compare_opt(const struct facts *a, const struct facts *b, struct differences *d)
{
	char ta[DIFFERENCE_BYTES], tb[DIFFERENCE_BYTES];

	differ_presence(d, COMPARE_OPT, a->has_opt, b->has_opt);
	if (!a->has_opt || !b->has_opt)
		return;
	differ_numbers(d, COMPARE_SIZE, a->opt_bytes, b->opt_bytes);
	differ_numbers(d, COMPARE_EDNS, (unsigned long)a->opt_version << 16 | a->opt_flags,
		(unsigned long)b->opt_version << 16 | b->opt_flags);
	if (strcmp(print_options(a, ta), print_options(b, tb)) != 0)
		differ(d, COMPARE_OPTIONS, ta, tb);
}

// The different TTLs of a section, in the order of its records.
static const char *print_ttls(
	const struct facts *f, enum facts_section section, char buf[DIFFERENCE_BYTES])
{
	const struct fact_record *r = f->records[section];

	buf[0] = 0;
	for (size_t i = 0; i < f->n[section]; i++) {
		if (i == 0 || r[i].ttl_s != r[i - 1].ttl_s)
			append(buf, DIFFERENCE_BYTES, "%s%u", i == 0 ? "" : ",", r[i].ttl_s);
	}
	return buf;
}

static bool has_same_ttls(const struct facts *a, const struct facts *b, enum facts_section section)
{
	for (size_t i = 0; i < a->n[section]; i++) {
		if (a->records[section][i].ttl_s != b->records[section][i].ttl_s)
			return false;
	}
	return true;
}

static void compare_sections(const struct facts *a, const struct facts *b, struct differences *d)
{
	char ta[DIFFERENCE_BYTES], tb[DIFFERENCE_BYTES];

	for (unsigned i = 0; i < FACTS_SECTIONS; i++) {
		enum facts_section section = (enum facts_section)i;
		if (!facts_is_same(a, b, section)) {
			(void)snprintf(ta, sizeof(ta), "%zu", a->n[i]);
			(void)snprintf(tb, sizeof(tb), "%zu", b->n[i]);
			differ(d, (enum compare_field)(COMPARE_ANSWER + i), ta, tb);
		} else if (!has_same_ttls(a, b, section)) {
			differ(d, COMPARE_TTL, print_ttls(a, section, ta),
				print_ttls(b, section, tb));
		}
	}
}

// A UDP reply must be a part of the whole one, and say so when answers are left out.
static void compare_part(
	const struct facts *f, const struct facts *whole, const char *who, struct differences *d)
{
	if (!facts_is_part(f, whole))
		differ(d, COMPARE_PART, who, who);
	if (!facts_is_same(f, whole, FACTS_ANSWER) && (f->flags & HEADER_TC) == 0)
		differ(d, COMPARE_SILENTCUT, who, who);
}

static void compare_cut(const struct facts *a, const struct facts *b, compare_fetch_fn *fetch,
	void *user, struct differences *d)
{
	struct facts whole_a, whole_b;
	char ta[DIFFERENCE_BYTES], tb[DIFFERENCE_BYTES];

	fetch(user, &whole_a, &whole_b);
	if (whole_a.is_silent || whole_b.is_silent) {
		differ(d, COMPARE_TCP, facts_result(&whole_a, ta), facts_result(&whole_b, tb));
		return;
	}
	compare_sections(&whole_a, &whole_b, d);
	compare_part(a, &whole_a, "a", d);
	compare_part(b, &whole_b, "b", d);
	differ_numbers(d, COMPARE_TC, (a->flags & HEADER_TC) != 0, (b->flags & HEADER_TC) != 0);
}

void compare_replies(const struct compare_question *q, const struct facts *a, const struct facts *b,
	compare_fetch_fn *fetch, void *user, struct differences *out)
{
	char ra[DIFFERENCE_BYTES], rb[DIFFERENCE_BYTES];
	bool is_same = strcmp(facts_result(a, ra), facts_result(b, rb)) == 0;

	out->n = 0;
	if (!is_same)
		differ(out, COMPARE_RESULT, ra, rb);
	if (a->is_silent || b->is_silent)
		return;
	find_faults(q, b, out);
	if (!is_same) {
		check_negative(b, rb, out);
		return;
	}
	compare_flags(a, b, out);
	compare_opt(a, b, out);
	bool is_cut =
		((a->flags | b->flags) & HEADER_TC) != 0 || !facts_is_same(a, b, FACTS_ADDITIONAL);
	if (is_cut && !q->is_tcp)
		compare_cut(a, b, fetch, user, out);
	else
		compare_sections(a, b, out);
}
