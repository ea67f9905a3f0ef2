// SPDX-License-Identifier: Apache-2.0
// Templates as a whole: text, actions, and the blocks of if, with and range.
#include "zones/gotmpl/compile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int compile_error(struct compile *c, const char *fmt, ...)
{
	char text[sizeof(c->err->text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); // a cut sentence is fine
	va_end(args);
	return err_set(c->err, -EINVAL, "%s", text);
}

size_t emit(struct compile *c, const struct instruction *i)
{
	size_t at = c->n < GOTMPL_CODE_MAX ? c->n : GOTMPL_CODE_MAX - 1;

	c->code[at] = *i;
	c->n++;
	return at;
}

int slot_new(struct compile *c, uint16_t *out)
{
	if (c->n_slots == GOTMPL_SLOTS_MAX)
		return compile_error(c, "the template has too many variables");
	*out = c->n_slots++;
	return 0;
}

int variable_add(
	struct compile *c, const char *name, size_t len, uint16_t slot, enum value_kind kind)
{
	if (c->n_variables == VARIABLES_MAX)
		return compile_error(c, "the template has too many variables");
	c->variables[c->n_variables++] = (struct variable){name, len, slot, kind};
	return 0;
}

struct lexeme compile_next(struct compile *c)
{
	return lex_next(&c->at, c->arena, &c->trims);
}

static void jump_to_end(struct compile *c, struct block *b)
{
	b->ends[b->n_ends++] = emit(c, &(struct instruction){.op = OP_JUMP});
}

static void patch(struct compile *c, size_t at)
{
	c->code[at].b = (uint16_t)c->n;
}

static int block_open(struct compile *c, enum block_kind kind)
{
	if (c->n_blocks == BLOCKS_MAX)
		return compile_error(c, "if, with and range are nested too deeply");
	c->blocks[c->n_blocks++] = (struct block){.kind = kind,
		.n_variables = c->n_variables,
		.n_slots = c->n_slots,
		.dot_slot = c->dot_slot,
		.dot_kind = c->dot_kind};
	return 0;
}

// The condition of if and with: a variable keeps it.
static int condition(struct compile *c, struct block *b)
{
	struct pipe p;
	int rc = pipe_compile(c, PIPE_ACTION, &p);

	if (rc == 0 && !p.is_stored && b->kind == BLOCK_WITH) {
		rc = slot_new(c, &p.slot);
		emit(c, &(struct instruction){.op = OP_STORE, .a = p.slot});
		p.is_stored = true;
	}
	if (p.is_stored)
		emit(c, &(struct instruction){.op = OP_LOAD, .a = p.slot});
	b->otherwise = emit(c, &(struct instruction){.op = OP_JUMP_FALSE});
	b->kept_variables = c->n_variables;
	b->kept_slots = c->n_slots;
	if (b->kind == BLOCK_WITH) {
		c->dot_slot = p.slot;
		c->dot_kind = p.kind;
	}
	return rc;
}

static int range_begin(struct compile *c, struct block *b)
{
	uint16_t slot[3] = {0};
	struct pipe p;
	int rc = pipe_compile(c, PIPE_RANGE, &p);

	for (int i = 0; i < 3 && rc == 0; i++)
		rc = slot_new(c, &slot[i]);
	if (rc == 0 && p.kind != VALUE_MATCH)
		rc = compile_error(c, "burst53 ranges over .Match only");
	if (rc == 0 && p.index != NULL)
		rc = variable_add(c, p.index, p.index_len, slot[2], VALUE_TEXT);
	if (rc == 0 && p.element != NULL)
		rc = variable_add(c, p.element, p.element_len, slot[1], VALUE_TEXT);
	// The list is .Match, which every round can look at again; it is never empty.
	b->otherwise = emit(c, &(struct instruction){.op = OP_JUMP_FALSE});
	emit(c, &(struct instruction){.op = OP_PUSH, .value = {.kind = VALUE_UINT, .u = 0}});
	emit(c, &(struct instruction){.op = OP_STORE, .a = slot[0]});
	b->again = emit(c, &(struct instruction){.op = OP_RANGE, .a = slot[0]});
	b->kept_variables = b->n_variables;
	b->kept_slots = b->n_slots;
	c->dot_slot = slot[1];
	c->dot_kind = VALUE_TEXT;
	return rc;
}

static void scope_end(struct compile *c, const struct block *b)
{
	c->n_variables = b->kept_variables;
	c->n_slots = b->kept_slots;
	c->dot_slot = b->dot_slot;
	c->dot_kind = b->dot_kind;
}

// What ends the part in front of `else` or `end`.
static void part_end(struct compile *c, struct block *b)
{
	if (b->kind == BLOCK_RANGE && !b->has_else) {
		emit(c, &(struct instruction){.op = OP_JUMP, .b = (uint16_t)b->again});
		jump_to_end(c, b);
		c->code[b->again].b = (uint16_t)b->ends[b->n_ends - 1];
	} else if (!b->has_else) {
		jump_to_end(c, b);
	}
	scope_end(c, b);
	if (!b->has_else)
		patch(c, b->otherwise);
}

static int take_else(struct compile *c)
{
	struct block *b = &c->blocks[c->n_blocks == 0 ? 0 : c->n_blocks - 1];

	if (c->n_blocks == 0 || b->has_else)
		return compile_error(c, "an else belongs to no if, with or range");
	if (b->n_ends == BRANCHES_MAX - 2)
		return compile_error(c, "an if has too many branches");
	part_end(c, b);
	const char *begin = c->at;
	struct lexeme x = compile_next(c);
	if (x.kind == LEX_WORD && x.n == 2 && memcmp(x.s, "if", 2) == 0 && b->kind == BLOCK_IF)
		return condition(c, b);
	c->at = begin;
	x = compile_next(c);
	b->has_else = true;
	return x.kind == LEX_END ? 0 : compile_error(c, "only `if` can follow else");
}

static int take_end(struct compile *c)
{
	if (c->n_blocks == 0)
		return compile_error(c, "an end belongs to no if, with or range");
	struct block *b = &c->blocks[c->n_blocks - 1];
	part_end(c, b);
	for (size_t i = 0; i < b->n_ends; i++)
		patch(c, b->ends[i]);
	c->n_variables = b->n_variables;
	c->n_slots = b->n_slots;
	c->n_blocks--;
	struct lexeme x = compile_next(c);
	return x.kind == LEX_END ? 0 : compile_error(c, "nothing can follow end");
}

static int take_block(struct compile *c, enum block_kind kind)
{
	int rc = block_open(c, kind);

	if (rc != 0)
		return rc;
	struct block *b = &c->blocks[c->n_blocks - 1];
	return kind == BLOCK_RANGE ? range_begin(c, b) : condition(c, b);
}

static int take_print(struct compile *c)
{
	struct pipe p;
	int rc = pipe_compile(c, PIPE_ACTION, &p);

	if (rc != 0 || p.is_stored)
		return rc;
	if (p.kind > VALUE_MATCH)
		return compile_error(c, "burst53 cannot print a map or a structure as a whole");
	emit(c, &(struct instruction){.op = OP_PRINT});
	return 0;
}

static int take_comment(struct compile *c)
{
	const char *end = strstr(c->at, "*/");

	if (end == NULL)
		return compile_error(c, "a comment is never closed");
	c->at = end + 2;
	struct lexeme x = compile_next(c);
	return x.kind == LEX_END ? 0 : compile_error(c, "nothing can follow a comment");
}

static int take_action(struct compile *c)
{
	static const char *const refused[] = {"block", "break", "continue", "define", "template"};
	const char *begin = c->at;
	struct lexeme x = compile_next(c);

	if (strncmp(begin, "/*", 2) == 0) {
		c->at = begin;
		return take_comment(c);
	}
	for (size_t i = 0; x.kind == LEX_WORD && i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (strlen(refused[i]) == x.n && memcmp(x.s, refused[i], x.n) == 0)
			return compile_error(c, "burst53 has no %s in templates", refused[i]);
	}
	if (x.kind == LEX_WORD && x.n == 2 && memcmp(x.s, "if", 2) == 0)
		return take_block(c, BLOCK_IF);
	if (x.kind == LEX_WORD && x.n == 4 && memcmp(x.s, "with", 4) == 0)
		return take_block(c, BLOCK_WITH);
	if (x.kind == LEX_WORD && x.n == 5 && memcmp(x.s, "range", 5) == 0)
		return take_block(c, BLOCK_RANGE);
	if (x.kind == LEX_WORD && x.n == 4 && memcmp(x.s, "else", 4) == 0)
		return take_else(c);
	if (x.kind == LEX_WORD && x.n == 3 && memcmp(x.s, "end", 3) == 0)
		return take_end(c);
	c->at = begin;
	return take_print(c);
}

// Text up to the next action, less what the actions on both sides trim.
static void take_text(struct compile *c, const char *end, bool trims_end)
{
	const char *begin = c->at;

	if (c->trims)
		begin += strspn(begin, " \t\r\n");
	begin = begin > end ? end : begin;
	while (trims_end && end > begin && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	if (end > begin)
		emit(c,
			&(struct instruction){.op = OP_PRINT_TEXT,
				.value = value_text(begin, (size_t)(end - begin))});
}

static int compile(struct compile *c)
{
	int rc = 0;

	while (rc == 0) {
		const char *open = strstr(c->at, "{{");
		if (open == NULL)
			break;
		bool trims =
			open[2] == '-' && open[3] != '\0' && strchr(" \t\r\n", open[3]) != NULL;
		take_text(c, open, trims);
		c->at = open + (trims ? 3 : 2);
		c->at += trims ? strspn(c->at, " \t\r\n") : 0;
		rc = take_action(c);
	}
	if (rc == 0)
		take_text(c, c->at + strlen(c->at), false);
	if (rc == 0 && c->n_blocks > 0)
		rc = compile_error(c, "an if, with or range has no end");
	if (rc == 0 && c->n > GOTMPL_CODE_MAX)
		rc = compile_error(c, "the template is too long");
	return rc;
}

const struct gotmpl *gotmpl_compile(const char *text, struct arena *a, struct err *err)
{
	struct compile *c = arena_alloc(a, sizeof(*c));
	struct gotmpl *t = arena_alloc(a, sizeof(*t));
	char *copy = arena_copy(a, text, strlen(text) + 1);
	struct arena scratch = {0};

	struct instruction *code = arena_alloc(&scratch, GOTMPL_CODE_MAX * sizeof(*code));
	if (c == NULL || t == NULL || copy == NULL || code == NULL) {
		arena_fini(&scratch);
		(void)err_set(err, -ENOMEM, "memory is short"); // told by NULL
		return NULL;
	}
	*c = (struct compile){.arena = a,
		.err = err,
		.at = copy,
		.code = code,
		.n_slots = 1,
		.dot_kind = VALUE_DATA};
	c->variables[c->n_variables++] = (struct variable){"", 0, 0, VALUE_DATA}; // $
	int rc = compile(c);
	if (rc == 0) {
		t->n = c->n;
		t->code = arena_copy(a, code, c->n * sizeof(*code));
		if (t->code == NULL && c->n > 0)
			rc = err_set(err, -ENOMEM, "memory is short");
	}
	arena_fini(&scratch);
	return rc == 0 ? t : NULL;
}
