// SPDX-License-Identifier: Apache-2.0
// errors and log.
#include "zones/corefile/directives.h"

#include "zones/base/array.h"

#include <string.h>

static int consolidate_option(
	struct parse *p, const struct token *t, struct config_consolidate *c, bool *has_level)
{
	static const char *const levels[] = {
		[LEVEL_ERROR] = "error",
		[LEVEL_WARNING] = "warning",
		[LEVEL_INFO] = "info",
		[LEVEL_DEBUG] = "debug",
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(levels[i], t->text) != 0)
			continue;
		if (*has_level || c->show_first)
			return parse_error(p, t, "one level, in front of show_first");
		*has_level = true;
		c->level = (enum errors_level)i;
		return 0;
	}
	if (strcmp(t->text, "show_first") != 0)
		return parse_error(
			p, t, "consolidate takes error, warning, info, debug and show_first");
	c->show_first = true;
	return 0;
}

static int take_consolidate(struct parse *p, const struct node *n, void *out)
{
	struct config_errors *e = out;
	struct config_consolidate *items =
		list_grow(p->arena, e->rules, e->n_rules, sizeof(*items));
	bool has_level = false;
	int rc = 0;

	if (items == NULL)
		return parse_no_memory(p);
	e->rules = items;
	struct config_consolidate *c = &items[e->n_rules++];
	*c = (struct config_consolidate){.pattern = n->args[1].text, .level = LEVEL_ERROR};
	if (word_duration(n->args[0].text, &c->period_ms) != 0)
		return parse_error(p, &n->args[0], "consolidate needs a duration such as 5m");
	for (size_t i = 2; rc == 0 && i < n->n_args; i++)
		rc = consolidate_option(p, &n->args[i], c, &has_level);
	return rc;
}

int errors_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"consolidate", PROP_CALL, 0, 2, 4, take_consolidate, STRICT},
		{"stacktrace", PROP_FLAG, offsetof(struct config_errors, stacktrace), 0, 0, NULL,
			STRICT},
	};
	struct config_errors *e = arena_alloc(p->arena, sizeof(*e));
	int rc = parse_shape(p, n, 0, 1, BRACES_YES);

	if (rc != 0)
		return rc;
	if (e == NULL)
		return parse_no_memory(p);
	d->data = e;
	if (n->n_args == 1 && strcmp(n->args[0].text, "stdout") != 0)
		return parse_error(p, &n->args[0], "errors writes to stdout only");
	return properties_parse(p, n, table, ARRAY_LEN(table), e);
}

static int take_class(struct parse *p, const struct node *n, void *out)
{
	static const struct {
		const char *name;
		enum log_class class;
	} classes[] = {
		{"success", LOG_SUCCESS},
		{"denial", LOG_DENIAL},
		{"error", LOG_ERROR},
		{"all", LOG_ALL},
	};
	struct config_log *l = out;

	for (size_t i = 0; i < n->n_args; i++) {
		size_t k = 0;
		while (k < ARRAY_LEN(classes) && strcmp(classes[k].name, n->args[i].text) != 0)
			k++;
		if (k == ARRAY_LEN(classes))
			return parse_error(
				p, &n->args[i], "class is success, denial, error or all");
		l->classes |= classes[k].class;
	}
	return 0;
}

#define LOG_COMMON \
	"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" " \
	"{rcode} {>rflags} {rsize} {duration}"

// {common} and {combined} stand for the usual lines.
static int expand_format(struct parse *p, const char *format, const char **out)
{
	static const struct {
		const char *word;
		const char *line;
	} words[] = {
		{"{common}", LOG_COMMON},
		{"{combined}", LOG_COMMON " \"{>opcode}\""},
	};

	*out = format;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *at = strstr(*out, words[i].word);
		if (at == NULL)
			continue;
		*out = arena_printf(p->arena, "%.*s%s%s", (int)(at - *out), *out, words[i].line,
			at + strlen(words[i].word));
		if (*out == NULL)
			return parse_no_memory(p);
	}
	return 0;
}

int log_parse(struct parse *p, const struct node *n, struct config_directive *d)
{
	static const struct property table[] = {
		{"class", PROP_CALL, 0, 1, 4, take_class, STRICT},
	};
	static const struct token root = {.text = ".", .file = ""};
	struct config_log *l = arena_alloc(p->arena, sizeof(*l));
	size_t names = n->n_args;
	int rc = 0;

	if (l == NULL)
		return parse_no_memory(p);
	d->data = l;
	l->format = LOG_COMMON;
	// A format comes last, after at least one name.
	if (names > 1 && strchr(n->args[names - 1].text, '{') != NULL)
		rc = expand_format(p, n->args[--names].text, &l->format);
	for (size_t i = 0; rc == 0 && i < names; i++)
		rc = zones_add(p, &n->args[i], &l->zones);
	if (rc == 0 && names == 0)
		rc = zones_add(p, &root, &l->zones);
	if (rc == 0)
		rc = properties_parse(p, n, table, ARRAY_LEN(table), l);
	if (l->classes == 0)
		l->classes = LOG_ALL;
	return rc;
}
