// SPDX-License-Identifier: Apache-2.0
// acl, any, dns64, header, local and whoami: what they answer, and what they leave to others.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "zones/base/array.h"

#include <stdio.h>
#include <string.h>

static const struct play_reply world[] = {
	{"four.test.", RR_TYPE_A, RCODE_NOERROR, HEADER_RA, {"four.test. 1000 IN A 192.0.2.33"}},
	{"four.test.", RR_TYPE_AAAA, RCODE_NOERROR, HEADER_RA,
		{"!test. 300 IN SOA ns.test. admin.test. 1 2 3 4 5"}},
	{"alias.test.", RR_TYPE_A, RCODE_NOERROR, 0,
		{"alias.test. 20 IN CNAME four.test.", "four.test. 50 IN A 192.0.2.33"}},
	{"alias.test.", RR_TYPE_AAAA, RCODE_NOERROR, 0, {"alias.test. 20 IN CNAME four.test."}},
	{"both.test.", RR_TYPE_A, RCODE_NOERROR, 0, {"both.test. 9 IN A 192.0.2.1"}},
	{"both.test.", RR_TYPE_AAAA, RCODE_NOERROR, 0, {"both.test. 9 IN AAAA 2001:db8::1"}},
	{"none.test.", RR_TYPE_AAAA, RCODE_NXDOMAIN, 0,
		{"!test. 300 IN SOA ns.test. admin.test. 1 2 3 4 5"}},
	{"failed.test.", RR_TYPE_AAAA, RCODE_SERVFAIL, 0, {NULL}},
};

struct one {
	const char *name;
	uint16_t type; // 0: A
	uint8_t from; // last byte of 192.0.2.x, or with 6 in front of 2001:db8::x
	bool is_6;
	const char *reply;
};

static void check_all(
	const struct plugin *plugin, const void *data, const struct one *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct one *c = &cases[i];
		struct play p = {.ops = {{plugin, data}},
			.n = 1,
			.world = world,
			.n_world = ARRAY_LEN(world),
			.type = c->type,
			.from = {4, {192, 0, 2, c->from}, 1000}};
		if (c->is_6)
			p.from = (struct plugin_peer){
				6, {0x20, 1, 0x0d, 0xb8, [15] = c->from}, 1000};
		const char *reply = play(&p, c->name);
		if (strcmp(reply, c->reply) != 0)
			fail_msg("%s: \"%s\" is not \"%s\"", c->name, reply, c->reply);
	}
}

static void acl_decides_by_the_first_rule_that_matches(void **state)
{
	static const uint16_t aaaa[] = {RR_TYPE_AAAA};
	static const struct policy_cidr host = {4, 32, {192, 0, 2, 7}},
					net = {4, 28, {192, 0, 2, 0}},
					six = {6, 32, {0x20, 1, 0x0d, 0xb8}};
	const struct policy_acl_rule rules[] = {
		{POLICY_ALLOW, {NULL, 0}, {&host, 1}},
		{POLICY_FILTER, {aaaa, 1}, {&net, 1}},
		{POLICY_BLOCK, {NULL, 0}, {&net, 1}},
		{POLICY_DROP, {NULL, 0}, {&six, 1}},
	};
	const struct policy_name zone = {play_wire("test.")};
	const struct policy_acl acl = {{&zone, 1}, {rules, ARRAY_LEN(rules)}};
	static const struct one cases[] = {
		{"both.test.", 0, 7, false, "NOERROR | both.test. 9 IN A 192.0.2.1"},
		{"both.test.", 0, 8, false, "REFUSED ede=15()"},
		{"both.test.", RR_TYPE_AAAA, 8, false, "NOERROR ede=17()"},
		{"both.test.", 0, 16, false, "NOERROR | both.test. 9 IN A 192.0.2.1"},
		{"both.test.", 0, 1, true, "DROP"},
		{"x.other.", 0, 8, false, "NXDOMAIN"}, // another zone
	};
	(void)state;

	check_all(&plugin_acl, &acl, cases, ARRAY_LEN(cases));
}

// What no directive of the block refuses counts once, whichever lets it pass.
static void acl_counts_what_passes_once(void **state)
{
	static const uint16_t mx[] = {RR_TYPE_MX}, a[] = {RR_TYPE_A};
	const struct policy_acl_rule allow[] = {
		{POLICY_BLOCK, {mx, 1}, {NULL, 0}}, {POLICY_ALLOW, {a, 1}, {NULL, 0}}};
	const struct policy_acl_rule filter[] = {{POLICY_FILTER, {NULL, 0}, {NULL, 0}}};
	const struct policy_name all = {play_wire(".")}, part = {play_wire("four.test.")};
	const struct policy_acl first = {{&all, 1}, {allow, ARRAY_LEN(allow)}};
	const struct policy_acl second = {{&part, 1}, {filter, ARRAY_LEN(filter)}};
	static struct rule_counters counters;
	static const struct {
		const char *name;
		uint16_t type;
		unsigned allowed;
	} cases[] = {
		{"four.test.", RR_TYPE_A, 1}, // ends with the first
		{"four.test.", RR_TYPE_AAAA, 0}, // filtered by the second
		{"four.test.", RR_TYPE_MX, 0}, // blocked by the first
		{"both.test.", RR_TYPE_AAAA, 1}, // no rule is for it
	};
	uint64_t sum = 0;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct play p = {.ops = {{&plugin_acl, &first}, {&plugin_acl, &second}},
			.n = 2,
			.world = world,
			.n_world = ARRAY_LEN(world),
			.type = cases[i].type,
			.from = {4, {192, 0, 2, 1}, 1000},
			.counters = &counters};
		(void)play(&p, cases[i].name); // answers are another test's
		sum += cases[i].allowed;
		assert_int_equal(rule_counters_sum(&counters, RULE_ACL_ALLOWED), sum);
	}
}

static void any_answers_any_and_nothing_else(void **state)
{
	static const struct policy_plain plain;
	static const struct one cases[] = {
		{"x.test.", RR_TYPE_ANY, 1, false,
			"NOERROR | x.test. 8482 IN HINFO \"ANY obsoleted\" \"See RFC 8482\""},
		{"four.test.", 0, 1, false, "NOERROR | four.test. 1000 IN A 192.0.2.33"},
	};
	(void)state;

	check_all(&plugin_any, &plain, cases, ARRAY_LEN(cases));
}

// Who returned an error has written nothing; RD is the query's as it has become.
static void header_leaves_errors_alone_that_nobody_has_written(void **state)
{
	static const struct policy_header_rule rules[] = {
		{false, true, HEADER_AA}, {true, true, HEADER_RD}};
	static const struct policy_header header = {{rules, ARRAY_LEN(rules)}};
	static const enum response_author authors[] = {
		RESPONSE_WRITTEN, RESPONSE_UNWRITTEN, RESPONSE_FAILED};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(authors); i++) {
		struct job j = {.question = {.flags = 0}};
		struct frame f = {.data = &header};
		assert_int_equal(plugin_header.ask(&j, &f), PLUGIN_NEXT);
		assert_int_equal(j.question.flags, HEADER_RD);
		response_init(&j.response, RCODE_SERVFAIL, 0);
		j.response.author = authors[i];
		assert_int_equal(plugin_header.reply(&j, &f), PLUGIN_ANSWER);
		assert_int_equal(j.response.rd, RESPONSE_RD_SET);
		assert_int_equal(j.response.flags, i == 0 ? HEADER_AA : 0);
	}
}

static void dns64_makes_addresses_for_who_has_none(void **state)
{
	static const struct policy_dns64 dns64 = {{6, 96, {0, 0x64, 0xff, 0x9b}}, false, false};
	static const struct one cases[] = {
		{"four.test.", RR_TYPE_AAAA, 1, true,
			"NOERROR | four.test. 300 IN AAAA 64:ff9b::c000:221"},
		{"four.test.", RR_TYPE_AAAA, 1, false,
			"NOERROR | !test. 300 IN SOA ns.test. admin.test. 1 2 3 4 5"}, // asked over
										       // IPv4
		{"alias.test.", RR_TYPE_AAAA, 1, true,
			"NOERROR | alias.test. 20 IN CNAME four.test. | four.test. 50 IN AAAA "
			"64:ff9b::c000:221"},
		{"both.test.", RR_TYPE_AAAA, 1, true, "NOERROR | both.test. 9 IN AAAA 2001:db8::1"},
		{"none.test.", RR_TYPE_AAAA, 1, true,
			"NXDOMAIN | !test. 300 IN SOA ns.test. admin.test. 1 2 3 4 5"},
		{"failed.test.", RR_TYPE_AAAA, 1, true, "NOERROR"}, // RFC 6147 5.1.2
		{"four.test.", 0, 1, true, "NOERROR | four.test. 1000 IN A 192.0.2.33"},
	};
	(void)state;

	check_all(&plugin_dns64, &dns64, cases, ARRAY_LEN(cases));
}

static void dns64_leaves_octet_8_empty_and_may_translate_all(void **state)
{
	static const struct {
		uint8_t bits;
		const char *address;
	} prefixes[] = {
		// RFC 6052 2.4
		{32, "2001:db8:c000:221::"},
		{40, "2001:db8:1c0:2:21::"},
		{48, "2001:db8:122:c000:2:2100::"},
		{56, "2001:db8:122:3c0:0:221::"},
		{64, "2001:db8:122:344:c0:2:2100:0"},
		{96, "2001:db8:122:344::c000:221"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct policy_dns64 d = {{6, prefixes[i].bits, {0}}, true, true};
		const uint8_t all[12] = {0x20, 1, 0x0d, 0xb8, 1, 0x22, 3, 0x44};
		char want[120];
		memcpy(d.prefix.address, all, d.prefix.bits / 8);
		(void)snprintf(want, sizeof(want), "NOERROR | four.test. 300 IN AAAA %s",
			prefixes[i].address);
		const struct one c = {"four.test.", RR_TYPE_AAAA, 1, false, want};
		check_all(&plugin_dns64, &d, &c, 1);
	}
}

static void header_changes_flags_of_replies(void **state)
{
	static const struct policy_header_rule rules[] = {
		{false, true, HEADER_AA}, {false, false, HEADER_RA}, {true, false, HEADER_RD}};
	static const struct policy_header header = {{rules, ARRAY_LEN(rules)}};
	static const struct one cases[] = {
		{"four.test.", 0, 1, false, "NOERROR aa | four.test. 1000 IN A 192.0.2.33"}};
	(void)state;

	check_all(&plugin_header, &header, cases, ARRAY_LEN(cases));
}

#define SOA " 604800 IN SOA localhost. root.localhost. 1 0 0 0 604800"

static void local_names_are_answered_here(void **state)
{
	static const struct policy_local local = {true};
	static const struct one cases[] = {
		{"localhost.", 0, 1, false, "NOERROR | localhost. 604800 IN A 127.0.0.1"},
		{"localhost.", RR_TYPE_AAAA, 1, false, "NOERROR | localhost. 604800 IN AAAA ::1"},
		{"localhost.", RR_TYPE_TXT, 1, false, "NOERROR | !localhost." SOA},
		{"localhost.", RR_TYPE_NS, 1, false,
			"NOERROR | localhost. 604800 IN NS localhost."},
		{"a.localhost.", 0, 1, false, "NOERROR | a.localhost. 604800 IN A 127.0.0.1"},
		{"localhost.svc.cluster.local.", 0, 1, false,
			"NOERROR | localhost.svc.cluster.local. 604800 IN A 127.0.0.1"},
		{"127.in-addr.arpa.", RR_TYPE_SOA, 1, false, "NOERROR | 127.in-addr.arpa." SOA},
		{"1.0.0.127.in-addr.arpa.", RR_TYPE_PTR, 1, false,
			"NOERROR | 1.0.0.127.in-addr.arpa. 604800 IN PTR localhost."},
		{"2.0.0.127.in-addr.arpa.", RR_TYPE_PTR, 1, false,
			"NXDOMAIN | !127.in-addr.arpa." SOA},
		{"localhosts.test.", 0, 1, false, "NXDOMAIN"},
	};
	static const struct policy_local no_prefix;
	static const struct one passed[] = {{"localhost.four.test.", 0, 1, false, "NXDOMAIN"}};
	(void)state;

	check_all(&plugin_local, &local, cases, ARRAY_LEN(cases));
	check_all(&plugin_local, &no_prefix, passed, ARRAY_LEN(passed));
}

static void whoami_tells_the_client_its_address(void **state)
{
	static const struct policy_plain plain;
	static const struct one cases[] = {
		{"x.test.", 0, 9, false,
			"NOERROR aa | +x.test. 0 IN A 192.0.2.9 | +_udp.x.test. 0 IN SRV 0 0 1000 "
			"."},
		{".", 0, 9, true,
			"NOERROR aa | +. 0 IN AAAA 2001:db8::9 | +_udp. 0 IN SRV 0 0 1000 ."},
	};
	(void)state;

	check_all(&plugin_whoami, &plain, cases, ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acl_decides_by_the_first_rule_that_matches),
		cmocka_unit_test(acl_counts_what_passes_once),
		cmocka_unit_test(any_answers_any_and_nothing_else),
		cmocka_unit_test(dns64_makes_addresses_for_who_has_none),
		cmocka_unit_test(dns64_leaves_octet_8_empty_and_may_translate_all),
		cmocka_unit_test(header_changes_flags_of_replies),
		cmocka_unit_test(header_leaves_errors_alone_that_nobody_has_written),
		cmocka_unit_test(local_names_are_answered_here),
		cmocka_unit_test(whoami_tells_the_client_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
