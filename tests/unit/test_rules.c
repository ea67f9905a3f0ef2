// SPDX-License-Identifier: Apache-2.0
// Protocol rules that show in the reply as a whole, each row citing its number.
#include "tests/unit/image_fixture.h"
#include "zones/answer/answer.h"
#include "zones/answer/cookie.h"

#include "zones/base/array.h"
#include "zones/base/be.h"
#include "zones/base/rdbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SVC "\4svc1\2ns\3svc\7cluster\5local\0"
#define HEADLESS "\2hl\2ns\3svc\7cluster\5local\0"
#define Q(flags, ar, question, rest) "\x12\x34" flags "\0\1\0\0\0\0\0" ar question rest
#define OPT(size, flags, len, options) "\0\0\x29" size "\0\0" flags "\0\0" len options
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static struct image_fixture fixture;
static uint8_t reply[65535];
static size_t reply_size;
static enum query_verdict verdict;

static void ask_with(const uint8_t *msg, size_t size, struct answer_env *env)
{
	static struct query q;
	struct snapshot s = {.base = &fixture.image};
	struct server_address to = {.family = 4, .port = 53};
	struct answer_call call = {&s, &to, msg, size};
	struct wrbuf w = wrbuf_of(reply, sizeof(reply));
	struct answer_result result;

	assert_int_equal(answer_query(&call, env, &q, &verdict, &w, &result), ANSWER_REPLY);
	reply_size = w.pos;
}

static void ask(const uint8_t *msg, size_t size, enum transport transport)
{
	struct answer_env env = {.transport = transport, .udp_max_bytes = DNS_UDP_MAX_BYTES};

	ask_with(msg, size, &env);
}

static uint16_t word(size_t at)
{
	return be16_get(reply + at);
}

// Where the reply's OPT stands, or 0: it is the last record and, in these tests, has no options.
static size_t opt_at(void)
{
	size_t at = reply_size - DNS_OPT_BYTES;

	return word(10) != 0 && reply[at] == 0 && word(at + 1) == RR_TYPE_OPT ? at : 0;
}

struct header_case {
	const char *what;
	const uint8_t *msg;
	size_t size;
	uint16_t flags; // of the reply
	bool has_opt;
};

static const struct header_case header_cases[] = {
	{"proto:H12 RD copied, RA 0 on cluster data (quirk 16), AA 1",
		BYTES(Q("\1\0", "\0", SVC "\0\1\0\1", "")), 0x8500, false},
	{"proto:H12 RD not set", BYTES(Q("\0\0", "\0", SVC "\0\1\0\1", "")), 0x8400, false},
	{"proto:H11, H13 AA TC RA Z AD in the query change nothing",
		BYTES(Q("\7\xe0", "\0", SVC "\0\1\0\1", "")), 0x8500, false},
	{"proto:H14 CD copied (DECISIONS 1)", BYTES(Q("\1\x10", "\0", SVC "\0\1\0\1", "")), 0x8510,
		false},
	{"proto:H3 NOTIMP echoes the opcode and clears RD",
		BYTES(Q("\x29\0", "\0", SVC "\0\1\0\1", "")), 0xa804, false},
	{"proto:E1 OPT is answered by OPT",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\0", ""))), 0x8500,
		true},
	{"proto:E1 also in an error reply",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\0", "") "x")), 0x8101,
		true},
	{"proto:E1 also in NXDOMAIN",
		BYTES(Q("\1\0", "\1", "\1x" SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\0", ""))), 0x8503,
		true},
	{"proto:E9 ECS is not answered",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1",
			OPT("\4\xd0", "\0", "\x0b", "\0\x08\0\7\0\1\x18\0\xc0\0\2"))),
		0x8500, true},
	{"proto:E11 padding is not answered",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\6", "\0\x0c\0\2\0\0"))),
		0x8500, true},
	{"proto:E12, E13 chain and report-channel are ignored",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1",
			OPT("\4\xd0", "\0", "\x0a", "\0\x0d\0\1\0\0\x12\0\1\0"))),
		0x8500, true},
	{"proto:E15 NSID that nobody configured is not answered",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\4", "\0\3\0\0"))),
		0x8500, true},
	{"proto:E10 keepalive over UDP is not answered",
		BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\4\xd0", "\0", "\4", "\0\x0b\0\0"))),
		0x8500, true},
	{"proto:T2 ANY is NODATA (quirk 23)", BYTES(Q("\1\0", "\0", SVC "\0\xff\0\1", "")), 0x8500,
		false},
	{"proto:T5 DS is NODATA", BYTES(Q("\1\0", "\0", SVC "\0\x2b\0\1", "")), 0x8500, false},
	{"proto:T1 type 65280 is NODATA", BYTES(Q("\1\0", "\0", SVC "\xff\0\0\1", "")), 0x8500,
		false},
	{"proto:S12 dns-version",
		BYTES(Q("\1\0", "\0", "\013dns-version\7cluster\5local\0\0\x10\0\1", "")), 0x8500,
		false},
};

static void header_and_opt_follow_the_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(header_cases); i++) {
		const struct header_case *c = &header_cases[i];
		ask(c->msg, c->size, TRANSPORT_UDP);
		if (word(2) != c->flags || (opt_at() != 0) != c->has_opt)
			fail_msg("%s: flags %04x opt %zu", c->what, word(2), opt_at());
	}
}

static void the_question_comes_back_byte_for_byte(void **state)
{
	static const char msg[] = Q("\1\0", "\0", "\4SvC1\2nS\3svc\7CLUSTER\5local\0\0\1\0\1", "");

	(void)state; // proto:H15, N7
	ask(BYTES(msg), TRANSPORT_UDP);
	assert_memory_equal(reply + 12, msg + 12, sizeof(msg) - 1 - 12);
	assert_int_equal(word(sizeof(msg) - 1), 0xc00c);
}

static void opt_of_the_reply_is_ours(void **state)
{
	(void)state; // proto:E5, E6, E14
	ask(BYTES(Q("\1\0", "\1", SVC "\0\1\0\1", OPT("\xff\xff", "\xff", "\0", ""))),
		TRANSPORT_UDP);
	size_t at = opt_at();
	assert_int_not_equal(at, 0);
	assert_int_equal(word(at + 3), DNS_UDP_MAX_BYTES);
	assert_int_equal(word(at + 5), 0); // extended RCODE and version
	assert_int_equal(word(at + 7), 0x8000); // DO copied, other flags zero
	assert_int_equal(word(at + 9), 0);
}

static void badvers_has_no_answer_and_version_zero(void **state)
{
	static const char msg[] = Q("\1\0", "\1", SVC "\0\1\0\1", "\0\0\x29\4\xd0\0\1\0\0\0\0");

	(void)state; // proto:E4
	ask(BYTES(msg), TRANSPORT_UDP);
	assert_int_equal(word(2), 0x8100);
	assert_int_equal(word(6), 0);
	assert_int_equal(word(opt_at() + 5), 0x0100); // 16 = extended 1, low bits 0
}

static void sizes_below_512_mean_512(void **state)
{
	(void)state; // proto:E6, H18, S3: 28 A of a 25-byte name fit 512 with OPT
	ask(BYTES(Q("\1\0", "\1", HEADLESS "\0\1\0\1", OPT("\0\1", "\0", "\0", ""))),
		TRANSPORT_UDP);
	assert_true(reply_size <= 512);
	assert_in_range(word(6), 27, 29);
	assert_true(word(2) & HEADER_TC);
	ask(BYTES(Q("\1\0", "\1", HEADLESS "\0\1\0\1", OPT("\xff\xff", "\0", "\0", ""))),
		TRANSPORT_UDP);
	assert_true(reply_size <= 1232); // quirk 20
	ask(BYTES(Q("\1\0", "\0", HEADLESS "\0\1\0\1", "")), TRANSPORT_TCP);
	assert_int_equal(word(6), 300);
}

static void negative_answers_carry_the_soa(void **state)
{
	(void)state; // proto:S5, S6: TTL = min(SOA TTL, MINIMUM)
	static const char *const names[] = {
		"\3svc\7cluster\5local\0\0\1\0\1", "\2ns\3svc\7cluster\5local\0\0\1\0\1"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint8_t msg[64] = "\x12\x34\1\0\0\1\0\0\0\0\0";
		size_t n = dname_size((const uint8_t *)names[i], 64) + 4;
		memcpy(msg + 12, names[i], n);
		ask(msg, 12 + n, TRANSPORT_UDP);
		assert_int_equal(word(2) & HEADER_RCODE, RCODE_NOERROR);
		assert_int_equal(word(8), 1);
		assert_int_equal(word(12 + n + 2), RR_TYPE_SOA);
		assert_int_equal(be32_get(reply + 12 + n + 6), 30);
		assert_int_equal(be32_get(reply + reply_size - 4), 30);
	}
}

static void srv_targets_are_spelled_out(void **state)
{
	static const char msg[] = Q("\1\0", "\0", SVC "\0\x21\0\1", "");

	(void)state; // proto:N10, and N9: no work is left for compression at query time
	ask(BYTES(msg), TRANSPORT_UDP);
	assert_memory_equal(reply + sizeof(msg) - 1 + 18, SVC, sizeof(SVC) - 1);
}

static void errors_are_no_larger_than_the_query(void **state)
{
	static const char *const bad[] = {
		Q("\1\0", "\0", SVC "\0\1\0\3", ""), Q("\1\0", "\0", SVC "\0\xfc\0\1", "")};

	(void)state; // proto:H16
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t n = 12 + sizeof(SVC) - 1 + 4;
		ask((const uint8_t *)bad[i], n, TRANSPORT_UDP);
		assert_true(reply_size <= n);
		assert_int_equal(word(2) & HEADER_RCODE, RCODE_REFUSED);
	}
}

static void a_cookie_is_answered_with_ours(void **state)
{
	static const char msg[] = Q("\1\0", "\1", SVC "\0\1\0\1",
		OPT("\4\xd0", "\0", "\x0c",
			"\0\x0a\0\x08"
			"12345678"));
	struct cookie_secrets secrets = {.n = 1, .secret = {{7}}};
	struct cookie_client client = {(const uint8_t *)"\xc6\x12\0\1", 4, 1700000000};
	struct query_edns edns = {.present = true, .cookie_size = 8};
	struct answer_env env = {
		.udp_max_bytes = DNS_UDP_MAX_BYTES, .cookie_size = COOKIE_FULL_BYTES};

	(void)state; // proto:C2, C5
	memcpy(edns.cookie, "12345678", 8);
	assert_false(cookie_answer(&secrets, &client, &edns, env.cookie));
	ask_with(BYTES(msg), &env);
	size_t at = reply_size - 4 - COOKIE_FULL_BYTES;
	assert_int_equal(word(at), EDNS_COOKIE);
	assert_int_equal(word(at + 2), COOKIE_FULL_BYTES);
	assert_memory_equal(reply + at + 4, "12345678\1\0\0\0", 12);
}

static void repeated_options_count_once(void **state)
{
	static const char msg[] = Q("\1\0", "\1", SVC "\0\1\0\1",
		OPT("\4\xd0", "\0", "\x18",
			"\0\x0a\0\x08"
			"12345678"
			"\0\x0a\0\x08"
			"87654321"));
	struct answer_env env = {.udp_max_bytes = DNS_UDP_MAX_BYTES, .cookie_size = 8};

	(void)state; // proto:E8
	ask_with(BYTES(msg), &env);
	assert_int_equal(word(reply_size - 12 - 2), 12);
}

static int setup(void **state)
{
	(void)state;
	image_fixture_make(&fixture,
		&(struct image_fixture_spec){.n_services = 5, .n_endpoints = 300, .generation = 7});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_fixture_free(&fixture);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_opt_follow_the_rules),
		cmocka_unit_test(the_question_comes_back_byte_for_byte),
		cmocka_unit_test(opt_of_the_reply_is_ours),
		cmocka_unit_test(badvers_has_no_answer_and_version_zero),
		cmocka_unit_test(sizes_below_512_mean_512),
		cmocka_unit_test(negative_answers_carry_the_soa),
		cmocka_unit_test(srv_targets_are_spelled_out),
		cmocka_unit_test(errors_are_no_larger_than_the_query),
		cmocka_unit_test(a_cookie_is_answered_with_ours),
		cmocka_unit_test(repeated_options_count_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
