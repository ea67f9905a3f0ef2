// SPDX-License-Identifier: Apache-2.0
// Tests of the names that are kept inside: which they are, and what they get (proto:L1-L3).
#include "slowpath/forward/inside.h"

#include "zones/base/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = INSIDE_SPECIAL | INSIDE_LOCAL | INSIDE_REVERSE };

static struct entry *get(unsigned kinds, const char *name, uint16_t type, const char *zone)
{
	struct ask a = {.type = type, .is_rd = true};
	struct dname z;

	assert_int_equal(dname_parse(name, &a.name), 0);
	assert_int_equal(dname_parse(zone, &z), 0);
	return inside_answer(kinds, &a, z.wire, (const uint8_t *)"");
}

static void each_name_stays_inside_under_its_kind_only(void **state)
{
	static const struct {
		const char *name;
		unsigned kind; // 0: it leaves
		enum entry_kind answer;
	} cases[] = {
		{"localhost.", INSIDE_SPECIAL, ENTRY_SUCCESS},
		{"a.localhost.", INSIDE_SPECIAL, ENTRY_SUCCESS},
		{"a.invalid.", INSIDE_SPECIAL, ENTRY_NXDOMAIN},
		{"invalid.", INSIDE_SPECIAL, ENTRY_NXDOMAIN},
		{"example.onion.", INSIDE_SPECIAL, ENTRY_NXDOMAIN},
		{"a.alt.", INSIDE_SPECIAL, ENTRY_NXDOMAIN},
		{"home.arpa.", INSIDE_SPECIAL, ENTRY_NODATA},
		{"printer.home.arpa.", INSIDE_SPECIAL, ENTRY_NXDOMAIN},
		{"printer.local.", INSIDE_LOCAL, ENTRY_NXDOMAIN},
		{"local.", INSIDE_LOCAL, ENTRY_NODATA},
		{"1.2.3.10.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"10.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NODATA},
		{"1.2.16.172.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"31.172.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NODATA},
		{"1.168.192.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.0.64.100.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.0.127.100.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"5.0.0.127.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.254.169.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"7.113.0.203.in-addr.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
			INSIDE_REVERSE, ENTRY_NODATA},
		{"1.0.d.f.ip6.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.0.c.f.ip6.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"0.b.e.f.ip6.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"1.8.b.d.0.1.0.0.2.ip6.arpa.", INSIDE_REVERSE, ENTRY_NXDOMAIN},
		{"www.example.com.", 0, 0},
		{"local.example.", 0, 0},
		{"xlocal.", 0, 0},
		{"notlocalhost.", 0, 0},
		{"arpa.", 0, 0},
		{"172.in-addr.arpa.", 0, 0},
		{"15.172.in-addr.arpa.", 0, 0},
		{"32.172.in-addr.arpa.", 0, 0},
		{"016.172.in-addr.arpa.", 0, 0},
		{"1616.172.in-addr.arpa.", 0, 0},
		{"x.172.in-addr.arpa.", 0, 0},
		{"63.100.in-addr.arpa.", 0, 0},
		{"128.100.in-addr.arpa.", 0, 0},
		{"8.8.8.8.in-addr.arpa.", 0, 0},
		{"c.e.f.ip6.arpa.", 0, 0},
		{".", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct entry *e = get(ALL, cases[i].name, RR_TYPE_A, ".");
		assert_true((e != NULL) == (cases[i].kind != 0));
		if (e != NULL)
			assert_int_equal(e->kind, cases[i].answer);
		entry_drop(e);
		e = get(ALL & ~cases[i].kind, cases[i].name, RR_TYPE_A, ".");
		assert_null(e);
		e = get(cases[i].kind, cases[i].name, RR_TYPE_A, ".");
		assert_true((e != NULL) == (cases[i].kind != 0));
		entry_drop(e);
	}
}

static void a_zone_that_the_corefile_names_is_forwarded(void **state)
{
	struct ask a = {.type = RR_TYPE_A};

	(void)state;
	assert_null(get(ALL, "a.corp.local.", RR_TYPE_A, "corp.local."));
	assert_null(get(ALL, "a.local.", RR_TYPE_A, "local."));
	assert_null(get(ALL, "1.10.in-addr.arpa.", RR_TYPE_PTR, "10.in-addr.arpa."));
	struct entry *e = get(ALL, "1.10.in-addr.arpa.", RR_TYPE_PTR, "in-addr.arpa.");
	assert_non_null(e); // a zone above it means the whole tree
	entry_drop(e);
	assert_int_equal(dname_parse("a.corp.local.", &a.name), 0);
	assert_null(inside_answer(ALL, &a, (const uint8_t *)"", (const uint8_t *)"\4corp\5local"));
}

static void localhost_is_the_loopback_and_an_empty_zone_has_an_apex(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		enum entry_kind kind;
	} cases[] = {
		{"localhost.", RR_TYPE_A, ENTRY_SUCCESS},
		{"a.localhost.", RR_TYPE_AAAA, ENTRY_SUCCESS},
		{"localhost.", RR_TYPE_MX, ENTRY_NODATA},
		{"10.in-addr.arpa.", RR_TYPE_SOA, ENTRY_SUCCESS},
		{"10.in-addr.arpa.", RR_TYPE_NS, ENTRY_SUCCESS},
		{"20.172.in-addr.arpa.", RR_TYPE_SOA, ENTRY_SUCCESS},
		{"1.10.in-addr.arpa.", RR_TYPE_SOA, ENTRY_NXDOMAIN},
		{"onion.", RR_TYPE_SOA, ENTRY_NXDOMAIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct entry *e = get(ALL, cases[i].name, cases[i].type, ".");
		assert_non_null(e);
		assert_int_equal(e->kind, cases[i].kind);
		assert_int_equal(e->n_an + e->n_ns, 1);
		assert_int_equal(e->rrs[0].ttl_s, 10800);
		entry_drop(e);
	}
	struct entry *e = get(ALL, "localhost.", RR_TYPE_A, ".");
	assert_memory_equal(entry_bytes(e) + e->rrs[0].end - 4, "\177\0\0\1", 4);
	entry_drop(e);
}

static void kinds_are_read_word_by_word(void **state)
{
	static const struct {
		const char *text;
		unsigned kinds; // 0: refused
	} cases[] = {
		{"special", INSIDE_SPECIAL},
		{"local", INSIDE_LOCAL},
		{"reverse,special", INSIDE_REVERSE | INSIDE_SPECIAL},
		{"special,local,reverse", ALL},
		{"", 0},
		{"special,", 0},
		{",special", 0},
		{"specials", 0},
		{"speci", 0},
		{"special, local", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned kinds = 0;
		assert_int_equal(inside_parse(cases[i].text, &kinds), cases[i].kinds != 0);
		assert_int_equal(kinds, cases[i].kinds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_stays_inside_under_its_kind_only),
		cmocka_unit_test(a_zone_that_the_corefile_names_is_forwarded),
		cmocka_unit_test(localhost_is_the_loopback_and_an_empty_zone_has_an_apex),
		cmocka_unit_test(kinds_are_read_word_by_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
