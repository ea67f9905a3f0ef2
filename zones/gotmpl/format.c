// SPDX-License-Identifier: Apache-2.0
// Go's fmt.Sprintf for texts, numbers and truth values: flags, width, precision, and the notes it
// writes into the text when verbs and values do not fit (%!d(string=x)).
#include "zones/gotmpl/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH_MAX = 1000 };

struct spec {
	bool minus, plus, space, zero, sharp;
	unsigned width, precision;
	bool has_precision;
	char verb; // NUL: the format ended
};

static const char *read_number(const char *s, const char *end, unsigned *out)
{
	for (*out = 0; s < end && *s >= '0' && *s <= '9'; s++)
		*out = *out < WIDTH_MAX ? *out * 10 + (unsigned)(*s - '0') : WIDTH_MAX;
	*out = *out < WIDTH_MAX ? *out : WIDTH_MAX;
	return s;
}

// Reads what follows a %; returns what is behind the verb.
static const char *spec_read(const char *s, const char *end, struct spec *out)
{
	*out = (struct spec){0};
	for (; s < end && strchr("-+ 0#", *s) != NULL; s++) {
		out->minus |= *s == '-';
		out->plus |= *s == '+';
		out->space |= *s == ' ';
		out->zero |= *s == '0';
		out->sharp |= *s == '#';
	}
	out->zero &= !out->minus;
	s = read_number(s, end, &out->width);
	if (s < end && *s == '.') {
		out->has_precision = true;
		s = read_number(s + 1, end, &out->precision);
	}
	if (s == end)
		return s;
	out->verb = *s;
	return s + 1;
}

static void fill(struct sink *k, char c, unsigned n)
{
	for (; n > 0; n--)
		sink_add(k, &c, 1);
}

// Pads to the width; zeros go behind the sign.
static void pad(struct sink *k, const struct spec *f, const char *sign, const char *s, size_t n)
{
	size_t have = strlen(sign) + n;
	unsigned more = f->width > have ? f->width - (unsigned)have : 0;

	if (!f->minus && !f->zero)
		fill(k, ' ', more);
	sink_text(k, sign);
	if (f->zero)
		fill(k, '0', more);
	sink_add(k, s, n);
	if (f->minus)
		fill(k, ' ', more);
}

static const char *sign_of(const struct spec *f, bool is_negative)
{
	if (is_negative)
		return "-";
	if (f->plus)
		return "+";
	return f->space ? " " : "";
}

static void number(struct sink *k, const struct spec *f, bool is_negative, uint64_t u)
{
	static const char small[] = "0123456789abcdef";
	static const char large[] = "0123456789ABCDEF";
	const char *digits = f->verb == 'X' ? large : small;
	unsigned base = 10;
	char text[WIDTH_MAX + 72];
	char *s = text + sizeof(text);
	char sign[8];

	if (f->verb == 'x' || f->verb == 'X')
		base = 16;
	else if (f->verb == 'o' || f->verb == 'b')
		base = f->verb == 'o' ? 8 : 2;
	size_t least = f->has_precision ? f->precision : 1;
	for (size_t n = 0; n < least || u != 0; n++, u /= base)
		*--s = digits[u % base];
	const char *prefix = "";
	if (f->sharp && base == 16)
		prefix = f->verb == 'x' ? "0x" : "0X";
	else if (f->sharp && base != 10)
		prefix = base == 8 ? "0" : "0b";
	(void)snprintf(sign, sizeof(sign), "%s%s", sign_of(f, is_negative), prefix); // fits
	struct spec without = *f;
	without.zero &= !f->has_precision; // as Go
	pad(k, &without, sign, s, (size_t)(text + sizeof(text) - s));
}

static void hex_text(struct sink *k, const struct spec *f, const struct gotmpl_text *t)
{
	struct sink hex = {.arena = k->arena};
	char two[4];

	for (size_t i = 0; i < t->n; i++) {
		(void)snprintf(two, sizeof(two), f->verb == 'x' ? "%02x" : "%02X",
			(unsigned char)t->s[i]); // fits
		sink_text(&hex, two);
	}
	k->failed = k->failed == 0 ? hex.failed : k->failed;
	pad(k, f, "", hex.s, hex.n);
}

static void quoted(struct sink *k, const struct spec *f, const struct gotmpl_text *t)
{
	struct sink q = {.arena = k->arena};

	sink_text(&q, "\"");
	for (size_t i = 0; i < t->n; i++) {
		if (t->s[i] == '"' || t->s[i] == '\\')
			sink_text(&q, "\\");
		sink_add(&q, &t->s[i], 1);
	}
	sink_text(&q, "\"");
	k->failed = k->failed == 0 ? q.failed : k->failed;
	pad(k, f, "", q.s, q.n);
}

static const char *type_name(const struct value *v)
{
	static const char *const names[] = {[VALUE_BOOL] = "bool",
		[VALUE_INT] = "int",
		[VALUE_UINT] = "uint64",
		[VALUE_TEXT] = "string",
		[VALUE_MATCH] = "[]string",
		[VALUE_GROUP] = "map[string]string"};

	return v->kind <= VALUE_GROUP ? names[v->kind] : "";
}

static void mismatch(struct sink *k, const struct gotmpl_data *d, char verb, const struct value *v)
{
	sink_text(k, "%!");
	sink_add(k, &verb, 1);
	if (v->kind == VALUE_NONE) {
		sink_text(k, "(<nil>)");
		return;
	}
	sink_text(k, "(");
	sink_text(k, type_name(v));
	sink_text(k, "=");
	value_print(k, d, v);
	sink_text(k, ")");
}

static bool text_verb(struct sink *k, const struct spec *f, const struct value *v)
{
	struct gotmpl_text t = v->text;

	if (f->has_precision && f->precision < t.n)
		t.n = f->precision;
	if (f->verb == 's' || (f->verb == 'v' && !f->sharp))
		pad(k, f, "", t.s, t.n);
	else if (f->verb == 'q' || f->verb == 'v')
		quoted(k, f, &t);
	else if (f->verb == 'x' || f->verb == 'X')
		hex_text(k, f, &t);
	else
		return false;
	return true;
}

static bool number_verb(struct sink *k, const struct spec *f, const struct value *v)
{
	bool is_negative = v->kind == VALUE_INT && v->i < 0;
	char c = (char)v->u;

	if (f->verb == 'c' && v->u < 128)
		pad(k, f, "", &c, 1);
	else if (strchr("dvxXob", f->verb) != NULL)
		number(k, f, is_negative, is_negative ? 0 - v->u : v->u);
	else
		return false;
	return true;
}

static void verb(
	struct sink *k, const struct gotmpl_data *d, const struct spec *f, const struct value *v)
{
	struct sink other = {.arena = k->arena};
	bool done = false;

	if (v->kind == VALUE_TEXT)
		done = text_verb(k, f, v);
	else if (v->kind == VALUE_INT || v->kind == VALUE_UINT)
		done = number_verb(k, f, v);
	else
		done = f->verb == 'v' || (v->kind == VALUE_BOOL && f->verb == 't') ||
			(v->kind > VALUE_TEXT && f->verb == 's');
	if (!done) {
		mismatch(k, d, f->verb, v);
		return;
	}
	if (v->kind == VALUE_TEXT || v->kind == VALUE_INT || v->kind == VALUE_UINT)
		return;
	value_print(&other, d, v);
	k->failed = k->failed == 0 ? other.failed : k->failed;
	pad(k, f, "", other.s, other.n);
}

void format_print(struct sink *k, const struct gotmpl_data *d, const struct gotmpl_text *format,
	const struct value *args, size_t n)
{
	const char *s = format->s;
	const char *end = format->s + format->n;
	size_t used = 0;

	while (s < end) {
		const char *percent = memchr(s, '%', (size_t)(end - s));
		struct spec f;
		sink_add(k, s, (size_t)((percent == NULL ? end : percent) - s));
		if (percent == NULL)
			break;
		s = spec_read(percent + 1, end, &f);
		if (f.verb == '\0')
			sink_text(k, "%!(NOVERB)");
		else if (f.verb == '%')
			sink_text(k, "%");
		else if (used < n)
			verb(k, d, &f, &args[used++]);
		else {
			sink_text(k, "%!");
			sink_add(k, &f.verb, 1);
			sink_text(k, "(MISSING)");
		}
	}
	for (size_t i = used; i < n; i++) {
		sink_text(k, i == used ? "%!(EXTRA " : ", ");
		sink_text(k, args[i].kind == VALUE_NONE ? "<nil>" : type_name(&args[i]));
		if (args[i].kind != VALUE_NONE) {
			sink_text(k, "=");
			value_print(k, d, &args[i]);
		}
	}
	if (used < n)
		sink_text(k, ")");
}
