// SPDX-License-Identifier: Apache-2.0
// From text to struct config: expand, build the tree, then block by block keys and directives.
#include "zones/corefile/config.h"

#include "zones/corefile/directives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char builtin[] = ".:53 {\n\twhoami\n\tlog\n}\n"; // k8s:3.7

static int parse_block(struct parse *p, const struct block *b, const struct expanded *x)
{
	struct config *c = p->c;
	struct config_server *servers =
		list_grow(p->arena, c->servers, c->n_servers, sizeof(*servers));

	if (servers == NULL)
		return parse_no_memory(p);
	c->servers = servers;
	p->server = &servers[c->n_servers++];
	*p->server = (struct config_server){.pos = token_pos(&b->keys[0])};
	p->server->end = (struct config_pos){.file = x->end_file, .line = x->end_line, .column = 1};
	if (b->close != NULL)
		p->server->end = token_pos(b->close);
	int first = server_keys(p, b);
	if (!parse_goes_on(p, first))
		return first;
	int rc = directives_parse(p, b);
	return first != 0 ? first : rc;
}

static int parse_blocks(struct parse *p, const struct expanded *x)
{
	struct block *b = NULL;
	int first = blocks_parse(p->arena, x, &b, p->e);

	if (first != 0)
		return first;
	if (b == NULL)
		return err_set_at(p->e, -EINVAL, x->end_file, (unsigned[]){x->end_line, 1},
			"there is no server block in it, such as \".:53 { ... }\"");
	for (; b != NULL; b = b->next) {
		int rc = parse_block(p, b, x);
		if (first == 0)
			first = rc;
		if (!parse_goes_on(p, rc))
			return rc;
	}
	int rc = servers_check(p);
	return first != 0 ? first : rc;
}

static int tell_warnings(struct parse *p, const struct expanded *x)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < x->n_warnings; i++)
		rc = parse_tell(p, x->warnings[i].at, PROBLEM_WARNING, "%s: %.100s",
			x->warnings[i].text, x->warnings[i].at->text);
	return rc;
}

// An error of the grammar is found by the lower steps, which know no list of problems.
static int note_error(struct parse *p)
{
	struct config *c = p->c;
	const struct err *e = p->e;

	for (size_t i = 0; i < c->n_problems; i++) {
		if (c->problems[i].severity == PROBLEM_ERROR)
			return 0;
	}
	struct config_problem *items =
		list_grow(p->arena, c->problems, c->n_problems, sizeof(*items));
	const char *text = arena_copy(p->arena, e->text, strlen(e->text) + 1);
	const char *file = arena_copy(p->arena, e->file, strlen(e->file) + 1);
	if (items == NULL || text == NULL || file == NULL)
		return -ENOMEM;
	items[c->n_problems++] = (struct config_problem){.severity = PROBLEM_ERROR,
		.pos = {.file = file, .line = e->line, .column = e->column},
		.width = 1,
		.text = text};
	c->problems = items;
	return 0;
}

static int compare_problems(const void *a, const void *b)
{
	const struct config_problem *x = a;
	const struct config_problem *y = b;
	int c = strcmp(x->pos.file, y->pos.file);

	if (c == 0 && x->pos.line != y->pos.line)
		c = x->pos.line < y->pos.line ? -1 : 1;
	if (c == 0 && x->pos.column != y->pos.column)
		c = x->pos.column < y->pos.column ? -1 : 1;
	if (c == 0 && x->severity != y->severity)
		c = x->severity < y->severity ? -1 : 1;
	return c;
}

static int parse_text(const char *name, const char *directory, const char *text,
	const struct config_options *o, struct config *c, struct err *e)
{
	struct err own = {0};
	struct parse p = {.c = c, .arena = &c->arena, .o = o, .e = e == NULL ? &own : e};
	struct expanded x = {0};
	const char *kept = arena_copy(&c->arena, name, strlen(name) + 1);

	if (kept == NULL)
		return parse_no_memory(&p);
	int rc = expand_text(&c->arena, kept, directory, text, &x, p.e);
	if (rc == 0)
		rc = tell_warnings(&p, &x);
	if (rc == 0)
		rc = parse_blocks(&p, &x);
	c->files = (struct config_words){.items = x.files, .n = x.n_files};
	c->tokens = x.tokens.items;
	c->n_tokens = x.tokens.n;
	c->hash = x.hash;
	if (rc != 0 && note_error(&p) != 0)
		return parse_no_memory(&p);
	if (c->n_problems > 1)
		qsort(c->problems, c->n_problems, sizeof(*c->problems), compare_problems);
	return rc;
}

static const struct config_options *options_or_default(const struct config_options *o)
{
	static const struct config_options none = {0};

	return o == NULL ? &none : o;
}

int config_parse_text(const char *name, const char *text, const struct config_options *o,
	struct config *c, struct err *e)
{
	o = options_or_default(o);
	return parse_text(name, o->directory, text, o, c, e);
}

// The folder of a path, in the arena.
static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	size_t len = slash == path ? 1 : (size_t)(slash - path);
	char *s = arena_copy(a, path, len + 1);
	if (s != NULL)
		s[len] = '\0';
	return s;
}

int config_parse_file(
	const char *path, const struct config_options *o, struct config *c, struct err *e)
{
	const char *name = path == NULL ? "Corefile" : path;
	char *text = NULL;
	size_t size = 0;

	o = options_or_default(o);
	int rc = expand_read_file(&c->arena, name, &text, &size);
	if (rc == -ENOENT && path == NULL) {
		c->is_builtin = true;
		return parse_text("built-in", ".", builtin, o, c, e);
	}
	if (rc != 0)
		return err_set(e, rc, "cannot read %s: %s", name, strerror(-rc));
	const char *directory = folder_of(&c->arena, name);
	if (directory == NULL)
		return err_set(e, -ENOMEM, "out of memory");
	if (strlen(text) != size)
		return err_set_at(e, -EINVAL, name, (unsigned[]){1, 1},
			"the file has a zero byte in it; a Corefile is text");
	return parse_text(name, directory, text, o, c, e);
}

void config_free(struct config *c)
{
	arena_fini(&c->arena);
	memset(c, 0, sizeof(*c));
}

const struct config_directive *config_find(
	const struct config_server *s, enum config_kind kind, size_t n)
{
	for (size_t i = 0; i < s->n_directives; i++) {
		if (s->directives[i].kind == kind && n-- == 0)
			return &s->directives[i];
	}
	return NULL;
}
