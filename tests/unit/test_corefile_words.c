// SPDX-License-Identifier: Apache-2.0
// Tests of single words: durations, numbers, ranges, listen addresses, mnemonics, suggestions.
#include "zones/corefile/words.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void durations_are_read_as_go_writes_them(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t ms;
	} cases[] = {
		{"5s", 0, 5000},
		{"0", 0, 0},
		{"0s", 0, 0},
		{"1m30s", 0, 90000},
		{"1.5s", 0, 1500},
		{".5s", 0, 500},
		{"1.s", 0, 1000},
		{"100ms", 0, 100},
		{"1h", 0, 3600000},
		{"1us", 0, 1}, // not nothing
		{"1\xc2\xb5s", 0, 1},
		{"+2s", 0, 2000},
		{"", -EINVAL, 0},
		{"5", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{".s", -EINVAL, 0},
		{"-5s", -EINVAL, 0},
		{"5d", -EINVAL, 0},
		{"1,5s", -EINVAL, 0},
		{"5s ", -EINVAL, 0},
		{"9999999999999999999h", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t ms = 0;
		int rc = word_duration(cases[i].text, &ms);
		if (rc != cases[i].rc || ms != cases[i].ms)
			fail_msg("%s: %d %lu", cases[i].text, rc, (unsigned long)ms);
	}
}

static void numbers_stay_in_their_range(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_int_equal(word_number("0", 0, 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(word_number("010", 0, 10, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(word_number("11", 0, 10, &n), -EINVAL);
	assert_int_equal(word_number("", 0, 10, &n), -EINVAL);
	assert_int_equal(word_number("-1", 0, 10, &n), -EINVAL);
	assert_int_equal(word_number("1x", 0, 10, &n), -EINVAL);
	assert_int_equal(word_number("99999999999999999999999", 0, UINT64_MAX, &n), -EINVAL);
	assert_int_equal(n, 10);
}

static void ranges_lose_their_host_bits(void **state)
{
	struct config_cidr c;

	(void)state;
	assert_int_equal(word_cidr("10.1.2.3/20", &c), 0);
	assert_int_equal(c.family, 4);
	assert_int_equal(c.bits, 20);
	assert_memory_equal(c.address, "\x0a\x01\x00\x00", 4);
	assert_int_equal(word_cidr("fd00:1:2:3::5/63", &c), 0);
	assert_int_equal(c.family, 6);
	assert_memory_equal(c.address, "\xfd\x00\x00\x01\x00\x02\x00\x02\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(word_cidr("1.2.3.4", &c), 0);
	assert_int_equal(c.bits, 32);
	assert_int_equal(word_cidr("1.2.3.4/0", &c), 0);
	assert_memory_equal(c.address, "\0\0\0\0", 4);
	assert_int_equal(word_cidr("1.2.3.4/33", &c), -EINVAL);
	assert_int_equal(word_cidr("1.2.3/8", &c), -EINVAL);
	assert_int_equal(word_cidr("1.2.3.4/", &c), -EINVAL);
	assert_int_equal(word_cidr("x", &c), -EINVAL);
}

static void listen_addresses_name_a_port(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *host;
		uint16_t port;
	} cases[] = {
		{":8080", 0, "", 8080},
		{"127.0.0.1:9153", 0, "127.0.0.1", 9153},
		{"[::1]:9254", 0, "::1", 9254},
		{"localhost:1", 0, "localhost", 1},
		{"8080", -EINVAL, "", 0},
		{"::1", -EINVAL, "", 0},
		{"[::1]", -EINVAL, "", 0},
		{"[::1", -EINVAL, "", 0},
		{"[::1]x:1", -EINVAL, "", 0},
		{"a:0", -EINVAL, "", 0},
		{"a:65536", -EINVAL, "", 0},
		{"a:http", -EINVAL, "", 0},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config_listen l = {0};
		if (word_listen(&a, cases[i].text, &l) != cases[i].rc)
			fail_msg("%s", cases[i].text);
		if (cases[i].rc != 0)
			continue;
		assert_string_equal(l.host, cases[i].host);
		assert_int_equal(l.port, cases[i].port);
	}
	arena_fini(&a);
}

static void addresses_are_told_from_names(void **state)
{
	(void)state;
	assert_true(word_is_address("1.2.3.4"));
	assert_true(word_is_address("fe80::1%eth0"));
	assert_false(word_is_address("1.2.3.4%eth0"));
	assert_false(word_is_address("fe80::1%"));
	assert_false(word_is_address("eth0"));
	assert_false(word_is_address(""));
}

static void mnemonics_are_known(void **state)
{
	uint16_t n = 0;

	(void)state;
	assert_int_equal(word_type("aaaa", &n), 0);
	assert_int_equal(n, 28);
	assert_int_equal(word_type("SSHFP", &n), 0);
	assert_int_equal(n, 44);
	assert_int_equal(word_type("NOPE", &n), -EINVAL);
	assert_int_equal(word_class("ANY", &n), 0);
	assert_int_equal(n, 255);
	assert_int_equal(word_rcode("nxdomain", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(word_rcode("24", &n), -EINVAL);
}

static void close_words_are_suggested(void **state)
{
	static const char *const words[] = {"forward", "cache", "log", "loop"};

	(void)state;
	assert_string_equal(word_nearest("forwrad", words, 4), "forward");
	assert_string_equal(word_nearest("cahe", words, 4), "cache");
	assert_null(word_nearest("kubernetes", words, 4));
	assert_null(word_nearest("a-word-that-is-much-longer-than-any-directive", words, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_as_go_writes_them),
		cmocka_unit_test(numbers_stay_in_their_range),
		cmocka_unit_test(ranges_lose_their_host_bits),
		cmocka_unit_test(listen_addresses_name_a_port),
		cmocka_unit_test(addresses_are_told_from_names),
		cmocka_unit_test(mnemonics_are_known),
		cmocka_unit_test(close_words_are_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
