// SPDX-License-Identifier: Apache-2.0
// Pipelines: `.Name`, `index .Match 1`, `printf "%s" (len .Name) | print`, `$x := ...`. Parentheses
// are kept on a stack of our own.
#include "zones/gotmpl/compile.h"

#include "zones/base/array.h"

#include <errno.h>
#include <string.h>

static const struct {
	enum value_kind of;
	const char *name;
	enum field field;
	enum value_kind kind;
} fields[] = {
	{VALUE_DATA, "Class", FIELD_CLASS, VALUE_TEXT},
	{VALUE_DATA, "Group", FIELD_GROUP, VALUE_GROUP},
	{VALUE_DATA, "Match", FIELD_MATCH, VALUE_MATCH},
	{VALUE_DATA, "Message", FIELD_MESSAGE, VALUE_MESSAGE},
	{VALUE_DATA, "Name", FIELD_NAME, VALUE_TEXT},
	{VALUE_DATA, "Question", FIELD_QUESTION, VALUE_QUESTION},
	{VALUE_DATA, "Regex", FIELD_REGEX, VALUE_TEXT},
	{VALUE_DATA, "Remote", FIELD_REMOTE, VALUE_TEXT},
	{VALUE_DATA, "Type", FIELD_TYPE, VALUE_TEXT},
	{VALUE_DATA, "Zone", FIELD_ZONE, VALUE_TEXT},
	{VALUE_MESSAGE, "AuthenticatedData", FIELD_AD, VALUE_TEXT},
	{VALUE_MESSAGE, "CheckingDisabled", FIELD_CD, VALUE_TEXT},
	{VALUE_MESSAGE, "Id", FIELD_ID, VALUE_TEXT},
	{VALUE_MESSAGE, "RecursionDesired", FIELD_RD, VALUE_TEXT},
	{VALUE_QUESTION, "Name", FIELD_QUESTION_NAME, VALUE_TEXT},
	{VALUE_QUESTION, "Qclass", FIELD_QCLASS, VALUE_TEXT},
	{VALUE_QUESTION, "Qtype", FIELD_QTYPE, VALUE_TEXT},
};

static struct level *top(struct compile *c)
{
	return &c->levels[c->n_levels - 1];
}

static bool is_jumping(const struct level *l)
{
	return l->command == COMMAND_AND || l->command == COMMAND_OR;
}

// `and` and `or` leave as soon as they know.
static void emit_test(struct compile *c, struct level *l)
{
	if (is_jumping(l) && l->n_args > 0)
		l->tests[l->n_tests++] = emit(
			c, &(struct instruction){.op = l->command == COMMAND_AND ? OP_AND : OP_OR});
}

// Which operand is the value of `and` and `or` is known when they run.
static enum value_kind joined_kind(const struct level *l)
{
	return l->n_args < 2 || l->before == l->kind ? l->kind : VALUE_TEXT;
}

static int operand_begin(struct compile *c)
{
	struct level *l = top(c);

	l->has_operand = false;
	l->before = joined_kind(l);
	if (l->command == COMMAND_EMPTY) {
		l->command = COMMAND_VALUE;
		return 0;
	}
	if (l->command == COMMAND_VALUE)
		return compile_error(
			c, "a value is followed by another one; only functions take arguments");
	if (l->n_args == GOTMPL_ARGS_MAX - 1)
		return compile_error(c, "a function has too many arguments");
	emit_test(c, l);
	l->n_args++;
	return 0;
}

static void operand_end(struct compile *c, enum value_kind kind)
{
	struct level *l = top(c);

	l->kind = kind;
	l->has_operand = true;
}

static int field_of(struct compile *c, const struct lexeme *x, enum value_kind *kind)
{
	if (*kind == VALUE_GROUP) {
		emit(c, &(struct instruction){.op = OP_GROUP, .value = value_text(x->s, x->n)});
		*kind = VALUE_TEXT;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].of != *kind || strlen(fields[i].name) != x->n ||
			memcmp(fields[i].name, x->s, x->n) != 0)
			continue;
		emit(c, &(struct instruction){.op = OP_FIELD, .a = (uint16_t)fields[i].field});
		*kind = fields[i].kind;
		return 0;
	}
	return compile_error(c,
		"burst53 does not know .%.*s here; known are .Zone .Name .Class .Type .Match "
		".Group "
		".Question .Message .Remote .Regex",
		(int)x->n, x->s);
}

static int take_field(struct compile *c, const struct lexeme *x)
{
	struct level *l = top(c);
	enum value_kind kind = c->dot_kind;

	if (x->is_glued && l->has_operand)
		return field_of(c, x, &l->kind);
	int rc = operand_begin(c);
	if (rc != 0)
		return rc;
	emit(c, &(struct instruction){.op = OP_LOAD, .a = c->dot_slot});
	rc = field_of(c, x, &kind);
	operand_end(c, kind);
	return rc;
}

static const struct variable *variable_find(const struct compile *c, const struct lexeme *x)
{
	for (size_t i = c->n_variables; i > 0; i--) {
		const struct variable *v = &c->variables[i - 1];
		if (v->len == x->n && memcmp(v->name, x->s, x->n) == 0)
			return v;
	}
	return NULL;
}

static int take_variable(struct compile *c, const struct lexeme *x)
{
	const struct variable *v = variable_find(c, x);
	int rc = operand_begin(c);

	if (v == NULL)
		return compile_error(c, "there is no variable $%.*s", (int)x->n, x->s);
	emit(c, &(struct instruction){.op = OP_LOAD, .a = v->slot});
	operand_end(c, v->kind);
	return rc;
}

static int take_word(struct compile *c, const struct lexeme *x)
{
	struct level *l = top(c);
	int function = function_find(x->s, x->n);

	if (l->command != COMMAND_EMPTY)
		return compile_error(
			c, "put %.*s and its arguments in parentheses", (int)x->n, x->s);
	if (x->n == 3 && memcmp(x->s, "and", 3) == 0)
		l->command = COMMAND_AND;
	else if (x->n == 2 && memcmp(x->s, "or", 2) == 0)
		l->command = COMMAND_OR;
	else if (function < 0)
		return compile_error(
			c, "burst53 does not know the template function %.*s", (int)x->n, x->s);
	else
		l->command = COMMAND_FUNCTION;
	l->function = function < 0 ? 0 : (size_t)function;
	return 0;
}

static int take_value(struct compile *c, const struct instruction *i, enum value_kind kind)
{
	int rc = operand_begin(c);

	emit(c, i);
	operand_end(c, kind);
	return rc;
}

static int command_end(struct compile *c)
{
	struct level *l = top(c);

	if (l->command == COMMAND_EMPTY)
		return compile_error(c, "a value or a function is missing");
	if (l->is_piped && l->command == COMMAND_VALUE)
		return compile_error(c, "only a function can stand behind |");
	if (l->command == COMMAND_VALUE)
		return 0;
	if (l->is_piped) {
		emit_test(c, l);
		l->before = joined_kind(l);
		l->kind = VALUE_TEXT;
		emit(c, &(struct instruction){.op = OP_LOAD, .a = l->piped_slot});
		l->n_args++;
	}
	if (is_jumping(l)) {
		l->kind = joined_kind(l);
		for (size_t i = 0; i < l->n_tests; i++)
			c->code[l->tests[i]].b = (uint16_t)c->n;
		return l->n_args > 0 ? 0 : compile_error(c, "and and or need arguments");
	}
	const struct function *f = function_at(l->function);
	if (l->n_args < f->min || l->n_args > f->max)
		return compile_error(c, "%s has too few or too many arguments", f->name);
	emit(c,
		&(struct instruction){
			.op = OP_CALL, .a = (uint16_t)l->function, .b = (uint16_t)l->n_args});
	l->kind = VALUE_TEXT;
	return 0;
}

static int level_open(struct compile *c)
{
	if (c->n_levels == LEVELS_MAX)
		return compile_error(c, "parentheses are nested too deeply");
	c->levels[c->n_levels++] = (struct level){.kind = VALUE_TEXT};
	return 0;
}

static int take_close(struct compile *c)
{
	if (c->n_levels == 1)
		return compile_error(c, "a ) closes nothing");
	int rc = command_end(c);
	enum value_kind kind = top(c)->kind;
	c->n_levels--;
	operand_end(c, kind);
	return rc;
}

// The value waits in a slot until the next command has its other arguments.
static int take_pipe(struct compile *c)
{
	uint16_t slot = 0;
	int rc = command_end(c);

	if (rc == 0)
		rc = slot_new(c, &slot);
	emit(c, &(struct instruction){.op = OP_STORE, .a = slot});
	*top(c) = (struct level){.is_piped = true, .piped_slot = slot, .kind = VALUE_TEXT};
	return rc;
}

static int take(struct compile *c, const struct lexeme *x)
{
	int rc = 0;

	switch (x->kind) {
	case LEX_WORD:
		return take_word(c, x);
	case LEX_FIELD:
		return take_field(c, x);
	case LEX_DOT:
		return take_value(
			c, &(struct instruction){.op = OP_LOAD, .a = c->dot_slot}, c->dot_kind);
	case LEX_VARIABLE:
		return take_variable(c, x);
	case LEX_VALUE:
		rc = take_value(
			c, &(struct instruction){.op = OP_PUSH, .value = x->value}, VALUE_TEXT);
		top(c)->has_operand = false; // a constant has no fields
		return rc;
	case LEX_OPEN:
		rc = operand_begin(c);
		return rc == 0 ? level_open(c) : rc;
	case LEX_CLOSE:
		return take_close(c);
	case LEX_PIPE:
		return take_pipe(c);
	case LEX_BAD:
		return compile_error(c, "%s", x->why);
	case LEX_END:
	case LEX_COMMA:
	case LEX_DECLARE:
	case LEX_ASSIGN:
		break;
	}
	return compile_error(c, "a sign stands where a value or a function belongs");
}

// `$x :=`, `$x =`, `$i, $e :=` in front; *sign is LEX_END when there is nothing like that.
static int take_names(struct compile *c, enum pipe_use use, struct pipe *out, enum lex_kind *sign)
{
	const char *begin = c->at;
	struct lexeme name = compile_next(c);
	struct lexeme next = name.kind == LEX_VARIABLE ? compile_next(c) : name;

	*sign = LEX_END;
	out->element = name.s;
	out->element_len = name.n;
	if (name.kind == LEX_VARIABLE && next.kind == LEX_COMMA && use == PIPE_RANGE) {
		struct lexeme element = compile_next(c);
		next = compile_next(c);
		if (element.kind != LEX_VARIABLE || next.kind != LEX_DECLARE)
			return compile_error(
				c, "range declares one variable, or `$index, $element :=`");
		out->index = name.s;
		out->index_len = name.n;
		out->element = element.s;
		out->element_len = element.n;
	}
	if (name.kind == LEX_VARIABLE && (next.kind == LEX_DECLARE || next.kind == LEX_ASSIGN)) {
		*sign = next.kind;
		return 0;
	}
	out->element = NULL;
	c->at = begin;
	return 0;
}

static int pipe_body(struct compile *c, struct pipe *out)
{
	c->n_levels = 0;
	int rc = level_open(c);
	for (;;) {
		struct lexeme x = compile_next(c);
		if (rc != 0 || x.kind == LEX_END)
			break;
		rc = take(c, &x);
	}
	if (rc == 0 && c->n_levels > 1)
		rc = compile_error(c, "a ( is never closed");
	if (rc == 0)
		rc = command_end(c);
	out->kind = top(c)->kind;
	return rc;
}

static bool is_plain(enum value_kind kind)
{
	return kind <= VALUE_TEXT;
}

int pipe_compile(struct compile *c, enum pipe_use use, struct pipe *out)
{
	enum lex_kind sign = LEX_END;
	uint16_t slots = c->n_slots;
	uint16_t slot = 0;

	*out = (struct pipe){0};
	int rc = take_names(c, use, out, &sign);
	if (rc == 0 && sign == LEX_DECLARE && use == PIPE_ACTION) {
		rc = slot_new(c, &slot);
		slots = c->n_slots;
	}
	if (rc == 0)
		rc = pipe_body(c, out);
	c->n_slots = slots;
	if (rc != 0 || sign == LEX_END || use == PIPE_RANGE)
		return rc;
	if (sign == LEX_ASSIGN) {
		const struct lexeme name = {.s = out->element, .n = out->element_len};
		const struct variable *v = variable_find(c, &name);
		if (v == NULL || v->len == 0 || is_plain(v->kind) != is_plain(out->kind) ||
			(!is_plain(v->kind) && v->kind != out->kind))
			return compile_error(
				c, "$%.*s cannot be assigned this", (int)name.n, name.s);
		slot = v->slot;
	} else {
		rc = variable_add(c, out->element, out->element_len, slot, out->kind);
	}
	emit(c, &(struct instruction){.op = OP_STORE, .a = slot});
	out->is_stored = true;
	out->slot = slot;
	return rc;
}
