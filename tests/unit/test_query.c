// SPDX-License-Identifier: Apache-2.0
// Tests of zones/wire: names, and what query_parse says of whole messages (rules of proto:1.1-1.4).
#include "zones/wire/dname.h"
#include "zones/wire/query.h"

#include "zones/base/array.h"
#include "zones/base/be.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(flags, qd, ar) "\x12\x34" flags "\0" qd "\0\0\0\0\0" ar
#define NAME "\3www\7example\3com\0"
#define QUESTION NAME "\0\1\0\1"
#define OPT(version, size, rdata) "\0\0\x29\x04\xd0\0" version "\0\0\0" size rdata
#define MSG(bytes) (const uint8_t *)(bytes), sizeof(bytes) - 1

struct query_case {
	const char *what;
	const uint8_t *msg;
	size_t size_bytes;
	enum query_verdict verdict;
	enum rcode rcode;
};

static const struct query_case query_cases[] = {
	{"plain query", MSG(HEAD("\1\0", "\1", "\0") QUESTION), QUERY_OK, RCODE_NOERROR},
	{"proto:H1 eleven bytes", MSG("\0\0\0\0\0\1\0\0\0\0\0"), QUERY_DROP_SHORT, 0},
	{"proto:H1 nothing", MSG(""), QUERY_DROP_SHORT, 0},
	{"proto:H2 a response", MSG(HEAD("\x81\0", "\1", "\0") QUESTION), QUERY_DROP_RESPONSE, 0},
	{"proto:H2 a response with a bad opcode", MSG(HEAD("\xf9\0", "\1", "\0")),
		QUERY_DROP_RESPONSE, 0},
	{"proto:H3 opcode 7", MSG(HEAD("\x38\0", "\1", "\0") QUESTION), QUERY_ERROR, RCODE_NOTIMP},
	{"proto:H4 NOTIFY", MSG(HEAD("\x20\0", "\1", "\0") QUESTION), QUERY_ERROR, RCODE_NOTIMP},
	{"proto:H5 opcode before a broken body", MSG(HEAD("\x28\0", "\1", "\0") "\xff"),
		QUERY_ERROR, RCODE_NOTIMP},
	{"proto:H6 two questions", MSG(HEAD("\1\0", "\2", "\0") QUESTION QUESTION), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:H7 no question", MSG(HEAD("\1\0", "\0", "\0")), QUERY_ERROR, RCODE_FORMERR},
	{"proto:H7 no question but a cookie",
		MSG(HEAD("\1\0", "\0", "\1") OPT("\0", "\x0c",
			"\0\x0a\0\x08"
			"12345678")),
		QUERY_COOKIE_ONLY, RCODE_NOERROR},
	{"proto:H8 an answer in the query", MSG("\x12\x34\1\0\0\1\0\1\0\0\0\0" QUESTION),
		QUERY_ERROR, RCODE_FORMERR},
	{"proto:H9 an A record as additional",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION "\0\0\1\0\1\0\0\0\0\0\4abcd"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:H10 an RCODE in the query", MSG(HEAD("\1\3", "\1", "\0") QUESTION), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:H11 AA TC RA Z AD CD set", MSG(HEAD("\7\xf0", "\1", "\0") QUESTION), QUERY_OK,
		RCODE_NOERROR},
	{"proto:H17 a trailing byte", MSG(HEAD("\1\0", "\1", "\0") QUESTION "x"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:N1 label runs past the end", MSG(HEAD("\1\0", "\1", "\0") "\7exam"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:N2 label type 01",
		MSG(HEAD("\1\0", "\1", "\0") "\x41"
					     "a\0\0\1\0\1"),
		QUERY_ERROR, RCODE_FORMERR},
	{"proto:N3 a pointer as name", MSG(HEAD("\1\0", "\1", "\0") "\xc0\x0c\0\1\0\1"),
		QUERY_ERROR, RCODE_FORMERR},
	{"proto:N5 the root", MSG(HEAD("\1\0", "\1", "\0") "\0\0\2\0\1"), QUERY_OK, RCODE_NOERROR},
	{"proto:N6 any byte in a label", MSG(HEAD("\1\0", "\1", "\0") "\4\0.\xff \0\0\1\0\1"),
		QUERY_OK, RCODE_NOERROR},
	{"proto:T1 an unknown type", MSG(HEAD("\1\0", "\1", "\0") NAME "\xff\0\0\1"), QUERY_OK,
		RCODE_NOERROR},
	{"proto:T3 AXFR", MSG(HEAD("\1\0", "\1", "\0") NAME "\0\xfc\0\1"), QUERY_ERROR,
		RCODE_REFUSED},
	{"proto:T4 type 0", MSG(HEAD("\1\0", "\1", "\0") NAME "\0\0\0\1"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:T4 TKEY", MSG(HEAD("\1\0", "\1", "\0") NAME "\0\xf9\0\1"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:T6 NXNAME", MSG(HEAD("\1\0", "\1", "\0") NAME "\0\x80\0\1"), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:T7 class CH", MSG(HEAD("\1\0", "\1", "\0") NAME "\0\1\0\3"), QUERY_ERROR,
		RCODE_REFUSED},
	{"proto:T8 TSIG without a key",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION "\0\0\xfa\0\xff\0\0\0\0\0\0"), QUERY_ERROR,
		RCODE_NOTAUTH},
	{"proto:E2 two OPT",
		MSG(HEAD("\1\0", "\1", "\2") QUESTION OPT("\0", "\0", "") OPT("\0", "\0", "")),
		QUERY_ERROR, RCODE_FORMERR},
	{"proto:E3 OPT not at the root",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION "\1a" OPT("\0", "\0", "")), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:E4 EDNS version 1", MSG(HEAD("\1\0", "\1", "\1") QUESTION OPT("\1", "\0", "")),
		QUERY_ERROR, RCODE_BADVERS},
	{"proto:E5 an unknown option",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\4", "\xff\0\0\0")), QUERY_OK,
		RCODE_NOERROR},
	{"proto:E7 an option longer than OPT",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\4", "\0\x0a\0\x08")), QUERY_ERROR,
		RCODE_FORMERR},
	{"proto:E10 keepalive is ignored over UDP",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\6", "\0\x0b\0\2\0\1")), QUERY_OK,
		RCODE_NOERROR},
	{"proto:C1 a cookie of nine bytes",
		MSG(HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\x0d",
			"\0\x0a\0\x09"
			"123456789")),
		QUERY_ERROR, RCODE_FORMERR},
};

static void queries_are_judged_by_the_rules(void **state)
{
	struct query q;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(query_cases); i++) {
		const struct query_case *c = &query_cases[i];
		uint8_t *exact =
			malloc(c->size_bytes + 1); // so that a sanitizer sees reads past the end
		memcpy(exact, c->msg, c->size_bytes);
		enum query_verdict v = query_parse(exact, c->size_bytes, TRANSPORT_UDP, &q);
		free(exact);
		if (v != c->verdict || (v == QUERY_ERROR && q.rcode != c->rcode))
			fail_msg("%s: verdict %d rcode %d", c->what, v, q.rcode);
	}
}

static void keepalive_must_be_empty_over_tcp(void **state)
{
	static const char msg[] =
		HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\6", "\0\x0b\0\2\0\1");
	struct query q;

	(void)state;
	assert_int_equal(query_parse(MSG(msg), TRANSPORT_TCP, &q), QUERY_ERROR); // proto:E10
	assert_int_equal(q.rcode, RCODE_FORMERR);
}

static void more_than_32_options_are_refused(void **state)
{
	uint8_t msg[512] = HEAD("\1\0", "\1", "\1") QUESTION "\0\0\x29\x04\xd0\0\0\0\0";
	size_t pos = sizeof(HEAD("\1\0", "\1", "\1") QUESTION) - 1 + 9;
	struct query q;

	(void)state;
	for (unsigned n = 32; n <= 33; n++) { // proto:E7
		be16_put(msg + pos, (uint16_t)(4 * n));
		for (unsigned i = 0; i < n; i++)
			memcpy(msg + pos + 2 + (size_t)4 * i, "\xff\x01\0\0", 4);
		enum query_verdict v = query_parse(msg, pos + 2 + (size_t)4 * n, TRANSPORT_UDP, &q);
		assert_int_equal(v, n == 32 ? QUERY_OK : QUERY_ERROR);
	}
}

static void names_are_lowered_and_normalised(void **state)
{
	static const char msg[] = HEAD("\1\0", "\1", "\0") "\5_HtTp\4_tcp\3Svc\0\0\x21\0\1";
	struct query q;

	(void)state;
	assert_int_equal(query_parse(MSG(msg), TRANSPORT_UDP, &q), QUERY_OK);
	assert_int_equal(q.underscores, 3);
	assert_true(q.has_upper);
	assert_int_equal(q.nlabels, 3);
	assert_memory_equal(q.name, "\5_http\4_tcp\3svc", 16);
	assert_int_equal(q.norm_size, 14);
	assert_memory_equal(q.norm, "\4http\3tcp\3svc", 14);
	assert_int_equal(q.label_off[2], 11);
}

static void a_lone_underscore_stays(void **state)
{
	struct query q;

	(void)state;
	query_make(&q, (const uint8_t *)"\1_\4_tcp\3svc", RR_TYPE_SRV);
	assert_int_equal(q.underscores, 2);
	assert_memory_equal(q.norm, "\1_\3tcp\3svc", 11);
}

static void every_cut_of_a_query_is_safe(void **state)
{
	static const char msg[] = HEAD("\1\0", "\1", "\1") QUESTION OPT("\0", "\x0c",
		"\0\x0a\0\x08"
		"12345678");
	struct query q;

	(void)state;
	for (size_t n = 0; n < sizeof(msg) - 1; n++) {
		uint8_t *exact = malloc(n + 1);
		memcpy(exact, msg, n);
		assert_int_not_equal(query_parse(exact, n, TRANSPORT_UDP, &q), QUERY_OK);
		free(exact);
	}
	assert_int_equal(query_parse(MSG(msg), TRANSPORT_UDP, &q), QUERY_OK);
	assert_int_equal(q.edns.cookie_size, 8);
	assert_int_equal(q.edns.udp_bytes, 1232);
}

static void names_print_and_parse_back(void **state)
{
	static const char *const texts[] = {".", "a.", "www.example.com.", "a\\.b.c.",
		"\\000\\255x.", "_http._tcp.x.", "a\\\\b."};
	char buf[DNAME_TEXT_MAX_BYTES];
	struct dname name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(dname_parse(texts[i], &name), 0);
		assert_int_equal(dname_size(name.wire, name.size_bytes), name.size_bytes);
		assert_string_equal(dname_print(name.wire, buf, sizeof(buf)), texts[i]);
	}
}

static void bad_names_are_refused(void **state)
{
	char label64[66];
	char long_name[300] = "";
	const char *const texts[] = {
		"", "..", ".a", "a..b", "\\256", "\\1", "a\\", label64, long_name};
	struct dname name = {0};

	(void)state;
	memset(label64, 'a', 64);
	label64[64] = '.';
	label64[65] = '\0';
	for (int i = 0; i < 4; i++)
		strcat(long_name,
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_not_equal(dname_parse(texts[i], &name), 0);
	assert_int_equal(name.size_bytes, 0);
}

static void zones_match_by_labels(void **state)
{
	struct dname a, zone;

	(void)state;
	assert_int_equal(dname_parse("x.Cluster.Local.", &a), 0);
	assert_int_equal(dname_parse("cluster.local.", &zone), 0);
	assert_true(dname_is_within(a.wire, zone.wire));
	assert_true(dname_is_within(zone.wire, zone.wire));
	assert_false(dname_is_within(zone.wire, a.wire));
	assert_int_equal(dname_parse("mycluster.local.", &a), 0); // CVE-2026-33489
	assert_false(dname_is_within(a.wire, zone.wire));
	assert_true(dname_is_within(a.wire, (const uint8_t *)""));
}

static void names_join_up_to_255_bytes(void **state)
{
	struct dname name, tail;

	(void)state;
	assert_int_equal(dname_parse("b.c.", &tail), 0);
	assert_int_equal(dname_parse("a.", &name), 0);
	assert_int_equal(dname_append(&name, tail.wire), 0);
	assert_memory_equal(name.wire, "\1a\1b\1c", 7);
	assert_int_equal(dname_prepend(&name, "xy", 2), 0);
	assert_memory_equal(name.wire, "\2xy\1a\1b\1c", 10);
	while (dname_prepend(&name, "0123456789", 10) == 0)
		;
	assert_true(name.size_bytes > 244);
	assert_int_not_equal(dname_prepend(&name, "", 0), 0);
}

static void types_have_names_and_numbers(void **state)
{
	char buf[32];
	uint16_t type = 0;

	(void)state;
	assert_int_equal(rr_type_parse("aaaa", &type), 0);
	assert_int_equal(type, RR_TYPE_AAAA);
	assert_int_equal(rr_type_parse("TYPE65280", &type), 0);
	assert_int_equal(type, 65280);
	assert_int_not_equal(rr_type_parse("TYPE65536", &type), 0);
	assert_int_not_equal(rr_type_parse("TYPE", &type), 0);
	assert_string_equal(rr_type_print(65280, buf, sizeof(buf)), "TYPE65280");
	assert_string_equal(rcode_print(3, buf, sizeof(buf)), "NXDOMAIN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_judged_by_the_rules),
		cmocka_unit_test(keepalive_must_be_empty_over_tcp),
		cmocka_unit_test(more_than_32_options_are_refused),
		cmocka_unit_test(names_are_lowered_and_normalised),
		cmocka_unit_test(a_lone_underscore_stays),
		cmocka_unit_test(every_cut_of_a_query_is_safe),
		cmocka_unit_test(names_print_and_parse_back),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(zones_match_by_labels),
		cmocka_unit_test(names_join_up_to_255_bytes),
		cmocka_unit_test(types_have_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
