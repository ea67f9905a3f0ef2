// SPDX-License-Identifier: Apache-2.0
// template: which questions a stanza answers, and what comes out of its templates.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "zones/base/array.h"

#include <string.h>

enum { TEXTS_MAX = 3 };

// A stanza, as in a Corefile.
struct stanza {
	uint16_t class, type; // 0: IN, A
	const char *zone; // NULL: the root
	const char *match[TEXTS_MAX], *answer[TEXTS_MAX], *additional[TEXTS_MAX];
	const char *authority[TEXTS_MAX];
	uint16_t rcode;
	bool falls;
	const char *falls_in; // NULL: everywhere
	bool has_ede;
	uint16_t ede;
};

struct built {
	struct policy_template rule;
	struct policy_name zone, fall;
	struct policy_text texts[4][TEXTS_MAX];
};

static struct policy_texts texts_of(const char *const *from, struct policy_text *to)
{
	size_t n = 0;

	for (; n < TEXTS_MAX && from[n] != NULL; n++)
		to[n].text = from[n];
	return (struct policy_texts){to, n};
}

static void build(const struct stanza *s, struct built *b)
{
	b->zone.wire = play_wire(s->zone == NULL ? "." : s->zone);
	b->fall.wire = play_wire(s->falls_in == NULL ? "." : s->falls_in);
	b->rule = (struct policy_template){.qclass = s->class == 0 ? RR_CLASS_IN : s->class,
		.qtype = s->type == 0 ? RR_TYPE_A : s->type,
		.zones = {&b->zone, 1},
		.match = texts_of(s->match, b->texts[0]),
		.answer = texts_of(s->answer, b->texts[1]),
		.additional = texts_of(s->additional, b->texts[2]),
		.authority = texts_of(s->authority, b->texts[3]),
		.rcode = s->rcode,
		.has_ede = s->has_ede,
		.ede_code = s->ede,
		.ede_text = "why",
		.fall = {s->falls, {&b->fall, 1}}};
}

static const struct play_reply world[] = {
	{"target.example.net.", RR_TYPE_A, RCODE_NOERROR, HEADER_TC,
		{"target.example.net. 7 IN A 192.0.2.77"}},
	{"*", RR_TYPE_A, RCODE_REFUSED, 0, {NULL}},
	{"*", RR_TYPE_MX, RCODE_REFUSED, 0, {NULL}},
};

struct one {
	struct stanza stanza;
	const char *name;
	uint16_t type; // 0: A
	const char *reply;
};

static void check(const struct one *c)
{
	struct built b;
	build(&c->stanza, &b);
	struct play p = {.ops = {{&plugin_template, &b.rule}},
		.n = 1,
		.world = world,
		.n_world = ARRAY_LEN(world),
		.type = c->type,
		.from = {4, {192, 0, 2, 9}, 1000}};

	assert_string_equal(play(&p, c->name), c->reply);
}

#define IP_A "(^|[.])ip-10-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$"

static void templates_answer_what_they_match(void **state)
{
	static const struct one cases[] = {
		{{.zone = "example.",
			 .match = {IP_A},
			 .answer = {"{{ .Name }} 60 IN A 10.{{ .Group.b }}.{{ .Group.c }}."
				    "{{ .Group.d }}"}},
			"ip-10-95-12-8.example.", 0,
			"NOERROR aa | ip-10-95-12-8.example. 60 IN A 10.95.12.8"},
		{{.match = {"nothing", "^ip-(.*)\\.$"},
			 .answer = {"{{ .Name }} 60 {{ .Class }} {{ .Type }} 10.0.0."
				    "{{ index .Match 1 }}"}},
			"ip-7.", 0, "NOERROR aa | ip-7. 60 IN A 10.0.0.7"},
		{{.type = RR_TYPE_MX,
			 .answer = {"{{ .Name }} 60 IN MX 10 {{ .Name }}"},
			 .authority = {"example. 60 IN NS ns0.example.",
				 "example. 60 IN NS ns1.example."},
			 .additional = {"ns0.example. 60 IN A 203.0.113.8"}},
			"x.example.", RR_TYPE_MX,
			"NOERROR aa | x.example. 60 IN MX 10 x.example. | !example. 60 IN NS "
			"ns0.example. | !example. 60 IN NS ns1.example. | +ns0.example. 60 IN A "
			"203.0.113.8"},
		{{.type = RR_TYPE_ANY, .rcode = RCODE_NXDOMAIN}, "x.", RR_TYPE_MX, "NXDOMAIN aa"},
		{{.rcode = RCODE_REFUSED}, "x.", 0, "REFUSED aa"},
		{{.rcode = RCODE_SERVFAIL, .answer = {"x. A 1.2.3.4"}}, "x.", 0, "SERVFAIL"},
		{{.zone = "invalid.",
			 .type = RR_TYPE_ANY,
			 .rcode = RCODE_NXDOMAIN,
			 .authority = {"invalid. 60 {{ .Class }} SOA ns.invalid. "
				       "hostmaster.invalid. (1 60 60 60 60)"},
			 .has_ede = true,
			 .ede = 21},
			"a.invalid.", 0,
			"NXDOMAIN aa ede=21(why) | !invalid. 60 IN SOA ns.invalid. "
			"hostmaster.invalid. 1 60 60 60 60"},
		{{.answer = {"{{ .Name }} 60 IN A 10.{{ parseInt \"7b\" 16 8 }}.1.2"}}, "x.", 0,
			"NOERROR aa | x. 60 IN A 10.123.1.2"},
		// What a zone file may leave out.
		{{.answer = {"x.example A 192.0.2.1"}}, "x.example.", 0,
			"NOERROR aa | x.example. 3600 IN A 192.0.2.1"},
		{{.answer = {"{{ .Question.Name }} 1h IN TXT \"{{ .Remote }} {{ .Zone }}\""}},
			"X.Example.", 0, "NOERROR aa | X.Example. 3600 IN TXT \"192.0.2.9 .\""},
		{{.type = RR_TYPE_AAAA, .answer = {"{{ .Name }} AAAA 2001:db8::1"}}, "x.",
			RR_TYPE_AAAA, "NOERROR aa | x. 3600 IN AAAA 2001:db8::1"},
		{{.type = RR_TYPE_SRV, .answer = {"{{ .Name }} 5 IN SRV 1 2 3 t"}}, "x.",
			RR_TYPE_SRV, "NOERROR aa | x. 5 IN SRV 1 2 3 t."},
		{{.type = RR_TYPE_ANY, .answer = {"{{ .Name }} 5 IN CAA 0 issue \"ca.example\""}},
			"x.", RR_TYPE_CAA, "NOERROR aa | x. 5 IN CAA 0 issue \"ca.example\""},
		{{.answer = {"\n{{ .Name }} IN 5m A 192.0.2.1 ; (\nx. A 192.0.2.2"}}, "x.", 0,
			"NOERROR aa | x. 300 IN A 192.0.2.1"},
		{{.answer = {"{{ .Name }} IN 5 CNAME \\ \\(\\;.x"}}, "\\(\\)\\@ b.'c.", 0,
			"NOERROR aa | \\(\\)@\\032b.'c. 5 IN CNAME \\032\\(\\;.x."},
		// A name that is more than letters stays one field of the record.
		{{.answer = {"{{ .Name }} 5 IN A 192.0.2.1"}}, "a\\032b\\;c\\\"d.", 0,
			"NOERROR aa | a\\032b\\;c\"d. 5 IN A 192.0.2.1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void what_does_not_match_falls_through_or_fails(void **state)
{
	static const struct one cases[] = {
		// Another zone, type or class is none of its business.
		{{.zone = "example."}, "x.org.", 0, "REFUSED"},
		{{.type = RR_TYPE_AAAA}, "x.", 0, "REFUSED"},
		{{.class = RR_CLASS_CH}, "x.", 0, "REFUSED"},
		{{.class = RR_CLASS_ANY}, "x.", 0, "NOERROR aa"},
		// k8s:2.13: no pattern matches.
		{{.match = {"^y"}}, "x.", 0, "SERVFAIL"},
		{{.match = {"^y"}, .falls = true}, "x.", 0, "REFUSED"},
		{{.match = {"^y"}, .falls = true, .falls_in = "example."}, "x.example.", 0,
			"REFUSED"},
		{{.match = {"^y"}, .falls = true, .falls_in = "example."}, "x.org.", 0, "SERVFAIL"},
		{{.match = {"^y", "^x"}}, "x.", 0, "NOERROR aa"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void the_next_stanza_gets_what_the_first_leaves(void **state)
{
	// As on AKS: one stanza for a zone's names that end twice in it, one for the rest.
	static const struct stanza first = {.zone = "internal.example.",
		.type = RR_TYPE_ANY,
		.match = {"^.*\\.internal\\.example\\.internal\\.example\\.$"},
		.rcode = RCODE_NXDOMAIN,
		.falls = true};
	static const struct stanza second = {.type = RR_TYPE_ANY,
		.match = {"reddog\\.example"},
		.rcode = RCODE_NXDOMAIN,
		.authority = {"{{ .Zone }} 60 IN SOA ns. mail. 1 2 3 4 5"},
		.falls = true};
	static const struct {
		const char *name, *reply;
	} cases[] = {
		{"a.internal.example.internal.example.", "NXDOMAIN aa"},
		{"a.internal.example.", "REFUSED"},
		{"a.reddog.example.", "NXDOMAIN aa | !. 60 IN SOA ns. mail. 1 2 3 4 5"},
		{"a.org.", "REFUSED"},
	};
	struct built b[2];

	build(&first, &b[0]);
	build(&second, &b[1]);
	struct play p = {.ops = {{&plugin_template, &b[0].rule}, {&plugin_template, &b[1].rule}},
		.n = 2,
		.world = world,
		.n_world = ARRAY_LEN(world)};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(play(&p, cases[i].name), cases[i].reply);
}

static void targets_of_aliases_are_resolved_for_addresses(void **state)
{
	static const struct one cases[] = {
		{{.type = RR_TYPE_ANY,
			 .answer = {"{{ .Name }} 60 IN CNAME Target.example.net",
				 "{{ .Name }} 60 IN A 192.0.2.1"}},
			"x.", 0,
			"NOERROR aa tc | x. 60 IN CNAME Target.example.net. | target.example.net. "
			"7 IN A 192.0.2.77 | x. 60 IN A 192.0.2.1"},
		{{.type = RR_TYPE_ANY, .answer = {"{{ .Name }} 60 IN CNAME gone.example.net."}},
			"x.", 0, "NOERROR aa | x. 60 IN CNAME gone.example.net."},
		{{.type = RR_TYPE_ANY, .answer = {"{{ .Name }} 60 IN CNAME target.example.net."}},
			"x.", RR_TYPE_MX, "NOERROR aa | x. 60 IN CNAME target.example.net."},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void what_cannot_be_made_is_servfail_and_counted(void **state)
{
	static const struct {
		struct stanza stanza;
		uint64_t counts[3]; // matches, templates, records
	} cases[] = {
		{{.answer = {"{{ .Name }} 60 IN A 192.0.2.1"}}, {1, 0, 0}},
		{{.match = {"^y"}}, {0, 0, 0}},
		{{.answer = {"{{ index .Match 5 }}"}}, {1, 1, 0}},
		{{.answer = {"{{ .Name }} 60 IN A 192.0.2.1.5"}}, {1, 0, 1}},
		{{.answer = {"no record"}}, {1, 0, 1}},
		{{.answer = {"x. 60 ANY A 192.0.2.1"}}, {1, 0, 1}},
		{{.answer = {"x. 4294967296 IN A 192.0.2.1"}}, {1, 0, 1}},
		{{.answer = {"x. 60 IN TXT \"open"}}, {1, 0, 1}},
		{{.answer = {"x. 60 IN SOA ns. mail. (1 2 3 4 5"}}, {1, 0, 1}},
		{{.answer = {""}}, {1, 0, 1}},
		{{.additional = {"{{ parseInt \"x\" 10 8 }}"}}, {1, 1, 0}},
		{{.authority = {"x. 60 IN NS a..b."}}, {1, 0, 1}},
		{{.answer = {"{{ .Name }} 60 IN AAAA {{ .Remote }}"}}, {1, 0, 1}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct rule_counters counters; // large
		struct built b;
		memset(&counters, 0, sizeof(counters));
		build(&cases[i].stanza, &b);
		struct play p = {.ops = {{&plugin_template, &b.rule}},
			.n = 1,
			.world = world,
			.counters = &counters};
		const char *want = i == 0 ? "NOERROR aa | x. 60 IN A 192.0.2.1" : "SERVFAIL";
		assert_string_equal(play(&p, "x."), want);
		for (unsigned m = 0; m < 3; m++)
			assert_int_equal(rule_counters_sum(&counters, RULE_TEMPLATE_MATCHES + m),
				cases[i].counts[m]);
	}
}

static void a_template_that_cannot_be_compiled_is_told(void **state)
{
	static const struct stanza stanzas[] = {
		{.match = {"a("}}, {.answer = {"{{ .Nope }}"}}, {.authority = {"{{"}}};

	for (size_t i = 0; i < ARRAY_LEN(stanzas); i++) {
		struct built b;
		struct err err = {0};
		void *made = NULL;
		build(&stanzas[i], &b);
		assert_false(plugin_template.prepare(&b.rule, &made, &err));
		assert_null(made);
		assert_true(err.text[0] != '\0');
	}
	plugin_template.release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_answer_what_they_match),
		cmocka_unit_test(what_does_not_match_falls_through_or_fails),
		cmocka_unit_test(the_next_stanza_gets_what_the_first_leaves),
		cmocka_unit_test(targets_of_aliases_are_resolved_for_addresses),
		cmocka_unit_test(what_cannot_be_made_is_servfail_and_counted),
		cmocka_unit_test(a_template_that_cannot_be_compiled_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
