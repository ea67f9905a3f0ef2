// SPDX-License-Identifier: Apache-2.0
// The functions of text/template, and CoreDNS' parseInt. `and` and `or` are not here: they are
// jumps.
#include "zones/gotmpl/program.h"

#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct run *r, const char *text)
{
	return err_set(r->err, -EINVAL, "%s", text);
}

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_UINT;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 64;
}

// strconv.ParseUint(s, base, bits).
static int call_parse_int(struct run *r, const struct value *a, size_t n, struct value *out)
{
	uint64_t v = 0;

	if (a[0].kind != VALUE_TEXT || !is_number(&a[1]) || !is_number(&a[2]))
		return fail(r, "parseInt takes a text, a base and a number of bits");
	if (a[1].u < 2 || a[1].u > 36 || a[2].u > 64)
		return fail(r, "parseInt: the base is 2 to 36, the bits are 0 to 64");
	uint64_t max = a[2].u == 0 || a[2].u == 64 ? UINT64_MAX : ((uint64_t)1 << a[2].u) - 1;
	if (a[0].text.n == 0)
		return fail(r, "parseInt: the text is empty");
	for (size_t i = 0; i < a[0].text.n; i++) {
		uint64_t digit = (uint64_t)digit_of(a[0].text.s[i]);
		if (digit >= a[1].u)
			return fail(r, "parseInt: the text is no number of this base");
		if (v > (max - digit) / a[1].u || digit > max)
			return fail(r, "parseInt: the number is out of range");
		v = v * a[1].u + digit;
	}
	*out = (struct value){.kind = VALUE_UINT, .u = v};
	return 0;
}

static int result_text(const struct sink *k, struct value *out)
{
	*out = value_text(k->n == 0 ? "" : k->s, k->n);
	return k->failed;
}

// fmt.Sprint: blanks between values of which neither is a text.
static int call_print(struct run *r, const struct value *a, size_t n, struct value *out)
{
	struct sink k = {.arena = r->arena};

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && a[i].kind != VALUE_TEXT && a[i - 1].kind != VALUE_TEXT)
			sink_text(&k, " ");
		value_print(&k, r->data, &a[i]);
	}
	return result_text(&k, out);
}

static int call_println(struct run *r, const struct value *a, size_t n, struct value *out)
{
	struct sink k = {.arena = r->arena};

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			sink_text(&k, " ");
		value_print(&k, r->data, &a[i]);
	}
	sink_text(&k, "\n");
	return result_text(&k, out);
}

static int call_printf(struct run *r, const struct value *a, size_t n, struct value *out)
{
	struct sink k = {.arena = r->arena};

	if (a[0].kind != VALUE_TEXT)
		return fail(r, "printf takes a format first");
	format_print(&k, r->data, &a[0].text, a + 1, n - 1);
	return result_text(&k, out);
}

static int call_len(struct run *r, const struct value *a, size_t n, struct value *out)
{
	int64_t len = 0;

	if (a[0].kind == VALUE_TEXT)
		len = (int64_t)a[0].text.n;
	else if (a[0].kind == VALUE_MATCH)
		len = (int64_t)r->data->n_match;
	else if (a[0].kind == VALUE_GROUP)
		for (size_t i = 0; i < r->data->n_match; i++)
			len += 1 + (r->data->group[i] != NULL);
	else
		return fail(r, "len takes a text, .Match or .Group");
	*out = (struct value){.kind = VALUE_INT, .i = len};
	return 0;
}

static int call_index(struct run *r, const struct value *a, size_t n, struct value *out)
{
	if (a[0].kind == VALUE_GROUP && a[1].kind == VALUE_TEXT) {
		*out = group_find(r->data, &a[1].text);
		if (out->kind == VALUE_NONE) // Go: the zero value of the map's kind
			*out = value_text("", 0);
		return 0;
	}
	if (!is_number(&a[1]) || (a[0].kind != VALUE_MATCH && a[0].kind != VALUE_TEXT))
		return fail(r, "index takes .Match and a number, or .Group and a name");
	size_t len = a[0].kind == VALUE_MATCH ? r->data->n_match : a[0].text.n;
	if (a[1].u >= len) // a negative number is larger than any
		return fail(r, "index: there are not that many");
	if (a[0].kind == VALUE_TEXT)
		*out = (struct value){.kind = VALUE_UINT, .u = (unsigned char)a[0].text.s[a[1].u]};
	else
		*out = (struct value){.kind = VALUE_TEXT, .text = r->data->match[a[1].u]};
	return 0;
}

static int call_slice(struct run *r, const struct value *a, size_t n, struct value *out)
{
	if (a[0].kind != VALUE_TEXT || (n > 1 && !is_number(&a[1])) || (n > 2 && !is_number(&a[2])))
		return fail(r, "slice takes a text and one or two numbers");
	uint64_t from = n > 1 ? a[1].u : 0;
	uint64_t to = n > 2 ? a[2].u : a[0].text.n;
	if (to > a[0].text.n || from > to)
		return fail(r, "slice: the text is shorter than that");
	*out = value_text(a[0].text.s + from, to - from);
	return 0;
}

static int call_not(struct run *r, const struct value *a, size_t n, struct value *out)
{
	*out = value_bool(!value_is_true(r->data, &a[0]));
	return 0;
}

// -1, 0, 1 in *order. Numbers of both kinds compare as numbers.
static int compare(struct run *r, const struct value *a, const struct value *b, int *order)
{
	bool below[2] = {a->kind == VALUE_INT && a->i < 0, b->kind == VALUE_INT && b->i < 0};

	if (is_number(a) && is_number(b)) {
		if (below[0] != below[1])
			*order = below[0] ? -1 : 1;
		else if (below[0])
			*order = (a->i > b->i) - (a->i < b->i);
		else
			*order = (a->u > b->u) - (a->u < b->u);
		return 0;
	}
	if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
		*order = a->is_true - b->is_true;
		return 0;
	}
	if (a->kind != VALUE_TEXT || b->kind != VALUE_TEXT)
		return fail(r, "values of different kinds are compared");
	size_t least = a->text.n < b->text.n ? a->text.n : b->text.n;
	*order = least == 0 ? 0 : memcmp(a->text.s, b->text.s, least);
	if (*order == 0)
		*order = (a->text.n > b->text.n) - (a->text.n < b->text.n);
	return 0;
}

// A group that is missing equals another missing one and nothing else.
static int equal(struct run *r, const struct value *a, const struct value *b, bool *is_equal)
{
	int order = 0;

	if (a->kind == VALUE_NONE || b->kind == VALUE_NONE) {
		*is_equal = a->kind == b->kind;
		return 0;
	}
	int rc = compare(r, a, b, &order);
	*is_equal = order == 0;
	return rc;
}

// Equal to one of those that follow.
static int call_eq(struct run *r, const struct value *a, size_t n, struct value *out)
{
	bool is_equal = false;
	int rc = 0;

	for (size_t i = 1; i < n && rc == 0 && !is_equal; i++)
		rc = equal(r, &a[0], &a[i], &is_equal);
	*out = value_bool(is_equal);
	return rc;
}

static int call_ne(struct run *r, const struct value *a, size_t n, struct value *out)
{
	bool is_equal = false;
	int rc = equal(r, &a[0], &a[1], &is_equal);

	*out = value_bool(!is_equal);
	return rc;
}

static int ordered(struct run *r, const struct value *a, int *order)
{
	if (a[0].kind == VALUE_BOOL)
		return fail(r, "true and false have no order");
	return compare(r, &a[0], &a[1], order);
}

static int call_lt(struct run *r, const struct value *a, size_t n, struct value *out)
{
	int order = 0;
	int rc = ordered(r, a, &order);

	*out = value_bool(order < 0);
	return rc;
}

static int call_le(struct run *r, const struct value *a, size_t n, struct value *out)
{
	int order = 0;
	int rc = ordered(r, a, &order);

	*out = value_bool(order <= 0);
	return rc;
}

static int call_gt(struct run *r, const struct value *a, size_t n, struct value *out)
{
	int order = 0;
	int rc = ordered(r, a, &order);

	*out = value_bool(order > 0);
	return rc;
}

static int call_ge(struct run *r, const struct value *a, size_t n, struct value *out)
{
	int order = 0;
	int rc = ordered(r, a, &order);

	*out = value_bool(order >= 0);
	return rc;
}

static const struct function functions[] = {
	{"eq", 2, GOTMPL_ARGS_MAX, call_eq},
	{"ge", 2, 2, call_ge},
	{"gt", 2, 2, call_gt},
	{"index", 2, 2, call_index},
	{"le", 2, 2, call_le},
	{"len", 1, 1, call_len},
	{"lt", 2, 2, call_lt},
	{"ne", 2, 2, call_ne},
	{"not", 1, 1, call_not},
	{"parseInt", 3, 3, call_parse_int},
	{"print", 0, GOTMPL_ARGS_MAX, call_print},
	{"printf", 1, GOTMPL_ARGS_MAX, call_printf},
	{"println", 0, GOTMPL_ARGS_MAX, call_println},
	{"slice", 1, 3, call_slice},
};

int function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return (int)i;
	}
	return -1;
}

const struct function *function_at(size_t i)
{
	return &functions[i];
}
