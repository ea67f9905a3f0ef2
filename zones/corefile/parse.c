// SPDX-License-Identifier: Apache-2.0
// Problems, shapes of lines, and the reader of property tables.
#include "zones/corefile/parse.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int parse_no_memory(struct parse *p)
{
	return err_set(p->e, -ENOMEM, "out of memory");
}

__attribute__((format(printf, 2, 0))) static char *arena_vprintf(
	struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (text != NULL)
		(void)vsnprintf(text, (size_t)len + 1, fmt, ap); // fits
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

static int add_problem(struct parse *p, const struct token *t, struct config_problem problem)
{
	struct config *c = p->c;
	struct config_problem *items =
		list_grow(p->arena, c->problems, c->n_problems, sizeof(*items));

	if (items == NULL || problem.text == NULL)
		return parse_no_memory(p);
	problem.pos = token_pos(t);
	problem.width = t->width;
	c->problems = items;
	items[c->n_problems++] = problem;
	if (problem.severity != PROBLEM_ERROR)
		return 0;
	return err_set_at(
		p->e, -EINVAL, t->file, (unsigned[]){t->line, t->column}, "%s", problem.text);
}

int parse_error(struct parse *p, const struct token *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return add_problem(p, t, (struct config_problem){.severity = PROBLEM_ERROR, .text = text});
}

int parse_fixable(struct parse *p, const struct token *t, enum config_fix fix, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return add_problem(
		p, t, (struct config_problem){.severity = PROBLEM_ERROR, .fix = fix, .text = text});
}

int parse_tell(
	struct parse *p, const struct token *t, enum config_severity severity, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return add_problem(p, t, (struct config_problem){.severity = severity, .text = text});
}

int parse_shape(
	struct parse *p, const struct node *n, size_t min, size_t max, enum parse_braces braces)
{
	if (n->n_args < min)
		return parse_error(p, n->name, "%s needs %s%zu argument%s", n->name->text,
			max == min ? "" : "at least ", min, min == 1 ? "" : "s");
	if (n->n_args > max && max == 0)
		return parse_error(p, &n->args[0], "%s takes no arguments", n->name->text);
	if (n->n_args > max)
		return parse_error(p, &n->args[max], "%s takes %s%zu argument%s", n->name->text,
			max == min ? "" : "at most ", max, max == 1 ? "" : "s");
	if (braces == BRACES_NO && n->open != NULL && n->first != NULL)
		return parse_error(p, n->open, "%s takes no options in braces", n->name->text);
	return 0;
}

int parse_words(struct parse *p, const struct token *t, size_t n, struct config_words *out)
{
	for (size_t i = 0; i < n; i++) {
		const char **items = list_grow(p->arena, out->items, out->n, sizeof(*items));
		if (items == NULL)
			return parse_no_memory(p);
		out->items = items;
		items[out->n++] = t[i].text;
	}
	return 0;
}

int parse_joined(struct parse *p, const struct token *t, size_t n, const char **out)
{
	size_t size = 1;

	for (size_t i = 0; i < n; i++)
		size += strlen(t[i].text) + 1;
	char *text = arena_alloc(p->arena, size);
	if (text == NULL)
		return parse_no_memory(p);
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(t[i].text);
		if (i > 0)
			text[at++] = ' ';
		memcpy(text + at, t[i].text, len);
		at += len;
	}
	*out = text;
	return 0;
}

int parse_path(struct parse *p, const struct token *t, const char **out)
{
	*out = t->text;
	if (t->text[0] == '/' || p->root == NULL)
		return 0;
	*out = arena_printf(p->arena, "%s/%s", p->root, t->text);
	return *out == NULL ? parse_no_memory(p) : 0;
}

int fall_parse(struct parse *p, const struct node *n, struct config_fall *out)
{
	static const struct token root = {.text = ".", .file = "", .line = 0};
	int rc = parse_shape(p, n, 0, ANY_NUMBER, BRACES_NO);

	out->on = true;
	out->zones = (struct config_zones){0};
	for (size_t i = 0; rc == 0 && i < n->n_args; i++)
		rc = zones_add(p, &n->args[i], &out->zones);
	if (rc == 0 && n->n_args == 0)
		rc = zones_add(p, &root, &out->zones);
	return rc;
}

static int take_u32(struct parse *p, const struct node *n, const struct property *d, void *at)
{
	uint64_t value = 0;

	if (word_number(n->args[0].text, d->min, d->max, &value) != 0)
		return parse_error(p, &n->args[0], "%s must be a whole number from %llu to %llu",
			d->name, (unsigned long long)d->min, (unsigned long long)d->max);
	*(uint32_t *)at = (uint32_t)value;
	return 0;
}

static int take_ms(struct parse *p, const struct node *n, const struct property *d, void *at)
{
	uint64_t value = 0;

	if (word_duration(n->args[0].text, &value) != 0)
		return parse_error(p, &n->args[0],
			"%s must be a duration such as 5s, 100ms or 1m30s", d->name);
	if (value < d->min || (d->max != 0 && value > d->max))
		return parse_error(p, &n->args[0], "%s must be from %llu to %llu ms", d->name,
			(unsigned long long)d->min, (unsigned long long)d->max);
	*(uint64_t *)at = value;
	return 0;
}

static int property_take(struct parse *p, const struct node *n, const struct property *d, void *out)
{
	void *at = (char *)out + d->offset;
	bool has_one = d->kind == PROP_U32 || d->kind == PROP_MS || d->kind == PROP_TEXT;
	size_t min = d->kind == PROP_CALL ? (size_t)d->min : has_one;
	size_t max = d->kind == PROP_CALL ? (size_t)d->max : has_one;

	if (d->kind == PROP_FALL)
		return fall_parse(p, n, at);
	if (d->kind == PROP_IGNORED)
		return parse_tell(p, n->name, PROBLEM_NOTE, "%s has no effect", n->name->text);
	if (d->strictness == LAX && n->n_args > max) {
		int told = parse_tell(
			p, &n->args[max], PROBLEM_WARNING, "the rest of this line does nothing");
		if (told != 0)
			return told;
		max = ANY_NUMBER;
	}
	int rc = parse_shape(p, n, min, max, BRACES_NO);
	if (rc != 0)
		return rc;
	if (d->kind == PROP_FLAG)
		*(bool *)at = true;
	else if (d->kind == PROP_U32)
		rc = take_u32(p, n, d, at);
	else if (d->kind == PROP_MS)
		rc = take_ms(p, n, d, at);
	else if (d->kind == PROP_TEXT)
		*(const char **)at = n->args[0].text;
	else
		rc = d->take(p, n, out);
	return rc;
}

// Options that CoreDNS has and that change nothing here: said, never silent.
static int tell_idle(struct parse *p, const struct node *dir, const struct node *n)
{
	static const struct {
		const char *directive, *option, *why;
	} idle[] = {
		{"errors", "stacktrace", "there are no stacks of Go to print"},
		{"kubernetes", "apiserver_burst", "there are four watches and few other requests"},
		{"kubernetes", "apiserver_max_inflight",
			"there are four watches and few other requests"},
		{"kubernetes", "apiserver_qps", "there are four watches and few other requests"},
		{"kubernetes", "startup_timeout",
			"nothing waits: names are SERVFAIL until they are known"},
		{"ready", "monitor", "/ready always tells the state of the moment"},
	};

	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		if (strcmp(dir->name->text, idle[i].directive) == 0 &&
			strcmp(n->name->text, idle[i].option) == 0)
			return parse_tell(p, n->name, PROBLEM_NOTE, "%s has no effect: %s",
				idle[i].option, idle[i].why);
	}
	return 0;
}

static int unknown_property(struct parse *p, const struct node *dir, const struct node *n,
	const struct property *table, size_t n_table)
{
	const char *names[64];
	size_t n_names = n_table < 64 ? n_table : 64;

	for (size_t i = 0; i < n_names; i++)
		names[i] = table[i].name;
	const char *near = word_nearest(n->name->text, names, n_names);
	if (near != NULL)
		return parse_error(p, n->name, "%s has no option %s; did you mean %s?",
			dir->name->text, n->name->text, near);
	return parse_error(p, n->name, "%s has no option %s", dir->name->text, n->name->text);
}

int properties_parse(struct parse *p, const struct node *n, const struct property *table,
	size_t n_table, void *out)
{
	int first = 0;

	for (const struct node *k = n->first; k != NULL; k = k->next) {
		size_t i = 0;
		while (i < n_table && strcmp(table[i].name, k->name->text) != 0)
			i++;
		int rc = i == n_table ? unknown_property(p, n, k, table, n_table)
				      : property_take(p, k, &table[i], out);
		if (rc == 0)
			rc = tell_idle(p, n, k);
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	return first;
}

int properties_none(struct parse *p, const struct node *n)
{
	if (n->first == NULL)
		return 0;
	return parse_error(p, n->open, "%s takes no options in braces", n->name->text);
}
