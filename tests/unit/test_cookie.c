// SPDX-License-Identifier: Apache-2.0
// Tests of DNS cookies against the values of RFC 9018 appendix A, and of their ages.
#include "zones/answer/cookie.h"
#include "zones/base/siphash.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void hex(const char *text, uint8_t *out, size_t n)
{
	unsigned byte = 0;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

static const uint8_t address[4] = {198, 51, 100, 100};

static struct cookie_secrets secrets_of(const char *text)
{
	struct cookie_secrets s = {.n = 1};

	hex(text, s.secret[0], 16);
	return s;
}

static void siphash_gives_the_reference_value(void **state)
{
	uint8_t key[16];
	uint8_t input[15];

	(void)state; // the vector of the SipHash paper, appendix A
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		input[i] = i;
	assert_true(siphash24(key, input, 15) == 0xa129ca6149be45e5u);
}

static void a_first_cookie_is_the_one_of_rfc_9018(void **state)
{
	struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
	struct cookie_client c = {address, 4, 1559731985};
	struct query_edns e = {.present = true, .cookie_size = 8};
	uint8_t out[COOKIE_FULL_BYTES];
	uint8_t want[COOKIE_FULL_BYTES];

	(void)state;
	hex("2464c4abcf10c957", e.cookie, 8);
	hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480", want, sizeof(want));
	assert_false(cookie_answer(&s, &c, &e, out));
	assert_memory_equal(out, want, sizeof(want));
}

// A query that brings back what the server gave `age_s` ago.
static bool comes_back(int32_t age_s, const struct cookie_secrets *now, bool *is_renewed)
{
	struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
	struct cookie_client c = {address, 4, 1000000};
	struct query_edns e = {.present = true, .cookie_size = 8, .cookie = {1, 2, 3}};
	uint8_t out[COOKIE_FULL_BYTES];

	(void)cookie_answer(&s, &c, &e, out); // the first has no server cookie to judge
	memcpy(e.cookie, out, sizeof(out));
	e.cookie_size = sizeof(out);
	c.now_s = (uint32_t)(1000000 + age_s);
	bool valid = cookie_answer(now, &c, &e, out);
	*is_renewed = memcmp(out, e.cookie, sizeof(out)) != 0;
	return valid;
}

static void cookies_age_as_rfc_9018_says(void **state)
{
	static const struct {
		int32_t age_s;
		bool valid, renewed;
	} rows[] = {{0, true, false}, {1800, true, false}, {1801, true, true}, {3600, true, true},
		{3601, false, true}, {-300, true, false}, {-301, false, true}};
	struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");

	(void)state; // proto:C3
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool renewed = false;
		assert_int_equal(comes_back(rows[i].age_s, &s, &renewed), rows[i].valid);
		assert_int_equal(renewed, rows[i].renewed);
	}
}

static void the_previous_secret_is_accepted_and_renewed(void **state)
{
	struct cookie_secrets s = secrets_of("445536bcd2513298075a5d379663c962");
	bool renewed = false;

	(void)state; // proto:C4
	assert_false(comes_back(1, &s, &renewed));
	s.n = 2;
	hex("e5e973e5a6b2a43f48e7dc849e37bfcf", s.secret[1], 16);
	assert_true(comes_back(1, &s, &renewed));
	assert_true(renewed);
}

static void a_cookie_of_another_address_is_not_valid(void **state)
{
	struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
	struct cookie_client c = {address, 4, 1000000};
	struct query_edns e = {.present = true, .cookie_size = 8};
	uint8_t out[COOKIE_FULL_BYTES];
	static const uint8_t other[16] = {198, 51, 100, 101};

	(void)state; // proto:C6
	(void)cookie_answer(&s, &c, &e, out); // the first has no server cookie to judge
	memcpy(e.cookie, out, sizeof(out));
	e.cookie_size = sizeof(out);
	c.address = other;
	assert_false(cookie_answer(&s, &c, &e, out));
	c.family = 6;
	assert_false(cookie_answer(&s, &c, &e, out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_reference_value),
		cmocka_unit_test(a_first_cookie_is_the_one_of_rfc_9018),
		cmocka_unit_test(cookies_age_as_rfc_9018_says),
		cmocka_unit_test(the_previous_secret_is_accepted_and_renewed),
		cmocka_unit_test(a_cookie_of_another_address_is_not_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
