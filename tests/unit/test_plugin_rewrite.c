// SPDX-License-Identifier: Apache-2.0
// rewrite: what reaches the rest of the server, and how its reply comes back.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "zones/base/array.h"

#include <string.h>

#define RULE(...) (&(const struct policy_rewrite){__VA_ARGS__})
#define NAME(how, a, b, ...) \
	RULE(.field = POLICY_REWRITE_NAME, .match = POLICY_##how, .from = (a), .to = (b), \
		.option_data = "", __VA_ARGS__)
#define ANSWERS(...) \
	.answers = {(const struct policy_rewrite_answer[]){__VA_ARGS__}, \
		sizeof((const struct policy_rewrite_answer[]){__VA_ARGS__}) / \
			sizeof(struct policy_rewrite_answer)}

static const struct play_reply world[] = {
	{"*", RR_TYPE_A, RCODE_NOERROR, HEADER_AA, {"b.example.net. 30 IN A 192.0.2.1"}},
};

// One to three rules in front of the world.
struct one {
	const struct policy_rewrite *rules[3];
	const char *name, *behind, *reply;
	const struct play_reply *world; // NULL: the one above
};

static void check_one(const struct one *c)
{
	struct play p = {.world = c->world == NULL ? world : c->world, .n_world = 1};

	for (size_t i = 0; i < ARRAY_LEN(c->rules) && c->rules[i] != NULL; i++)
		p.ops[p.n++] = (struct play_op){&plugin_rewrite, c->rules[i]};
	(void)play(&p, c->name);
	assert_string_equal(p.behind, c->behind);
	if (c->reply != NULL)
		assert_string_equal(p.reply, c->reply);
}

static void names_are_matched_and_changed_as_coredns_does(void **state)
{
	static const struct {
		uint8_t match;
		const char *from, *to, *name, *behind;
	} cases[] = {
		{POLICY_EXACT, "a.example.org.", "b.example.net.", "A.example.org.",
			"b.example.net. A"},
		{POLICY_EXACT, "a.example.org.", "b.example.net.", "x.a.example.org.",
			"x.a.example.org. A"},
		{POLICY_PREFIX, "old.", "new.", "old.example.org.", "new.example.org. A"},
		{POLICY_PREFIX, "old.", "new.", "x.old.example.org.", "x.old.example.org. A"},
		{POLICY_SUFFIX, ".schmoogle.com.", ".google.com.", "a.schmoogle.com.",
			"a.google.com. A"},
		{POLICY_SUFFIX, ".schmoogle.com.", ".google.com.", "schmoogle.com.",
			"schmoogle.com. A"},
		{POLICY_SUFFIX, "uzgle.com.", "uhgle.com.", "guzgle.com.", "guhgle.com. A"},
		{POLICY_SUBSTRING, ".mid.", ".middle.", "a.mid.b.mid.c.", "a.middle.b.middle.c. A"},
		{POLICY_SUBSTRING, ".mid.", ".", "a.mid.c.", "a.c. A"},
		{POLICY_REGEX, "(h)\\.(indiana)\\.(coredns).rocks", "{1}.{2}.new.{3}.example.net.",
			"h.indiana.coredns.rocks.", "h.indiana.new.coredns.example.net. A"},
		{POLICY_REGEX, "(.*)-(us-west-1)\\.coredns\\.rocks", "{1}.service.{2}.consul.",
			"ftp-us-west-1.coredns.rocks.", "ftp.service.us-west-1.consul. A"},
		{POLICY_REGEX, "^(.*)\\.svc\\.$", "{0}x.{1}.", "a.svc.", "a.svc.x.a. A"},
		{POLICY_REGEX, "nothing", "x.", "a.svc.", "a.svc. A"},
		{POLICY_REGEX, "(x)?a\\.svc", "{1}b.svc.", "a.svc.", "b.svc. A"},
		// What one group brings is text for the next ones, as in CoreDNS.
		{POLICY_REGEX, "^(\\{2\\})\\.(b)\\.$", "{1}.x.", "{2}.b.", "b.x. A"},
		// Bytes are escaped as CoreDNS' library escapes them.
		{POLICY_REGEX, "^a\\\\ b\\.$", "space.", "a\\032b.", "space. A"},
		{POLICY_REGEX, "^\\\\@\\\\007\\.$", "odd.", "@\\007.", "odd. A"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct policy_rewrite rule = {.field = POLICY_REWRITE_NAME,
			.match = cases[i].match,
			.from = cases[i].from,
			.to = cases[i].to,
			.option_data = ""};
		check_one(&(struct one){{&rule}, cases[i].name, cases[i].behind, NULL, NULL});
	}
}

static void names_that_cannot_be_are_answered_servfail(void **state)
{
	static const char *const to[] = {"a..b.", ".x.",
		"a123456789012345678901234567890123456789012345678901234567890123."};

	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		check_one(&(struct one){
			{NAME(REGEX, ".*", to[i])}, "a.example.org.", "", "SERVFAIL", NULL});
}

static void later_rules_act_only_behind_continue(void **state)
{
	const struct one cases[] = {
		{{NAME(EXACT, "a.", "b."), NAME(EXACT, "b.", "c.")}, "a.", "b. A", NULL, NULL},
		{{NAME(EXACT, "a.", "b.", .go_on = true), NAME(EXACT, "b.", "c.")}, "a.", "c. A",
			NULL, NULL},
		{{NAME(EXACT, "x.", "y."), NAME(EXACT, "a.", "b.")}, "a.", "b. A", NULL, NULL},
		{{NAME(SUFFIX, ".org.", ".net.", .go_on = true), NAME(PREFIX, "a.", "b."),
			 NAME(SUFFIX, ".net.", ".com.")},
			"a.org.", "b.net. A", NULL, NULL},
		{{RULE(.field = POLICY_REWRITE_TYPE, .number_from = RR_TYPE_A,
			  .number_to = RR_TYPE_AAAA, .option_data = ""),
			 NAME(EXACT, "a.", "b.")},
			"a.", "a. AAAA", NULL, NULL},
		{{RULE(.field = POLICY_REWRITE_CLASS, .number_from = RR_CLASS_IN,
			  .number_to = RR_CLASS_CH, .go_on = true, .option_data = ""),
			 NAME(EXACT, "a.", "b.")},
			"a.", "b. A CH", NULL, NULL},
		// A ttl rule that matches stops; one that does not does not.
		{{RULE(.field = POLICY_REWRITE_TTL, .match = POLICY_SUFFIX, .from = "a.",
			  .ttl_max_s = 9, .option_data = ""),
			 NAME(EXACT, "a.", "b.")},
			"a.", "a. A", NULL, NULL},
		{{RULE(.field = POLICY_REWRITE_TTL, .match = POLICY_SUFFIX, .from = "z.",
			  .ttl_max_s = 9, .option_data = ""),
			 NAME(EXACT, "a.", "b.")},
			"a.", "b. A", NULL, NULL},
		// A cname rule stops whatever the name is.
		{{RULE(.field = POLICY_REWRITE_CNAME, .from = "q.", .to = "r.", .option_data = ""),
			 NAME(EXACT, "a.", "b.")},
			"a.", "a. A", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_one(&cases[i]);
}

// Owners and targets as a server behind would give them.
static const struct play_reply chain = {"*", RR_TYPE_A, RCODE_NOERROR, 0,
	{"x.new.example. 5 IN CNAME y.new.example.", "y.new.example. 6 IN A 192.0.2.7",
		"!new.example. 7 IN SOA ns.new.example. mail.new.example. 1 2 3 4 5",
		"!new.example. 7 IN NS ns.x.new.example."}};

static void answers_are_mapped_back(void **state)
{
	const struct one cases[] = {
		{{NAME(EXACT, "o.example.", "x.new.example.", .answer_auto = true)}, "O.example.",
			"x.new.example. A",
			"NOERROR | o.example. 5 IN CNAME y.new.example. | y.new.example. 6 IN A "
			"192.0.2.7 | !new.example. 7 IN SOA ns.new.example. mail.new.example. "
			"1 2 3 4 5 | !new.example. 7 IN NS ns.o.example.",
			&chain},
		{{NAME(SUFFIX, ".old.", ".new.example.", .answer_auto = true)}, "x.old.",
			"x.new.example. A",
			"NOERROR | x.old. 5 IN CNAME y.old. | y.old. 6 IN A 192.0.2.7 | "
			"!new.example. 7 IN SOA ns.old. mail.new.example. 1 2 3 4 5 | "
			"!new.example. 7 IN NS ns.x.old.",
			&chain},
		{{NAME(SUFFIX, ".old.", ".new.example.")}, "x.old.", "x.new.example. A",
			"NOERROR | x.new.example. 5 IN CNAME y.new.example. | y.new.example. 6 IN "
			"A 192.0.2.7 | !new.example. 7 IN SOA ns.new.example. mail.new.example. "
			"1 2 3 4 5 | !new.example. 7 IN NS ns.x.new.example.",
			&chain},
		{{NAME(REGEX, "(.*)\\.old", "{1}.new.example.", .answer_auto = true)}, "x.old.",
			"x.new.example. A",
			"NOERROR | x.old. 5 IN CNAME y.new.example. | y.new.example. 6 IN A "
			"192.0.2.7 | !new.example. 7 IN SOA ns.new.example. mail.new.example. "
			"1 2 3 4 5 | !new.example. 7 IN NS ns.x.old.",
			&chain},
		{{NAME(REGEX, "(.*)\\.old", "{1}.new.example.",
			 ANSWERS({false, "(.*)\\.new\\.example", "{1}.old."},
				 {true, "(.*)\\.new\\.example", "{1}.val."}))},
			"x.old.", "x.new.example. A",
			"NOERROR | x.old. 5 IN CNAME y.val. | y.old. 6 IN A 192.0.2.7 | "
			"!new.example. 7 IN SOA ns.val. mail.new.example. 1 2 3 4 5 | "
			"!new.example. 7 IN NS ns.x.val.",
			&chain},
		// Two rules are undone in the opposite order.
		{{NAME(EXACT, "a.", "b.", .answer_auto = true, .go_on = true),
			 NAME(EXACT, "b.", "x.new.example.", .answer_auto = true)},
			"a.", "x.new.example. A",
			"NOERROR | a. 5 IN CNAME y.new.example. | y.new.example. 6 IN A 192.0.2.7 "
			"| !new.example. 7 IN SOA ns.new.example. mail.new.example. 1 2 3 4 5 | "
			"!new.example. 7 IN NS ns.a.",
			&chain},
		{{NAME(EXACT, "o.", "x.new.example.", .answer_auto = true,
			 ANSWERS({true, ".*", "a..b."}))},
			"o.", "x.new.example. A", "SERVFAIL", &chain},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_one(&cases[i]);
}

static void values_of_every_type_with_a_name_are_mapped(void **state)
{
	static const struct {
		const char *record, *want;
	} cases[] = {
		{"x. 1 IN SRV 1 2 3 t.new.", "NOERROR | x. 1 IN SRV 1 2 3 t.old."},
		{"x. 1 IN MX 10 t.new.", "NOERROR | x. 1 IN MX 10 t.old."},
		{"x. 1 IN PTR t.new.", "NOERROR | x. 1 IN PTR t.old."},
		{"x. 1 IN DNAME t.new.", "NOERROR | x. 1 IN DNAME t.old."},
		{"x. 1 IN NAPTR 1 2 \"a\" \"bc\" \"d\" t.new.",
			"NOERROR | x. 1 IN NAPTR 1 2 \"a\" \"bc\" \"d\" t.old."},
		{"x. 1 IN TXT \"t.new.\"", "NOERROR | x. 1 IN TXT \"t.new.\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct play_reply reply = {
			"*", RR_TYPE_A, RCODE_NOERROR, 0, {cases[i].record}};
		check_one(&(struct one){{NAME(SUFFIX, "zz.old.", "zz.new.",
						ANSWERS({true, "^t\\.new\\.$", "t.old."}))},
			"zz.old.", "zz.new. A", cases[i].want, &reply});
	}
}

static void ttls_and_rcodes_are_changed_where_the_name_matches(void **state)
{
	static const struct play_reply failed = {"*", RR_TYPE_A, RCODE_SERVFAIL, 0, {NULL}};
	static const struct play_reply long_lived = {
		"*", RR_TYPE_A, RCODE_NOERROR, 0, {"a. 1000 IN A 192.0.2.1", "!a. 3 IN NS b."}};
	const struct one cases[] = {
		{{RULE(.field = POLICY_REWRITE_TTL, .from = "a.", .ttl_min_s = 30, .ttl_max_s = 300,
			 .option_data = "")},
			"a.", "a. A", "NOERROR | a. 300 IN A 192.0.2.1 | !a. 30 IN NS b.",
			&long_lived},
		{{RULE(.field = POLICY_REWRITE_TTL, .match = POLICY_REGEX, .from = "^b",
			 .ttl_min_s = 30, .ttl_max_s = 300, .option_data = "")},
			"a.", "a. A", "NOERROR | a. 1000 IN A 192.0.2.1 | !a. 3 IN NS b.",
			&long_lived},
		{{RULE(.field = POLICY_REWRITE_RCODE, .match = POLICY_PREFIX, .from = "a",
			 .number_from = RCODE_SERVFAIL, .number_to = RCODE_NXDOMAIN,
			 .option_data = "")},
			"a.", "a. A", "NXDOMAIN", &failed},
		{{RULE(.field = POLICY_REWRITE_RCODE, .match = POLICY_SUBSTRING, .from = "b",
			 .number_from = RCODE_SERVFAIL, .number_to = RCODE_NXDOMAIN,
			 .option_data = "")},
			"a.", "a. A", "SERVFAIL", &failed},
		{{RULE(.field = POLICY_REWRITE_RCODE, .match = POLICY_EXACT, .from = "a.",
			 .number_from = RCODE_REFUSED, .number_to = RCODE_NXDOMAIN,
			 .option_data = "")},
			"a.", "a. A", "SERVFAIL", &failed},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_one(&cases[i]);
}

static void targets_of_cnames_are_replaced_and_resolved(void **state)
{
	static const struct play_reply replies[] = {
		{"a.", RR_TYPE_A, RCODE_NOERROR, 0,
			{"a. 1 IN CNAME b.old.", "b.old. 2 IN CNAME c.old.",
				"c.old. 3 IN A 192.0.2.1"}},
		{"b.new.", RR_TYPE_A, RCODE_NOERROR, HEADER_TC, {"b.new. 4 IN A 192.0.2.2"}},
		{"c.new.", RR_TYPE_A, RCODE_NOERROR, 0, {"c.new. 5 IN A 192.0.2.3"}},
	};
	static const struct {
		uint8_t match;
		const char *from, *to, *want;
		unsigned resolved;
	} cases[] = {
		{POLICY_EXACT, "b.old.", "b.new.",
			"NOERROR tc | a. 1 IN CNAME b.new. | b.new. 4 IN A 192.0.2.2", 1},
		{POLICY_EXACT, "c.old.", "c.new.",
			"NOERROR | a. 1 IN CNAME b.old. | b.old. 2 IN CNAME c.new. | c.new. 5 IN A "
			"192.0.2.3",
			1},
		{POLICY_PREFIX, "b.", "gone.", "NOERROR | a. 1 IN CNAME gone.old.", 1},
		{POLICY_REGEX, "^(b)\\.old\\.$", "{1}.new.",
			"NOERROR tc | a. 1 IN CNAME b.new. | b.new. 4 IN A 192.0.2.2", 1},
		{POLICY_EXACT, "z.old.", "b.new.",
			"NOERROR | a. 1 IN CNAME b.old. | b.old. 2 IN CNAME c.old. | c.old. 3 IN A "
			"192.0.2.1",
			0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct policy_rewrite rule = {.field = POLICY_REWRITE_CNAME,
			.match = cases[i].match,
			.from = cases[i].from,
			.to = cases[i].to,
			.option_data = ""};
		struct play p = {.ops = {{&plugin_rewrite, &rule}},
			.n = 1,
			.world = replies,
			.n_world = ARRAY_LEN(replies)};
		assert_string_equal(play(&p, "a."), cases[i].want);
		assert_int_equal(p.resolved, cases[i].resolved);
	}
}

#define OPTION(what, how, number, text, ...) \
	RULE(.field = POLICY_REWRITE_EDNS0, .option = POLICY_EDNS0_##what, \
		.action = POLICY_OPTION_##how, .option_code = (number), .option_data = (text), \
		.go_on = true, __VA_ARGS__)

static void options_are_set_appended_replaced_and_unset(void **state)
{
	const struct {
		const struct policy_rewrite *rules[3];
		const char *options;
		bool has_nsid;
	} cases[] = {
		{{OPTION(LOCAL, SET, 0xffee, "0xabcdef")}, "65518:abcdef", false},
		{{OPTION(LOCAL, SET, 0xffee, "abc")}, "65518:616263", false},
		{{OPTION(LOCAL, SET, 1, "a"), OPTION(LOCAL, SET, 1, "b")}, "1:62", false},
		{{OPTION(LOCAL, SET, 1, "a"), OPTION(LOCAL, APPEND, 1, "b")}, "1:61 1:62", false},
		{{OPTION(LOCAL, SET, 1, "a"), OPTION(LOCAL, REPLACE, 1, "b")}, "1:62", false},
		{{OPTION(LOCAL, REPLACE, 1, "b")}, "", false},
		{{OPTION(LOCAL, SET, 1, "a"), OPTION(LOCAL, SET, 2, "b"),
			 OPTION(LOCAL, UNSET, 1, "")},
			"2:62", false},
		{{OPTION(LOCAL, SET, 1, "a"), OPTION(LOCAL, APPEND, 1, "{protocol}")}, "1:61",
			false},
		{{OPTION(NSID, SET, 0, "")}, "3:", false},
		{{OPTION(NSID, REPLACE, 0, "")}, "", false},
		{{OPTION(NSID, REPLACE, 0, "")}, "3:", true},
		{{OPTION(LOCAL, SET, 9, "{qname}")}, "9:412e4578616d706c652e", false},
		{{OPTION(LOCAL, SET, 9, "{qtype}")}, "9:0001", false},
		{{OPTION(LOCAL, SET, 9, "{client_ip}")}, "9:c0000201", false},
		{{OPTION(LOCAL, SET, 9, "{client_port}")}, "9:03e8", false},
		{{OPTION(LOCAL, SET, 9, "{server_ip}")}, "9:20010db8000000000000000000000001",
			false},
		{{OPTION(LOCAL, SET, 9, "{server_port}")}, "9:0035", false},
		{{OPTION(LOCAL, SET, 9, "{protocol}")}, "9:746370", false},
		{{OPTION(SUBNET, SET, 0, "", .bits4 = 24, .bits6 = 56)}, "8:00011800c00002", false},
		{{OPTION(SUBNET, SET, 0, "", .bits4 = 25, .bits6 = 56)}, "8:00011900c0000200",
			false},
		{{OPTION(SUBNET, SET, 0, "", .bits4 = 32), OPTION(SUBNET, APPEND, 0, "")},
			"8:00012000c0000201", false},
		{{OPTION(SUBNET, SET, 0, "", .bits4 = 0)}, "8:00010000", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct play p = {.world = world,
			.n_world = 1,
			.from = {4, {192, 0, 2, 1}, 1000},
			.to = {6, {0x20, 1, 0x0d, 0xb8, [15] = 1}, 53},
			.transport = TRANSPORT_TCP,
			.has_nsid = cases[i].has_nsid};
		for (size_t k = 0; k < 3 && cases[i].rules[k] != NULL; k++)
			p.ops[p.n++] = (struct play_op){&plugin_rewrite, cases[i].rules[k]};
		(void)play(&p, "A.Example.");
		assert_string_equal(p.options, cases[i].options);
	}
}

static void the_eighth_option_is_the_last_one(void **state)
{
	static const struct policy_rewrite rule = {.field = POLICY_REWRITE_EDNS0,
		.option = POLICY_EDNS0_LOCAL,
		.action = POLICY_OPTION_APPEND,
		.option_code = 7,
		.option_data = "x",
		.go_on = true};
	struct plugin_option *options;
	struct job j = {0};
	struct query query = {0};
	struct err err = {0};
	void *made = NULL;

	j.query = &query;
	assert_true(plugin_rewrite.prepare(&rule, &made, &err));
	for (int i = 0; i < 20; i++) {
		struct frame f = {.state = made};
		assert_int_equal(plugin_rewrite.ask(&j, &f), PLUGIN_NEXT);
	}
	options = j.options;
	assert_int_equal(j.n_options, PLUGIN_OPTIONS_MAX);
	assert_int_equal(options[PLUGIN_OPTIONS_MAX - 1].code, 7);
	plugin_rewrite.release(made);
	arena_fini(&j.arena);
}

static void a_pattern_that_cannot_be_compiled_is_told(void **state)
{
	struct err err = {0};
	void *made = NULL;

	assert_false(plugin_rewrite.prepare(NAME(REGEX, "a(", "b."), &made, &err));
	assert_null(made);
	assert_true(err.text[0] != '\0');
	plugin_rewrite.release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_matched_and_changed_as_coredns_does),
		cmocka_unit_test(names_that_cannot_be_are_answered_servfail),
		cmocka_unit_test(later_rules_act_only_behind_continue),
		cmocka_unit_test(answers_are_mapped_back),
		cmocka_unit_test(values_of_every_type_with_a_name_are_mapped),
		cmocka_unit_test(ttls_and_rcodes_are_changed_where_the_name_matches),
		cmocka_unit_test(targets_of_cnames_are_replaced_and_resolved),
		cmocka_unit_test(options_are_set_appended_replaced_and_unset),
		cmocka_unit_test(the_eighth_option_is_the_last_one),
		cmocka_unit_test(a_pattern_that_cannot_be_compiled_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
