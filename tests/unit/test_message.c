// SPDX-License-Identifier: Apache-2.0
// Tests of reading foreign messages: pointers, record bounds, text.
#include "zones/wire/message.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"
#define FIXED(type, len) type "\0\1\0\0\0\x1e\0" len

struct name_case {
	const char *what;
	const char *msg;
	size_t size, at;
	bool bad;
	const char *text;
};

#define MSG(text) HEADER text, sizeof(HEADER text) - 1

static const struct name_case name_cases[] = {
	{"plain", MSG("\1a\1b\0"), 12, false, "a.b."},
	{"a pointer to the front", MSG("\1a\0\1b\xc0\x0c"), 15, false, "b.a."},
	{"proto:N4 a pointer to itself", MSG("\xc0\x0c"), 12, true, NULL},
	{"proto:N4 a pointer forwards", MSG("\xc0\x0e\1a\0"), 12, true, NULL},
	{"proto:N4 a loop", MSG("\1a\xc0\x0c"), 12, true, NULL},
	{"proto:N4 into the header", MSG("\1a\xc0\x02"), 12, true, NULL},
	{"proto:N4 a pointer into the middle of what leads to it", MSG("\1a\1b\0\1c\xc0\x0e"), 17,
		false, "c.b."},
	{"half a pointer", MSG("\1a\xc0"), 12, true, NULL},
	{"no end", MSG("\1a"), 12, true, NULL},
	{"label type 01",
		MSG("\x41"
		    "a\0"),
		12, true, NULL},
};

static void names_follow_pointers_backwards_only(void **state)
{
	char text[DNAME_TEXT_MAX_BYTES];
	struct dname name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(name_cases); i++) {
		const struct name_case *c = &name_cases[i];
		struct rdbuf r = rdbuf_of(c->msg, c->size);
		r.pos = c->at;
		message_name(&r, c->size, &name);
		if (r.bad != c->bad)
			fail_msg("%s: bad %d", c->what, r.bad);
		if (!c->bad)
			assert_string_equal(dname_print(name.wire, text, sizeof(text)), c->text);
	}
}

static void a_long_chain_of_pointers_ends(void **state)
{
	uint8_t msg[12 + 2 * 8000] = {[12] = 0};
	struct dname name;

	(void)state; // proto:N4, N8: no more hops than a name can have labels
	for (size_t i = 14; i + 1 < sizeof(msg); i += 2) {
		msg[i] = (uint8_t)(0xc0 | ((i - 2) >> 8));
		msg[i + 1] = (uint8_t)(i - 2);
	}
	struct rdbuf r = rdbuf_of(msg, sizeof(msg));
	r.pos = sizeof(msg) - 2;
	message_name(&r, sizeof(msg), &name);
	assert_true(r.bad);
	r = rdbuf_of(msg, sizeof(msg));
	r.pos = 14 + 2 * 125;
	message_name(&r, sizeof(msg), &name);
	assert_false(r.bad);
	assert_int_equal(name.size_bytes, 1);
}

static const struct {
	const char *rr;
	size_t size;
	const char *text;
} rr_cases[] = {
	{"\1a\0" FIXED("\0\1", "\4") "\x0a\0\0\1", 17, "a. 30 IN A 10.0.0.1"},
	{"\0" FIXED("\0\x1c", "\x10") "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 27,
		". 30 IN AAAA fd00::1"},
	{"\1a\0" FIXED("\0\x21", "\x0b") "\0\0\0\x64\0\x50\1s\1t\0", 24,
		"a. 30 IN SRV 0 100 80 s.t."},
	{"\1a\0" FIXED("\0\x10", "\6") "\5"
				       "1.1\"0",
		19, "a. 30 IN TXT \"1.1\\\"0\""},
	{"\1a\0" FIXED("\0\x0f", "\5") "\0\x0a\1m\0", 18, "a. 30 IN MX 10 m."},
	{"\1a\0" FIXED("\xff\0", "\2") "\xab\xcd", 15, "a. 30 IN TYPE65280 \\# 2 abcd"},
	{"\1a\0" FIXED("\0\1", "\3") "\1\2\3", 16, "a. 30 IN A \\# 3 010203"},
};

static void records_print_as_in_a_zone_file(void **state)
{
	char text[2048];
	uint8_t msg[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rr_cases); i++) {
		struct message_rr rr;
		memset(msg, 0, 12);
		memcpy(msg + 12, rr_cases[i].rr, rr_cases[i].size);
		struct rdbuf r = rdbuf_of(msg, 12 + rr_cases[i].size);
		r.pos = 12;
		message_rr(&r, &rr);
		assert_false(r.bad);
		assert_int_equal(rdbuf_left(&r), 0);
		assert_string_equal(
			message_rr_print(&r, &rr, text, sizeof(text)), rr_cases[i].text);
		for (size_t cut = 0; cut < rr_cases[i].size; cut++) {
			struct rdbuf part = rdbuf_of(msg, 12 + cut);
			part.pos = 12;
			message_rr(&part, &rr);
			assert_true(part.bad);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_pointers_backwards_only),
		cmocka_unit_test(a_long_chain_of_pointers_ends),
		cmocka_unit_test(records_print_as_in_a_zone_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
