// SPDX-License-Identifier: Apache-2.0
// Repairs are edits of byte ranges, found by reading the words of the text again.
#include "cli/check_fix.h"

#include "zones/base/array.h"
#include "zones/corefile/tokens.h"

#include <stdlib.h>
#include <string.h>

struct edit {
	size_t start;
	size_t end;
	char *text; // owned, NULL deletes
	size_t order; // edits at one place stay in this order
};

struct fixer {
	const char *name;
	const char *text;
	struct tokens tokens;
	struct edit *edits;
	size_t n_edits;
	size_t cap;
	FILE *log;
};

// Takes text, also when memory is short.
static void add_edit(struct fixer *f, size_t start, size_t end, char *text)
{
	struct edit *grown = array_grow(f->edits, &f->cap, f->n_edits + 1, sizeof(*grown));

	if (grown == NULL) {
		free(text);
		return;
	}
	f->edits = grown;
	grown[f->n_edits] =
		(struct edit){.start = start, .end = end, .text = text, .order = f->n_edits};
	f->n_edits++;
}

static void told(struct fixer *f, const struct token *t, const char *what)
{
	(void)fprintf(f->log, "%s:%u:%u: %s: %s\n", f->name, t->line, t->column, t->text, what);
}

// Index of the last word on the line of word i.
static size_t line_end(const struct fixer *f, size_t i)
{
	while (i + 1 < f->tokens.n && !f->tokens.items[i + 1].starts_line)
		i++;
	return i;
}

// Index of the } that closes the { at i, or the last word.
static size_t matching_close(const struct fixer *f, size_t i)
{
	size_t depth = 0;

	for (; i + 1 < f->tokens.n; i++) {
		if (f->tokens.items[i].kind == TOKEN_OPEN)
			depth++;
		if (f->tokens.items[i].kind == TOKEN_CLOSE && --depth == 0)
			break;
	}
	return i;
}

// Index of the { around word i, or 0.
static size_t enclosing_open(const struct fixer *f, size_t i)
{
	size_t depth = 0;

	while (i > 0) {
		i--;
		if (f->tokens.items[i].kind == TOKEN_CLOSE)
			depth++;
		if (f->tokens.items[i].kind == TOKEN_OPEN && depth-- == 0)
			return i;
	}
	return 0;
}

// Deletes words i to last, and the whole lines when nothing else stands on them.
static void delete_words(struct fixer *f, size_t i, size_t last)
{
	const struct token *a = &f->tokens.items[i];
	size_t start = a->offset;
	size_t end = f->tokens.items[last].end;

	if (a->starts_line) {
		while (start > 0 && f->text[start - 1] != '\n')
			start--;
	}
	if (last + 1 == f->tokens.n || f->tokens.items[last + 1].starts_line) {
		end += strcspn(f->text + end, "\n");
		end += a->starts_line && f->text[end] == '\n';
	}
	add_edit(f, start, end, NULL);
}

// A line, with the braces that follow it.
static void delete_line(struct fixer *f, size_t i)
{
	size_t last = line_end(f, i);

	if (f->tokens.items[last].kind == TOKEN_OPEN)
		last = matching_close(f, last);
	delete_words(f, i, last);
}

static void replace_word(struct fixer *f, size_t i, const char *text)
{
	add_edit(f, f->tokens.items[i].offset, f->tokens.items[i].end, strdup(text));
}

static bool line_has(const struct fixer *f, size_t i, const char *word)
{
	for (size_t k = i + 1; k <= line_end(f, i); k++) {
		if (strcmp(f->tokens.items[k].text, word) == 0)
			return true;
	}
	return false;
}

// One option of the old proxy.
static void fix_proxy_option(struct fixer *f, size_t i)
{
	const struct token *t = &f->tokens.items[i];

	if (strcmp(t->text, "max_fails") == 0 || strcmp(t->text, "except") == 0)
		return;
	if (strcmp(t->text, "policy") == 0 && line_has(f, i, "first")) {
		told(f, t, "first is called sequential");
		replace_word(f, i + 1, "sequential");
		return;
	}
	if (strcmp(t->text, "policy") == 0 && !line_has(f, i, "least_conn"))
		return;
	if (strcmp(t->text, "protocol") == 0 && line_has(f, i, "force_tcp")) {
		told(f, t, "became force_tcp");
		add_edit(f, t->offset, f->tokens.items[line_end(f, i)].end, strdup("force_tcp"));
		return;
	}
	told(f, t, "deleted, forward has no such option");
	delete_line(f, i);
}

static void fix_proxy(struct fixer *f, size_t i)
{
	size_t open = line_end(f, i);

	told(f, &f->tokens.items[i], "became forward");
	replace_word(f, i, "forward");
	if (f->tokens.items[open].kind != TOKEN_OPEN)
		return;
	size_t close = matching_close(f, open);
	for (size_t k = open + 1; k < close; k = line_end(f, k) + 1)
		fix_proxy_option(f, k);
}

static size_t indent_of(const struct fixer *f, const struct token *t)
{
	size_t n = 0;

	while (n < t->offset && strchr(" \t", f->text[t->offset - n - 1]) != NULL)
		n++;
	return n;
}

// The text of `transfer ZONES { to ... }` that replaces `transfer to ...` inside the directive
// that begins at `name` and opens its braces at `open`.
static char *transfer_text(const struct fixer *f, size_t i, size_t name, size_t open)
{
	const struct token *t = f->tokens.items;
	int indent = (int)indent_of(f, &t[name]);
	const char *blanks = f->text + t[name].offset - indent;
	char *out = NULL;
	size_t size = 0;
	FILE *m = open_memstream(&out, &size);
	size_t first = name + 1 + (strcmp(t[name].text, "file") == 0);

	if (m == NULL)
		return NULL;
	(void)fprintf(m, "%.*stransfer", indent, blanks);
	for (size_t k = first; k < open; k++)
		(void)fprintf(m, " %.*s", (int)(t[k].end - t[k].offset), f->text + t[k].offset);
	(void)fprintf(m, " {\n%.*s    to", indent, blanks);
	for (size_t k = i + 2; k <= line_end(f, i); k++)
		(void)fprintf(m, " %.*s", (int)(t[k].end - t[k].offset), f->text + t[k].offset);
	(void)fprintf(m, "\n%.*s}\n", indent, blanks);
	if (fclose(m) == 0)
		return out;
	free(out);
	return NULL;
}

static void fix_transfer(struct fixer *f, size_t i)
{
	size_t open = enclosing_open(f, i);
	size_t close = matching_close(f, open);
	size_t name = open;

	while (name > 0 && !f->tokens.items[name].starts_line)
		name--;
	if (line_end(f, i) > i + 1 && strcmp(f->tokens.items[i + 1].text, "to") == 0) {
		size_t end = f->tokens.items[close].end;
		end += strcspn(f->text + end, "\n");
		if (f->text[end] == '\n')
			add_edit(f, end + 1, end + 1, transfer_text(f, i, name, open));
		told(f, &f->tokens.items[i], "moved into a directive of its own");
	} else {
		told(f, &f->tokens.items[i], "deleted");
	}
	delete_line(f, i);
}

static void fix_problem(struct fixer *f, const struct config_problem *p)
{
	size_t i = 0;

	while (i < f->tokens.n &&
		(f->tokens.items[i].line != p->pos.line ||
			f->tokens.items[i].column != p->pos.column))
		i++;
	if (i == f->tokens.n)
		return;
	switch (p->fix) {
	case FIX_NONE:
		break;
	case FIX_DELETE:
		told(f, &f->tokens.items[i], "deleted");
		delete_line(f, i);
		break;
	case FIX_PROXY:
		fix_proxy(f, i);
		break;
	case FIX_RESOLV_CONF:
		told(f, &f->tokens.items[i], "became /etc/resolv.conf");
		replace_word(f, i, "/etc/resolv.conf");
		break;
	case FIX_TRANSFER:
		fix_transfer(f, i);
		break;
	}
}

static int compare_edits(const void *a, const void *b)
{
	const struct edit *x = a;
	const struct edit *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static char *apply(const struct fixer *f)
{
	char *out = NULL;
	size_t size = 0;
	size_t at = 0;
	FILE *m = open_memstream(&out, &size);

	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < f->n_edits; i++) {
		const struct edit *e = &f->edits[i];
		if (e->start < at)
			continue; // inside something deleted, or told twice
		(void)fwrite(f->text + at, 1, e->start - at, m);
		if (e->text != NULL)
			(void)fputs(e->text, m);
		at = e->end;
	}
	(void)fputs(f->text + at, m);
	if (fclose(m) == 0)
		return out;
	free(out);
	return NULL;
}

// The same word may be told twice, when a snippet is imported twice.
static bool is_repeated(const struct config *c, size_t i)
{
	const struct config_pos *a = &c->problems[i].pos;
	const struct config_pos *b = i == 0 ? a : &c->problems[i - 1].pos;

	return i > 0 && a->line == b->line && a->column == b->column &&
		strcmp(a->file, b->file) == 0;
}

char *fix_text(const char *name, const char *text, const struct config *c, FILE *log)
{
	struct fixer f = {.name = name, .text = text, .log = log};
	struct arena arena = {0};
	char *out = NULL;

	if (tokens_read(&arena, name, text, strlen(text), &f.tokens, NULL) == 0) {
		for (size_t i = 0; i < c->n_problems; i++) {
			if (strcmp(c->problems[i].pos.file, name) == 0 && !is_repeated(c, i))
				fix_problem(&f, &c->problems[i]);
		}
	}
	if (f.n_edits > 0) {
		qsort(f.edits, f.n_edits, sizeof(*f.edits), compare_edits);
		out = apply(&f);
	}
	for (size_t i = 0; i < f.n_edits; i++)
		free(f.edits[i].text);
	free(f.edits);
	arena_fini(&arena);
	return out;
}
