// SPDX-License-Identifier: Apache-2.0
// The machine that runs a compiled template.
#include "zones/gotmpl/program.h"

#include <errno.h>
#include <string.h>

struct machine {
	struct run run;
	struct sink out;
	struct value stack[GOTMPL_STACK_MAX];
	size_t n;
	struct value slots[GOTMPL_SLOTS_MAX];
};

static struct value pop(struct machine *m)
{
	static const struct value none = {.kind = VALUE_NONE};

	return m->n == 0 ? none : m->stack[--m->n];
}

static int push(struct machine *m, struct value v)
{
	if (m->n == GOTMPL_STACK_MAX)
		return err_set(m->run.err, -EINVAL, "the template nests too deeply");
	m->stack[m->n++] = v;
	return 0;
}

static struct value text_of(const char *s)
{
	return value_text(s, strlen(s));
}

static struct value field_get(const struct gotmpl_data *d, enum field f)
{
	switch (f) {
	case FIELD_ZONE:
		return text_of(d->zone);
	case FIELD_NAME:
		return text_of(d->name);
	case FIELD_REGEX:
		return text_of(d->regex);
	case FIELD_CLASS:
		return text_of(d->class);
	case FIELD_TYPE:
		return text_of(d->type);
	case FIELD_REMOTE:
		return text_of(d->remote);
	case FIELD_MATCH:
		return (struct value){.kind = VALUE_MATCH};
	case FIELD_GROUP:
		return (struct value){.kind = VALUE_GROUP};
	case FIELD_QUESTION:
		return (struct value){.kind = VALUE_QUESTION};
	case FIELD_MESSAGE:
		return (struct value){.kind = VALUE_MESSAGE};
	case FIELD_QUESTION_NAME:
		return text_of(d->question_name);
	case FIELD_QTYPE:
		return (struct value){.kind = VALUE_UINT, .u = d->qtype};
	case FIELD_QCLASS:
		return (struct value){.kind = VALUE_UINT, .u = d->qclass};
	case FIELD_ID:
		return (struct value){.kind = VALUE_UINT, .u = d->id};
	case FIELD_RD:
		return value_bool(d->is_rd);
	case FIELD_CD:
		return value_bool(d->is_cd);
	case FIELD_AD:
		return value_bool(d->is_ad);
	}
	return (struct value){.kind = VALUE_NONE};
}

static int call(struct machine *m, const struct instruction *i)
{
	struct value result = {.kind = VALUE_NONE};

	if (m->n < i->b)
		return -EINVAL;
	m->n -= i->b;
	int rc = function_at(i->a)->call(&m->run, &m->stack[m->n], i->b, &result);
	if (rc != 0)
		return err_set(m->run.err, rc, "a function failed");
	return push(m, result);
}

// The next element of .Match, or the end of the loop.
static size_t range(struct machine *m, const struct instruction *i, size_t at)
{
	struct value *position = &m->slots[i->a];

	if (position->u >= m->run.data->n_match)
		return i->b;
	position[1] = (struct value){.kind = VALUE_TEXT, .text = m->run.data->match[position->u]};
	position[2] = (struct value){.kind = VALUE_INT, .i = position->i};
	position->u++;
	return at;
}

// One instruction; at is behind it. *next is where to go on.
static int step(struct machine *m, const struct instruction *i, size_t at, size_t *next)
{
	const struct gotmpl_data *d = m->run.data;
	struct value v;

	*next = at;
	switch (i->op) {
	case OP_PRINT_TEXT:
		value_print(&m->out, d, &i->value);
		return m->out.failed;
	case OP_PUSH:
		return push(m, i->value);
	case OP_FIELD:
		(void)pop(m); // what it is a field of: known since it was compiled
		return push(m, field_get(d, (enum field)i->a));
	case OP_GROUP:
		(void)pop(m); // .Group
		return push(m, group_find(d, &i->value.text));
	case OP_CALL:
		return call(m, i);
	case OP_STORE:
		m->slots[i->a] = pop(m);
		return 0;
	case OP_LOAD:
		return push(m, m->slots[i->a]);
	case OP_PRINT:
		v = pop(m);
		value_print(&m->out, d, &v);
		return m->out.failed;
	case OP_JUMP:
		*next = i->b;
		return 0;
	case OP_JUMP_FALSE:
		v = pop(m);
		*next = value_is_true(d, &v) ? at : i->b;
		return 0;
	case OP_AND:
	case OP_OR:
		v = pop(m);
		if (value_is_true(d, &v) == (i->op == OP_AND))
			return 0;
		*next = i->b;
		return push(m, v);
	case OP_RANGE:
		*next = range(m, i, at);
		return 0;
	}
	return -EINVAL;
}

int gotmpl_run(const struct gotmpl *t, const struct gotmpl_data *d, struct arena *a,
	const char **out, struct err *err)
{
	struct machine m = {.run = {d, a, err}, .out = {.arena = a}};
	size_t at = 0;
	int rc = 0;

	m.slots[0] = (struct value){.kind = VALUE_DATA};
	for (size_t steps = 0; rc == 0 && at < t->n; steps++) {
		rc = steps < GOTMPL_STEPS_MAX ? step(&m, &t->code[at], at + 1, &at) : -EINVAL;
	}
	*out = m.out.n == 0 ? "" : m.out.s;
	return rc == 0 ? 0 : err_set(err, rc, "the template's text is too long or cannot be made");
}
