// SPDX-License-Identifier: Apache-2.0
// `template`: answers made of the question by Go templates (k8s:2.13).
#include "slowpath/plugin/made.h"
#include "slowpath/plugin/name_text.h"
#include "slowpath/plugin/plugins.h"
#include "slowpath/plugin/record_text.h"
#include "zones/base/array.h"
#include "zones/gotmpl/gotmpl.h"
#include "zones/link/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct template_list {
	const struct gotmpl **items;
	size_t n;
};

struct template_state {
	const struct policy_template *rule;
	struct arena arena; // of the templates
	struct regex **match;
	struct template_list part[RESPONSE_PARTS];
};

// One question at work.
struct work {
	struct gotmpl_data data;
	struct response made;
	const uint8_t *zone; // that holds the name
	uint16_t type;
	size_t next; // answer template
};

static void template_release(void *state)
{
	struct template_state *s = state;

	if (s == NULL)
		return;
	for (size_t i = 0; s->match != NULL && i < s->rule->match.n; i++)
		regex_free(s->match[i]);
	free(s->match);
	arena_fini(&s->arena);
	free(s);
}

static int list_make(struct template_state *s, const struct policy_texts *texts,
	enum response_part part, struct err *err)
{
	struct template_list *list = &s->part[part];

	list->items = arena_alloc(&s->arena, (texts->n + 1) * sizeof(struct gotmpl *));
	if (list->items == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	for (size_t i = 0; i < texts->n; i++) {
		list->items[i] = gotmpl_compile(texts->items[i].text, &s->arena, err);
		if (list->items[i] == NULL)
			return -EINVAL;
	}
	list->n = texts->n;
	return 0;
}

static int state_make(struct template_state *s, struct err *err)
{
	const struct policy_template *t = s->rule;

	s->match = calloc(t->match.n + 1, sizeof(struct regex *));
	if (s->match == NULL)
		return err_set(err, -ENOMEM, "memory is short");
	for (size_t i = 0; i < t->match.n; i++) {
		s->match[i] = regex_new(t->match.items[i].text, err);
		if (s->match[i] == NULL)
			return -EINVAL;
	}
	int rc = list_make(s, &t->answer, RESPONSE_ANSWER, err);
	if (rc == 0)
		rc = list_make(s, &t->authority, RESPONSE_AUTHORITY, err);
	if (rc == 0)
		rc = list_make(s, &t->additional, RESPONSE_ADDITIONAL, err);
	return rc;
}

static bool template_prepare(const void *data, void **state, struct err *err)
{
	struct template_state *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short"); // told by false
		return false;
	}
	s->rule = data;
	if (state_make(s, err) != 0) {
		template_release(s);
		return false;
	}
	*state = s;
	return true;
}

// The first pattern that matches; without patterns everything does (".*"). NULL text: none.
static const char *find_pattern(const struct template_state *s, const struct name_text *name,
	struct regex_match *m, const struct regex **re)
{
	*re = NULL;
	*m = (struct regex_match){.group = {{0, name->n}}, .n = 1};
	if (s->rule->match.n == 0)
		return ".*";
	for (size_t i = 0; i < s->rule->match.n; i++) {
		*re = s->match[i];
		if (name_text_match(*re, name, m))
			return s->rule->match.items[i].text;
	}
	return NULL;
}

static const char *text_of(struct job *j, const char *s)
{
	return arena_copy(&j->arena, s, strlen(s) + 1);
}

static const char *name_of(struct job *j, const uint8_t *wire)
{
	struct name_text text;

	name_text_of(wire, &text);
	return text_of(j, text.s);
}

static const char *class_text(uint16_t class)
{
	switch (class) {
	case RR_CLASS_IN:
		return "IN";
	case RR_CLASS_CH:
		return "CH";
	case RR_CLASS_HS:
		return "HS";
	case RR_CLASS_NONE:
		return "NONE";
	default:
		return class == RR_CLASS_ANY ? "ANY" : "";
	}
}

static const char *remote_of(struct job *j)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (j->from.family != 0)
		(void)inet_ntop(j->from.family == 4 ? AF_INET : AF_INET6, j->from.address, text,
			sizeof(text)); // fits
	return text_of(j, text);
}

static int groups_fill(struct job *j, const struct name_text *name, const struct regex_match *m,
	const struct regex *re, struct gotmpl_data *d)
{
	struct gotmpl_text *match = arena_alloc(&j->arena, m->n * sizeof(*match));
	const char **names = arena_alloc(&j->arena, m->n * sizeof(*names));

	if (match == NULL || names == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++) {
		const char *from = d->name + m->group[i].begin;
		match[i] = (struct gotmpl_text){from, m->group[i].end - m->group[i].begin};
		names[i] = re == NULL ? NULL : regex_group_name(re, i);
	}
	d->match = match;
	d->group = names;
	d->n_match = m->n;
	return 0;
}

// What the templates can name. j->question.type ANY stands for the template's own type.
static int data_fill(
	struct job *j, const struct template_state *s, const uint8_t *zone, struct gotmpl_data *d)
{
	uint16_t type = j->question.type == RR_TYPE_ANY ? s->rule->qtype : j->question.type;
	uint16_t class = j->question.class == RR_CLASS_ANY ? s->rule->qclass : j->question.class;
	const uint8_t *name = j->question.name.wire;

	d->zone = name_of(j, zone);
	d->name = name_of(j, name);
	d->class = class_text(class);
	d->type = record_type_text(&j->arena, type);
	d->remote = remote_of(j);
	d->question_name = d->name;
	if (j->spelled != NULL && dname_is_equal(name, j->spelled))
		d->question_name = name_of(j, j->spelled);
	d->qtype = j->question.type;
	d->qclass = j->question.class;
	d->id = j->query->id;
	d->is_rd = (j->question.flags & HEADER_RD) != 0;
	d->is_cd = (j->question.flags & HEADER_CD) != 0;
	d->is_ad = (j->question.flags & HEADER_AD) != 0;
	bool is_short = d->zone == NULL || d->name == NULL || d->type == NULL ||
		d->remote == NULL || d->question_name == NULL;
	return is_short ? -ENOMEM : 0;
}

// Types as the metrics of queries tell them apart: clients cannot make up series.
static const char *type_label(const struct work *w)
{
	return counters_type_name(counters_type(w->type));
}

static void count_failure(const struct job *j, const struct frame *f, enum rule_metric metric,
	enum response_part part, size_t i)
{
	static const char *const sections[RESPONSE_PARTS] = {"answer", "authority", "additional"};
	const struct template_state *s = f->state;
	const struct policy_texts *const texts[RESPONSE_PARTS] = {
		&s->rule->answer, &s->rule->authority, &s->rule->additional};
	const struct work *w = f->memory;
	const char *const more[] = {
		w->data.class, type_label(w), sections[part], texts[part]->items[i].text};

	plugin_count_more(j, metric, w->zone, more, ARRAY_LEN(more));
}

// Runs one template and adds its record.
static int add_record(struct job *j, struct frame *f, enum response_part part, size_t i)
{
	struct work *w = f->memory;
	const struct template_state *s = f->state;
	struct response_rr rr = {0};
	const char *text = NULL;
	struct err err = {0};
	int rc = gotmpl_run(s->part[part].items[i], &w->data, &j->arena, &text, &err);

	if (rc != 0) {
		count_failure(j, f, RULE_TEMPLATE_FAILURES, part, i);
		return rc;
	}
	rc = record_text_parse(&j->arena, text, &rr);
	if (rc != 0) {
		count_failure(j, f, RULE_RR_FAILURES, part, i);
		return rc;
	}
	return response_add(&j->arena, &w->made, part, &rr);
}

// CoreDNS looks the target of an alias up, whether `upstream` is written or not.
static bool has_target(struct job *j, const struct work *w)
{
	const struct response_rrs *answer = &w->made.part[RESPONSE_ANSWER];
	const struct response_rr *rr = &answer->items[answer->n - 1];

	if (rr->type != RR_TYPE_CNAME ||
		(j->question.type != RR_TYPE_A && j->question.type != RR_TYPE_AAAA))
		return false;
	j->target = j->question;
	j->target.class = RR_CLASS_IN;
	j->target.name.size_bytes = (uint8_t)dname_size(rr->rdata, rr->rdata_size);
	memcpy(j->target.name.wire, rr->rdata, j->target.name.size_bytes);
	dname_lower(&j->target.name);
	return j->target.name.size_bytes > 0;
}

// From the next answer template to the whole reply, or to a target that is to be resolved.
static enum plugin_verdict go_on(struct job *j, struct frame *f)
{
	const struct template_state *s = f->state;
	struct work *w = f->memory;

	while (w->next < s->part[RESPONSE_ANSWER].n) {
		if (add_record(j, f, RESPONSE_ANSWER, w->next++) != 0)
			return made_fail(j);
		if (has_target(j, w))
			return PLUGIN_RESOLVE;
	}
	for (enum response_part p = RESPONSE_AUTHORITY; p < RESPONSE_PARTS; p++) {
		for (size_t i = 0; i < s->part[p].n; i++) {
			if (add_record(j, f, p, i) != 0)
				return made_fail(j);
		}
	}
	j->response = w->made;
	return PLUGIN_ANSWER;
}

static enum plugin_verdict template_resolved(struct job *j, struct frame *f)
{
	const struct response_rrs *more = &j->response.part[RESPONSE_ANSWER];
	struct work *w = f->memory;

	for (size_t i = 0; i < more->n; i++) {
		if (response_add(&j->arena, &w->made, RESPONSE_ANSWER, &more->items[i]) != 0)
			return made_fail(j);
	}
	w->made.flags &= (uint16_t)~HEADER_TC;
	w->made.flags |= j->response.flags & HEADER_TC;
	return go_on(j, f);
}

static enum plugin_verdict begin(struct job *j, struct frame *f, struct work *w)
{
	const struct template_state *s = f->state;

	const char *const more[] = {w->data.class, type_label(w)};

	plugin_count_more(j, RULE_TEMPLATE_MATCHES, w->zone, more, ARRAY_LEN(more));
	if (s->rule->rcode == RCODE_SERVFAIL)
		return made_fail(j);
	response_init(&w->made, s->rule->rcode, HEADER_AA);
	if (s->rule->has_ede) {
		w->made.ede = s->rule->ede_code;
		w->made.ede_text = s->rule->ede_text;
	}
	f->memory = w;
	return go_on(j, f);
}

static bool is_asked(const struct job *j, const struct policy_template *t)
{
	const struct question *q = &j->question;

	return (t->qclass == RR_CLASS_ANY || q->class == RR_CLASS_ANY || q->class == t->qclass) &&
		(t->qtype == RR_TYPE_ANY || q->type == RR_TYPE_ANY || q->type == t->qtype);
}

static enum plugin_verdict template_ask(struct job *j, struct frame *f)
{
	const struct template_state *s = f->state;
	const uint8_t *zone = plugin_zone(&s->rule->zones, &j->question.name);
	const struct regex *re = NULL;
	struct regex_match m;
	struct name_text name;

	if (zone == NULL || !is_asked(j, s->rule))
		return PLUGIN_NEXT;
	name_text_of(j->question.name.wire, &name);
	const char *pattern = find_pattern(s, &name, &m, &re);
	if (pattern == NULL)
		return plugin_falls(&s->rule->fall, &j->question.name) ? PLUGIN_NEXT : made_fail(j);
	struct work *w = arena_alloc(&j->arena, sizeof(*w));
	if (w == NULL || data_fill(j, s, zone, &w->data) != 0 ||
		groups_fill(j, &name, &m, re, &w->data) != 0)
		return made_fail(j);
	w->data.regex = pattern;
	w->zone = zone;
	w->type = j->question.type == RR_TYPE_ANY ? s->rule->qtype : j->question.type;
	return begin(j, f, w);
}

const struct plugin plugin_template = {.kind = POLICY_TEMPLATE,
	.prepare = template_prepare,
	.release = template_release,
	.ask = template_ask,
	.resolved = template_resolved};
