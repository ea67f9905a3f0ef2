// SPDX-License-Identifier: Apache-2.0
// Details are kept as JSON, and printed from it as text when that is asked for.
#include "cli/compare_report.h"

#include "zones/wire/message.h"

#include <errno.h>
#include <string.h>

enum { RR_TEXT_BYTES = 4096, RECORDS_SHOWN = 40 };

int compare_report_init(struct compare_report *r, size_t show_max)
{
	*r = (struct compare_report){.show_max = show_max, .details = json_array()};
	return r->details == NULL ? -ENOMEM : 0;
}

void compare_report_fini(struct compare_report *r)
{
	json_decref(r->details);
	*r = (struct compare_report){0};
}

static const char *print_question(const struct question *q, char *buf, size_t size_bytes)
{
	char name[DNAME_TEXT_MAX_BYTES], type[16];

	(void)snprintf(buf, size_bytes, "%s %s",
		dname_print(q->name, name, sizeof(name)), // a long name is cut
		rr_type_print(q->type, type, sizeof(type)));
	return buf;
}

// All records of a reply as text, bounded.
static json_t *records_json(const struct facts *f)
{
	static char text[RR_TEXT_BYTES];
	struct rdbuf r = rdbuf_of(f->msg, f->size_bytes);
	json_t *list = json_array();
	struct dname name;
	unsigned n = 0;

	(void)rdbuf_take(&r, 4);
	unsigned questions = rdbuf_u16(&r);
	for (unsigned i = 0; i < 3; i++)
		n += rdbuf_u16(&r);
	for (unsigned i = 0; i < questions && !r.bad; i++) {
		message_name(&r, r.size_bytes, &name);
		(void)rdbuf_take(&r, 4);
	}
	for (unsigned i = 0; i < n && i < RECORDS_SHOWN && !r.bad; i++) {
		struct message_rr rr;
		message_rr(&r, &rr);
		if (!r.bad && rr.type != RR_TYPE_OPT)
			(void)json_array_append_new(list, // a short list shows
				json_string(message_rr_print(&r, &rr, text, sizeof(text))));
	}
	return list;
}

static json_t *side_json(const struct facts *f)
{
	char result[24];

	(void)facts_result(f, result);
	return json_pack("{s:s, s:o}", "result", result, "records",
		f->is_silent ? json_array() : records_json(f));
}

static void add_details(struct compare_report *r, const struct compare_finding *f)
{
	char text[DNAME_TEXT_MAX_BYTES + 20];
	json_t *fields = json_array();

	for (size_t i = 0; i < f->unexplained.n; i++) {
		const struct difference *d = &f->unexplained.items[i];
		(void)json_array_append_new(fields,
			json_pack("{s:s, s:s, s:s}", "field", compare_field_text(d->field), "a",
				d->a, "b", d->b)); // a short list shows
	}
	(void)print_question(f->question, text, sizeof(text));
	(void)json_array_append_new(r->details,
		json_pack("{s:s, s:o, s:o, s:o}", "question", text, "differences", fields, "a",
			side_json(f->a), "b", side_json(f->b)));
}

void compare_report_add(struct compare_report *r, const struct compare_finding *f)
{
	size_t n;
	const struct quirk *all = quirk_all(&n);

	r->asked++;
	r->silent += f->a->is_silent && f->b->is_silent;
	for (size_t i = 0; i < f->n_quirks; i++) {
		size_t at = (size_t)(f->quirks[i] - all);
		if (r->by_quirk[at]++ == 0)
			(void)print_question(f->question, r->example[at], sizeof(r->example[at]));
	}
	if (f->unexplained.n > 0) {
		r->unexplained++;
		if (json_array_size(r->details) < r->show_max)
			add_details(r, f);
	} else if (f->n_quirks > 0) {
		r->explained++;
	} else {
		r->same++;
	}
}

bool compare_report_is_go(const struct compare_report *r)
{
	return r->unexplained == 0 && r->asked > r->silent && r->not_asked == 0;
}

static void print_side(const char *who, json_t *side, FILE *out)
{
	json_t *records = json_object_get(side, "records");

	(void)fprintf(out, "  %s: %s\n", who, json_string_value(json_object_get(side, "result")));
	for (size_t i = 0; i < json_array_size(records); i++)
		(void)fprintf(out, "     %s\n", json_string_value(json_array_get(records, i)));
}

static void print_details(json_t *it, FILE *out)
{
	json_t *fields = json_object_get(it, "differences");

	(void)fprintf(out, "\n;; %s\n", json_string_value(json_object_get(it, "question")));
	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *d = json_array_get(fields, i);
		(void)fprintf(out, "  %s: A %s, B %s\n",
			json_string_value(json_object_get(d, "field")),
			json_string_value(json_object_get(d, "a")),
			json_string_value(json_object_get(d, "b")));
	}
	print_side("A", json_object_get(it, "a"), out);
	print_side("B", json_object_get(it, "b"), out);
}

// Part of the questions is no ground to move a cluster, and what was found counts all the same.
static const char *verdict(const struct compare_report *r)
{
	if (compare_report_is_go(r))
		return "go";
	if (r->not_asked > 0 && r->unexplained == 0 && r->asked > r->silent)
		return "no verdict: --limit left questions out";
	return "no go";
}

void compare_report_print(const struct compare_report *r, FILE *out)
{
	size_t n, shown = json_array_size(r->details);
	const struct quirk *all = quirk_all(&n);

	if (r->explained > 0)
		(void)fprintf(out, "quirk    questions  what B does\n");
	for (size_t i = 0; i < n; i++) {
		if (r->by_quirk[i] > 0)
			(void)fprintf(out, "%-7s  %9zu  %s (%s)\n", all[i].number, r->by_quirk[i],
				all[i].text, r->example[i]);
	}
	for (size_t i = 0; i < shown; i++)
		print_details(json_array_get(r->details, i), out);
	if (shown < r->unexplained)
		(void)fprintf(out, "\n%zu more that nothing explains\n", r->unexplained - shown);
	(void)fprintf(out,
		"\n%zu questions: %zu same, %zu differ as intended, %zu unexplained, %zu answered "
		"by neither\n",
		r->asked, r->same, r->explained, r->unexplained, r->silent);
	if (r->not_asked > 0)
		(void)fprintf(out, "up to %zu more questions were not asked\n", r->not_asked);
	(void)fprintf(out, "%s\n", verdict(r));
}

int compare_report_json(const struct compare_report *r, FILE *out)
{
	size_t n;
	const struct quirk *all = quirk_all(&n);
	json_t *quirks = json_array();

	for (size_t i = 0; i < n; i++) {
		if (r->by_quirk[i] > 0)
			(void)json_array_append_new(quirks,
				json_pack("{s:s, s:s, s:I, s:s}", "quirk", all[i].number, "what",
					all[i].text, "questions", (json_int_t)r->by_quirk[i],
					"example", r->example[i])); // a short list shows
	}
	json_t *doc = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "go",
		compare_report_is_go(r), "asked", (json_int_t)r->asked, "not_asked",
		(json_int_t)r->not_asked, "same", (json_int_t)r->same, "explained",
		(json_int_t)r->explained, "unexplained", (json_int_t)r->unexplained, "silent",
		(json_int_t)r->silent, "quirks", quirks, "details", r->details);
	int rc = doc == NULL ? -1 : json_dumpf(doc, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)fputc('\n', out);
	json_decref(doc);
	return rc;
}
