// SPDX-License-Identifier: Apache-2.0
// Templates: what comes out is what Go's text/template makes of the same data; what it refuses or
// cannot run fails here too.
#include "zones/gotmpl/gotmpl.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct gotmpl_text match[] = {{"ip-10-0a-7", 10}, {"10", 2}, {"0a", 2}, {"7", 1}};
static const char *const names[] = {NULL, "a", NULL, "c"};
static const struct gotmpl_data data = {.zone = "example.",
	.name = "ip-10-0a-7.example.",
	.regex = "^ip-(?P<a>[0-9]+)-([0-9a-f]+)-(?P<c>.)",
	.class = "IN",
	.type = "A",
	.remote = "192.0.2.9",
	.match = match,
	.group = names,
	.n_match = ARRAY_LEN(match),
	.question_name = "IP-10-0a-7.example.",
	.qtype = 1,
	.qclass = 1,
	.id = 4711,
	.is_rd = true};

static const struct {
	const char *text, *want;
} printed[] = {
	{"plain text", "plain text"},
	{"{{ .Name }} 60 IN A 10.0.0.1", "ip-10-0a-7.example. 60 IN A 10.0.0.1"},
	{"{{.Zone}}|{{.Class}}|{{.Type}}|{{.Remote}}|{{.Regex}}",
		"example.|IN|A|192.0.2.9|^ip-(?P<a>[0-9]+)-([0-9a-f]+)-(?P<c>.)"},
	{"{{ .Question.Name }} {{ .Question.Qtype }} {{ .Question.Qclass }}",
		"IP-10-0a-7.example. 1 1"},
	{"{{ .Message.Id }} {{ .Message.RecursionDesired }} {{ .Message.CheckingDisabled "
	 "}}",
		"4711 true false"},
	{"{{ .Group.a }}-{{ .Group.c }}", "10-7"},
	{"{{ .Group.nope }}", "<no value>"},
	{"{{ eq .Group.nope \"1\" }} {{ ne .Group.nope .Group.no }} {{ eq .Group.no .Group.a }}",
		"false false false"},
	{"{{ index .Group \"2\" }}{{ index .Group \"nope\" }}!", "0a!"},
	{"{{ index .Match 0 }} {{ index .Match 3 }}", "ip-10-0a-7 7"},
	{"{{ .Match }}", "[ip-10-0a-7 10 0a 7]"},
	{"{{ parseInt .Group.a 16 8 }}.{{ parseInt (index .Match 2) 16 8 }}", "16.10"},
	{"{{ parseInt \"18446744073709551615\" 10 64 }}", "18446744073709551615"},
	{"{{ \"x\" | printf \"%s-%d\" \"a\" 7 }}", "a-7%!(EXTRA string=x)"},
	{"{{ .Name | len | printf \"%03d\" }}", "019"},
	{"{{ printf \"%x %X %o %b %c %q %v %5d|%-5d|%05d\" 255 255 8 5 65 \"q\\\"x\" true "
	 "42 42 42 }}",
		"ff FF 10 101 A \"q\\\"x\" true    42|42   |00042"},
	{"{{ printf \"%s %d\" 5 \"x\" }}", "%!s(int=5) %!d(string=x)"},
	{"{{ printf \"%d\" }} {{ printf \"x\" 1 \"b\" }} {{ printf \"%\" }} {{ printf "
	 "\"%%\" }}",
		"%!d(MISSING) x%!(EXTRA int=1, string=b) %!(NOVERB) %"},
	{"{{ printf \"%6.2s|%-6s|%6s\" \"abcdef\" \"ab\" \"ab\" }}", "    ab|ab    |    ab"},
	{"{{ printf \"%+d % d %#x %.3d %+.2d\" 5 5 255 7 7 }}", "+5  5 0xff 007 +07"},
	{"{{ printf \"%x\" \"hi\" }} {{ printf \"%t\" false }} {{ printf \"%v\" .Match }}",
		"6869 false [ip-10-0a-7 10 0a 7]"},
	{"{{ printf \"%t\" 1 }} {{ printf \"%d\" true }}", "%!t(int=1) %!d(bool=true)"},
	{"{{ print \"a\" 1 2 \"b\" \"c\" 3 }} {{ print 1 2 }} {{ println \"a\" 1 }}",
		"a1 2bc3 1 2 a 1\n"},
	{"{{ len .Match }} {{ len .Group }} {{ len \"abc\" }}", "4 6 3"},
	{"{{ if eq .Type \"A\" }}yes{{ else }}no{{ end }}", "yes"},
	{"{{ if eq .Type \"B\" \"C\" \"A\" }}yes{{ else }}no{{ end }}", "yes"},
	{"{{ if and (eq .Class \"IN\") (gt (len .Match) 2) }}y{{ end }}", "y"},
	{"{{ if and (gt (len .Match) 9) (eq (index .Match 9) \"x\") }}y{{ else }}n{{ end "
	 "}}",
		"n"},
	{"{{ if or (eq .Class \"CH\") .Name }}y{{ else }}n{{ end }}", "y"},
	{"{{ and 1 0 2 }} {{ or 0 \"\" \"z\" \"y\" }} {{ and \"a\" \"b\" }} {{ or \"a\" "
	 "\"b\" }} {{ and true }} {{ or 0 }}",
		"0 z b a true 0"},
	{"{{ 0 | and 1 2 }} {{ 7 | or 0 }} {{ 7 | or 3 }}", "0 7 3"},
	{"{{ not .Name }} {{ not \"\" }} {{ not 0 }}", "false true true"},
	{"{{ lt 1 2 }} {{ le 2 2 }} {{ gt \"b\" \"a\" }} {{ ge \"a\" \"b\" }} {{ ne 1 2 }} "
	 "{{ eq \"a\" \"b\" }}",
		"true true true false true false"},
	{"{{ eq (parseInt \"5\" 10 64) 5 }} {{ lt -1 (parseInt \"5\" 10 64) }} {{ gt "
	 "(parseInt \"5\" 10 64) -3 }}",
		"true true true"},
	{"{{ eq true true }} {{ ne true false }}", "true true"},
	{"a  {{- \" b \" -}}   c", "a b c"},
	{"a{{- /* note */ -}}  b {{/* x */}}c", "ab c"},
	{"{{ if false }}1{{ else if eq 1 1 }}2{{ else }}3{{ end }}", "2"},
	{"{{ if false }}1{{ else if false }}2{{ else }}3{{ end }}", "3"},
	{"{{ if true }}{{ if false }}a{{ else }}b{{ end }}c{{ end }}d", "bcd"},
	{"{{ range .Match }}<{{ . }}>{{ end }}", "<ip-10-0a-7><10><0a><7>"},
	{"{{ range $i, $e := .Match }}{{ if gt $i 0 }}.{{ $e }}{{ end }}{{ end }}", ".10.0a.7"},
	{"{{ range $e := .Match }}[{{ $e }}{{ $.Type }}]{{ end }}", "[ip-10-0a-7A][10A][0aA][7A]"},
	{"{{ range .Match }}x{{ else }}none{{ end }}", "xxxx"},
	{"{{ with .Group.a }}has {{ . }}{{ else }}none{{ end }}", "has 10"},
	{"{{ with .Group.zz }}has {{ . }}{{ else }}none {{ .Name }}{{ end }}",
		"none ip-10-0a-7.example."},
	{"{{ with .Question }}{{ .Name }}{{ end }}", "IP-10-0a-7.example."},
	{"{{ with $x := index .Match 1 }}{{ $x }}{{ . }}{{ end }}", "1010"},
	{"{{ $x := index .Match 1 }}{{ $x }} {{ $x = \"new\" }}{{ $x }}", "10 new"},
	{"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"},
	{"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x }}{{ end }}{{ $x }}", "22"},
	{"{{ $n := parseInt .Group.a 10 64 }}{{ if ge $n 10 }}big{{ end }}", "big"},
	{"{{ if $n := len .Match }}{{ $n }}{{ end }}", "4"},
	{"{{ $.Name }}", "ip-10-0a-7.example."},
	{"{{ slice .Name 3 5 }} {{ slice .Name 3 }} {{ slice \"abc\" }}",
		"10 10-0a-7.example. abc"},
	{"{{ `raw \"x\"` }} {{ \"t\\tn\\x41\\101\" }} {{ 'A' }} {{ 0x1f }} {{ 017 }}",
		"raw \"x\" t\tnAA 65 31 15"},
	{"{{ (index .Match 1) | printf \"%s\" }} {{ (.Question).Name }}", "10 IP-10-0a-7.example."},
	{"{{ $x := .Name }}{{ with 1 }}{{ $x }}{{ end }}", "ip-10-0a-7.example."},
	{"{{ with $x := 0 }}a{{ else }}{{ $x }}{{ end }}", "0"},
	{"{{ if eq .Group.a \"10\" }}10.{{ end }}{{ range $k := .Match }}{{ len $k }}{{ "
	 "end }}",
		"10.10221"},
	{"{{ index \"abc\" 1 }}", "98"},
	{"{{ len (slice .Name 1 (len .Type)) }}", "0"},
	{"{{ printf \"%s%s\" (printf \"%d\" (len .Name)) .Type | printf \"%q\" }}", "\"19A\""},
	{"{{ .Group.a | printf \"%s.%s\" .Group.c | printf \"%s!\" }}", "7.10!"},
	{"{{- .Name -}}", "ip-10-0a-7.example."},
	{"{{ -5 }}", "-5"},
	{"{{ and .Group.a (index .Match 2) | print }}", "0a"},
	{"{{ and .Group.a .Group.c }} {{ or .Group.no .Group.a .Zone }}", "7 10"},
	{"{{ and .Zone .Question.Name }} {{ len (and .Zone .Match) }}", "IP-10-0a-7.example. 4"},
	{"{{ not (and true false) | or false }}", "true"},
};

static void templates_print_what_go_prints(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(printed); i++) {
		struct arena a = {0};
		struct err e = {0};
		const char *got = NULL;
		const struct gotmpl *t = gotmpl_compile(printed[i].text, &a, &e);
		if (t == NULL)
			fail_msg("%s: %s", printed[i].text, e.text);
		if (gotmpl_run(t, &data, &a, &got, &e) != 0)
			fail_msg("%s: %s", printed[i].text, e.text);
		assert_string_equal(got, printed[i].want);
		arena_fini(&a);
	}
}

static void what_go_cannot_compile_or_run_fails_with_a_sentence(void **state)
{
	static const char *const cases[] = {
		"{{ index .Match 4 }}",
		"{{ index .Match -1 }}",
		"{{ parseInt \"fff\" 16 8 }}",
		"{{ parseInt \"zz\" 16 64 }}",
		"{{ parseInt \"18446744073709551616\" 10 64 }}",
		"{{ parseInt \"\" 10 64 }}",
		"{{ eq 1 \"1\" }}",
		"{{ lt true false }}",
		"{{ $ }}",
		"{{ slice .Name 3 99 }}",
		"{{ .Name }",
		"{{ .Nope }}",
		"{{ nope .Name }}",
		"{{ .Name .Type }}",
		"{{ 1 2 }}",
		"{{ .Name | .Type }}",
		"{{ }}",
		"{{ if }}x{{ end }}",
		"{{ if true }}x",
		"{{ end }}",
		"{{ else }}",
		"{{ $y }}",
		"{{ (.Name }}",
		"{{ .Name) }}",
		"{{ len }}",
		"{{ len 1 2 }}",
		"{{ index .Match \"x\" }}",
		"{{ \"open }}",
		"{{ .Match.x }}",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = {0};
		struct err e = {0};
		const char *got = NULL;
		const struct gotmpl *t = gotmpl_compile(cases[i], &a, &e);
		if (t != NULL && gotmpl_run(t, &data, &a, &got, &e) == 0)
			fail_msg("%s gives %s", cases[i], got);
		assert_int_equal(e.code, -EINVAL);
		assert_true(e.text[0] != '\0');
		arena_fini(&a);
	}
}

static void what_go_knows_and_this_does_not_is_refused_when_compiled(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"{{ .Meta \"kubernetes/client-namespace\" }}", "does not know .Meta"},
		{"{{ .Message.Answer }}", "does not know .Answer"},
		{"{{ html .Name }}", "template function html"},
		{"{{ range .Group }}x{{ end }}", "ranges over .Match"},
		{"{{ range 3 }}x{{ end }}", "ranges over .Match"},
		{"{{ .Group }}", "cannot print"},
		{"{{ define \"x\" }}{{ end }}", "no define"},
		{"{{ 1.5 }}", "whole number"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = {0};
		struct err e = {0};
		assert_null(gotmpl_compile(cases[i].text, &a, &e));
		if (strstr(e.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].text, e.text);
		arena_fini(&a);
	}
}

// n times a text with an end.
static char *repeated(const char *s, size_t n, const char *end)
{
	size_t len = strlen(s);
	char *out = malloc(n * len + strlen(end) + 1);

	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		memcpy(out + i * len, s, len);
	memcpy(out + n * len, end, strlen(end) + 1);
	return out;
}

static void templates_without_bounds_are_refused(void **state)
{
	static const struct {
		const char *part;
		size_t n;
		const char *end;
	} cases[] = {
		{"{{ .Name }}", 5000, ""},
		{"{{ if true }}", 40, ""},
		{"{{ $x := 1 }}", 100, ""},
		{"{{ range .Match }}{{ range .Match }}", 20, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = repeated(cases[i].part, cases[i].n, cases[i].end);
		struct arena a = {0};
		struct err e = {0};
		assert_null(gotmpl_compile(text, &a, &e));
		assert_int_equal(e.code, -EINVAL);
		arena_fini(&a);
		free(text);
	}
}

static void a_run_that_makes_too_much_text_fails(void **state)
{
	static const char text[] = "{{ range .Match }}{{ range $.Match }}{{ range $.Match }}"
				   "{{ printf \"%1000s%1000s\" . . }}{{ end }}{{ end }}{{ end }}";
	struct arena a = {0};
	struct err e = {0};
	const char *got = NULL;
	const struct gotmpl *t = gotmpl_compile(text, &a, &e);

	if (t == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(gotmpl_run(t, &data, &a, &got, &e), -EINVAL);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_print_what_go_prints),
		cmocka_unit_test(what_go_cannot_compile_or_run_fails_with_a_sentence),
		cmocka_unit_test(what_go_knows_and_this_does_not_is_refused_when_compiled),
		cmocka_unit_test(templates_without_bounds_are_refused),
		cmocka_unit_test(a_run_that_makes_too_much_text_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
