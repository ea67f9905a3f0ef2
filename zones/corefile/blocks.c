// SPDX-License-Identifier: Apache-2.0
// One pass over the tokens; nesting is kept by parent pointers, so depth costs no stack.
#include "zones/corefile/blocks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NESTING_MAX = 8 };

struct parser {
	struct arena *arena;
	const struct token *items;
	size_t n;
	size_t i;
	const struct expanded *x;
	struct err *e;
};

__attribute__((format(printf, 3, 4))) static int fail(
	struct parser *p, const struct token *t, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a cut sentence is still one
	va_end(ap);
	if (t == NULL)
		(void)err_set_at(
			p->e, -EINVAL, p->x->end_file, (unsigned[]){p->x->end_line, 1}, "%s", text);
	else
		(void)err_set_at(p->e, -EINVAL, t->file, (unsigned[]){t->line, t->column}, "%s",
			text); // the code is the one below
	return -EINVAL;
}

static const struct token *peek(const struct parser *p)
{
	return p->i < p->n ? &p->items[p->i] : NULL;
}

static int add_key(struct parser *p, struct block *b, const struct token *t, size_t len)
{
	struct token *keys = list_grow(p->arena, b->keys, b->n_keys, sizeof(*keys));
	char *text = arena_copy(p->arena, t->text, len + 1);

	if (keys == NULL || text == NULL)
		return err_set(p->e, -ENOMEM, "out of memory");
	text[len] = '\0';
	b->keys = keys;
	keys[b->n_keys] = *t;
	keys[b->n_keys].text = text;
	b->n_keys++;
	return 0;
}

// KEY { [","] KEY }: a new line ends the list unless the last key had a comma (k8s:3.2).
static int parse_keys(struct parser *p, struct block *b)
{
	bool has_comma = true; // the first key needs none in front
	const struct token *t = peek(p);
	int rc = 0;

	for (; rc == 0 && t != NULL && t->kind == TOKEN_WORD; t = peek(p)) {
		if (t->starts_line && !has_comma)
			return 0;
		size_t len = strlen(t->text);
		has_comma = len > 0 && t->text[len - 1] == ',';
		len -= has_comma;
		if (len == 0 && t->written != NULL)
			return fail(p, t,
				"a zone is missing here: %.60s is empty, since the variable is not "
				"set",
				t->written);
		if (len == 0)
			return fail(
				p, t, "a zone is missing here, such as \".\" or \"example.org\"");
		rc = add_key(p, b, t, len);
		p->i++;
	}
	if (rc == 0 && has_comma)
		return fail(p, t, "another zone should follow the comma");
	return rc;
}

static int node_new(struct parser *p, const struct token *t, struct node **out)
{
	struct node *n = arena_alloc(p->arena, sizeof(*n));

	if (n == NULL) {
		(void)err_set(p->e, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	n->name = t;
	n->args = t + 1;
	*out = n;
	return 0;
}

static void add_child(struct node *parent, struct node *n)
{
	n->parent = parent;
	if (parent->last == NULL)
		parent->first = n;
	else
		parent->last->next = n;
	parent->last = n;
}

// What may not stand behind a word on one line.
static int check_rest_of_line(struct parser *p, const struct node *n)
{
	const struct token *t = peek(p);

	if (t == NULL || t->starts_line)
		return 0;
	if (t->kind == TOKEN_CLOSE && n->open == NULL)
		return fail(p, t, "put this } on a line of its own");
	if (n->open != NULL && n->first == NULL && t->kind == TOKEN_CLOSE)
		return 0; // `{ }`
	if (n->close != NULL && t->kind != TOKEN_CLOSE)
		return fail(p, t, "start a new line behind the }");
	return 0;
}

// `}}` is one word, and no name of anything.
static bool is_glued(const struct token *t)
{
	return t->kind == TOKEN_WORD && !t->is_quoted && strncmp(t->text, "}}", 2) == 0 &&
		strspn(t->text, "}") == strlen(t->text);
}

static int fail_glued(struct parser *p, const struct token *t)
{
	return fail(p, t, "each } needs a line of its own");
}

// A name, its arguments, and `{` when a block follows.
static int parse_line(struct parser *p, const struct token *t, struct node **out)
{
	int rc = 0;

	if (t->kind == TOKEN_OPEN)
		return fail(p, t, "this { must stand on the line of the word it belongs to");
	if (is_glued(t))
		return fail_glued(p, t);
	rc = node_new(p, t, out);
	p->i++;
	for (t = peek(p); rc == 0 && t != NULL && !t->starts_line; t = peek(p)) {
		if (t->kind != TOKEN_WORD)
			break;
		(*out)->n_args++;
		p->i++;
	}
	if (rc == 0 && t != NULL && t->kind == TOKEN_OPEN && !t->starts_line) {
		(*out)->open = t;
		p->i++;
		return 0;
	}
	return rc == 0 ? check_rest_of_line(p, *out) : rc;
}

// Closes the innermost open node; *at becomes its parent.
static int close_node(struct parser *p, struct node **at)
{
	struct node *n = *at;
	const struct token *t = peek(p);

	n->close = t;
	p->i++;
	*at = n->parent;
	t = peek(p);
	if (t != NULL && !t->starts_line)
		return fail(p, t, "start a new line behind the }");
	return 0;
}

// A directive with everything between its braces.
static int parse_directive(struct parser *p, const struct token *t, struct node **out)
{
	struct node *at = NULL;
	size_t depth = 0;
	int rc = parse_line(p, t, out);

	if (rc != 0 || *out == NULL || (*out)->open == NULL)
		return rc;
	at = *out;
	depth = 1;
	while (rc == 0 && at != NULL) {
		struct node *child = NULL;
		t = peek(p);
		if (t == NULL)
			return fail(p, at->open, "this { is never closed");
		if (t->kind == TOKEN_CLOSE) {
			rc = close_node(p, &at);
			depth--;
			continue;
		}
		rc = parse_line(p, t, &child);
		if (rc != 0 || child == NULL)
			return rc;
		add_child(at, child);
		if (child->open != NULL) {
			at = child;
			depth++;
		}
		if (depth > NESTING_MAX)
			return fail(p, t, "braces are nested deeper than %d", NESTING_MAX);
	}
	return rc;
}

static int parse_directives(struct parser *p, struct block *b, const struct token *open)
{
	for (;;) {
		const struct token *t = peek(p);
		struct node *n = NULL;
		if (t == NULL && open != NULL)
			return fail(p, open, "this { is never closed");
		if (t == NULL)
			return 0;
		if (t->kind == TOKEN_CLOSE && open == NULL)
			return fail(p, t, "there is no { that this } closes");
		if (t->kind == TOKEN_CLOSE) {
			b->close = t;
			p->i++;
			return 0;
		}
		int rc = parse_directive(p, t, &n);
		if (rc != 0)
			return rc;
		if (b->last == NULL)
			b->first = n;
		else
			b->last->next = n;
		b->last = n;
	}
}

static int parse_block(struct parser *p, struct block *b)
{
	const struct token *open = NULL;
	const struct token *t = peek(p);

	if (t->kind == TOKEN_CLOSE)
		return fail(p, t, "there is no { that this } closes");
	if (t->kind == TOKEN_OPEN)
		return fail(p, t, "a server block begins with its zones, such as \".:53 {\"");
	if (is_glued(t))
		return fail_glued(p, t);
	int rc = parse_keys(p, b);
	t = peek(p);
	if (rc != 0 || t == NULL)
		return rc;
	if (t->kind == TOKEN_OPEN) {
		open = t;
		p->i++;
	}
	return parse_directives(p, b, open);
}

int blocks_parse(struct arena *a, const struct expanded *x, struct block **first, struct err *e)
{
	struct parser p = {.arena = a, .items = x->tokens.items, .n = x->tokens.n, .x = x, .e = e};
	struct block **tail = first;
	int rc = 0;

	*first = NULL;
	while (rc == 0 && p.i < p.n) {
		struct block *b = arena_alloc(a, sizeof(*b));
		if (b == NULL)
			return err_set(e, -ENOMEM, "out of memory");
		rc = parse_block(&p, b);
		*tail = b;
		tail = &b->next;
	}
	return rc;
}
