// SPDX-License-Identifier: Apache-2.0
// Abuse control: who is asked at all (proto:A1), how often strangers are answered (proto:A2), and
// cookies, which lift that (proto:C2, C6).
#include "dataplane/limit/rate.h"

#include "tests/unit/worker_fixture.h"

#include "zones/base/networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PER_S = 10, BURST = 20 };

struct membership {
	unsigned family, prefix_len;
	uint8_t network[16], addr[16];
	bool is_in;
};

static const struct membership memberships[] = {
	{4, 16, {10, 244}, {10, 244, 255, 255}, true},
	{4, 16, {10, 244}, {10, 245, 0, 0}, false},
	{4, 16, {10, 244, 7, 7}, {10, 244, 1, 1}, true}, // host bits do not count
	{4, 0, {0}, {203, 0, 113, 1}, true},
	{4, 32, {10, 0, 0, 1}, {10, 0, 0, 1}, true},
	{4, 32, {10, 0, 0, 1}, {10, 0, 0, 2}, false},
	{6, 64, {0xfd, 0, 0, 0x53}, {0xfd, 0, 0, 0x53, [15] = 9}, true},
	{6, 64, {0xfd, 0, 0, 0x53}, {0xfd, 0, 0, 0x53, 0, 0, 0, 1}, false},
	{6, 65, {0xfd}, {0xfd, [8] = 0x7f}, true},
	{6, 65, {0xfd}, {0xfd, [8] = 0x80}, false},
	{6, 128, {0xfd, [15] = 1}, {0xfd, [15] = 1}, true},
	{6, 128, {0xfd, [15] = 1}, {0xfd, [15] = 2}, false},
	{6, 0, {0}, {0x20, 1}, true},
};

static void a_network_has_its_addresses_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(memberships) / sizeof(memberships[0]); i++) {
		const struct membership *m = &memberships[i];
		struct networks n = {0};
		assert_false(networks_have(&n, m->family, m->addr));
		assert_true(networks_add(&n, m->family, m->network, m->prefix_len));
		if (networks_have(&n, m->family, m->addr) != m->is_in)
			fail_msg("row %zu", i);
		assert_false(networks_have(&n, m->family == 4 ? 6 : 4, m->addr));
	}
	struct networks full = {0};
	for (unsigned i = 0; i < NETWORKS_MAX; i++)
		assert_true(networks_add(&full, 4, memberships[0].network, 32));
	assert_false(networks_add(&full, 4, memberships[0].network, 32));
}

static struct rate rate_make(uint32_t slip)
{
	struct rate r = {.options = {.per_s = PER_S, .burst = BURST, .slip = slip}};
	struct err err = {0};

	assert_int_equal(widths_parse("32:1,24:32", 4, &r.options.widths4, &err), 0);
	assert_int_equal(widths_parse("128:1,64:2,48:5", 6, &r.options.widths6, &err), 0);

	r.lines = calloc(RATE_LINES, sizeof(r.lines[0]));
	assert_non_null(r.lines);
	return r;
}

static unsigned take_many(
	struct rate *r, const uint8_t *addr, unsigned n, uint32_t now_ms, enum rate_verdict want)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += rate_take(r, 4, addr, now_ms) == want;
	return passed;
}

static void an_address_gets_its_burst_and_then_its_rate(void **state)
{
	static const uint8_t addr[4] = {203, 0, 113, 1}, other[4] = {198, 51, 100, 1};
	const uint32_t start = UINT32_MAX - 1500; // the clock wraps on the way
	struct rate r = rate_make(0);

	(void)state;
	assert_int_equal(take_many(&r, addr, 100, start, RATE_PASS), BURST);
	assert_int_equal(take_many(&r, addr, 100, start, RATE_DROP), 100);
	assert_int_equal(take_many(&r, other, 100, start, RATE_PASS), BURST);
	unsigned passed = 0;
	for (uint32_t ms = 1; ms <= 10000; ms++)
		passed += take_many(&r, addr, 1, start + ms, RATE_PASS);
	assert_in_range(passed, 10 * PER_S - 1, 10 * PER_S + 1);
	assert_int_equal(take_many(&r, addr, 100, start + 60000, RATE_PASS), BURST);
	free(r.lines);
}

static void each_nth_reply_over_the_limit_is_a_slip(void **state)
{
	static const uint8_t addr[4] = {203, 0, 113, 1};
	struct rate r = rate_make(3);

	(void)state;
	assert_int_equal(take_many(&r, addr, BURST, 0, RATE_PASS), BURST);
	assert_int_equal(take_many(&r, addr, 30, 0, RATE_SLIP), 10);
	free(r.lines);
}

// 32 times an address' limit for its /24.
static void a_network_is_limited_as_a_whole(void **state)
{
	uint8_t addr[4] = {203, 0, 113, 0};
	struct rate r = rate_make(0);
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		addr[3] = (uint8_t)i;
		passed += take_many(&r, addr, BURST, 0, RATE_PASS);
	}
	assert_int_equal(passed, 32 * BURST);
	free(r.lines);
}

// Each width has its own factor, and widths that are not named have no limit.
static void prefix_lengths_are_what_the_options_say(void **state)
{
	static const struct {
		unsigned byte; // what tells the senders apart
		unsigned passed; // in bursts
	} rows[] = {{15, 2}, {7, 5}, {5, 16}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rate r = rate_make(0);
		uint8_t addr[16] = {0xfd};
		unsigned passed = 0;
		for (unsigned n = 0; n < 16; n++) {
			addr[rows[i].byte] = (uint8_t)n;
			for (unsigned k = 0; k < BURST; k++)
				passed += rate_take(&r, 6, addr, 0) == RATE_PASS;
		}
		assert_int_equal(passed, rows[i].passed * BURST);
		free(r.lines);
	}
}

// The largest of both: no sum wraps.
static void the_largest_limits_are_no_small_ones(void **state)
{
	static const uint8_t addr[4] = {203, 0, 113, 1};
	struct rate r = rate_make(0);
	struct err err = {0};

	(void)state;
	r.options.per_s = r.options.burst = 1000000;
	assert_int_equal(widths_parse("32:65535", 4, &r.options.widths4, &err), 0);
	assert_int_equal(take_many(&r, addr, 100000, 0, RATE_PASS), 100000);
	assert_int_equal(take_many(&r, addr, 100000, 100, RATE_PASS), 100000);
	free(r.lines);
}

static void a_heavy_sender_is_not_forgotten_under_many_light_ones(void **state)
{
	static const uint8_t addr[4] = {203, 0, 113, 1};
	struct rate r = rate_make(0);
	uint8_t light[4];

	(void)state;
	assert_int_equal(take_many(&r, addr, BURST, 0, RATE_PASS), BURST);
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		for (unsigned k = 0; k < 4; k++)
			light[k] = (uint8_t)rand();
		(void)rate_take(&r, 4, light, 0);
	}
	assert_int_equal(take_many(&r, addr, 10, 0, RATE_PASS), 0);
	free(r.lines);
}

static int setup_with(void **state, enum worker_outside outside)
{
	memset(&bench_limits, 0, sizeof(bench_limits));
	bench_limits.outside = outside;
	bench_limits.rate = (struct rate_options){
		.per_s = PER_S, .burst = BURST, .widths4 = {.n = 1, .list = {{32, 1}}}, .slip = 2};
	bench_limits.cookies.n = 1;
	bench_limits.now_s = 1700000000;
	assert_true(networks_add(&bench_limits.networks, 6, (const uint8_t[16]){0xfd}, 8));
	return bench_setup(state);
}

static int setup_drop(void **state)
{
	return setup_with(state, OUTSIDE_DROP);
}

static int setup_limit(void **state)
{
	return setup_with(state, OUTSIDE_LIMIT);
}

static void outside_sources_are_dropped_when_told_so(void **state)
{
	struct frame_fixture fx;
	size_t size = 0;

	(void)state;
	query_frame(&fx, 4, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	assert_null(run_one(&b.root, &fx, &size));
	assert_int_equal(counter_get(&b.counters.drops[DROP_ACL]), 1);
	query_frame(&fx, 6, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	assert_non_null(run_one(&b.root, &fx, &size));
	assert_int_equal(verdicts(&b.counters), 2);
}

static void outside_sources_are_limited_and_trusted_ones_are_not(void **state)
{
	struct frame_fixture fx;
	size_t size = 0, whole = 0;
	unsigned slips = 0, answers = 0;

	(void)state;
	query_frame(&fx, 4, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	for (unsigned i = 0; i < 100; i++) {
		const uint8_t *reply = run_one(&b.root, &fx, &size);
		if (reply == NULL)
			continue;
		const uint8_t *dns = reply + fx.l4 + 8;
		bool is_slip = (dns[2] & 2) != 0;
		slips += is_slip;
		answers += !is_slip;
		assert_int_equal(dns[7], is_slip ? 0 : 1);
		if (is_slip) // no larger than what was asked
			assert_true(size <= fx.size_bytes);
		else
			whole = size;
	}
	assert_true(whole > fx.size_bytes);
	assert_in_range(answers, BURST, BURST + 2);
	assert_int_equal(slips, (100 - answers) / 2);
	assert_int_equal(counter_get(&b.counters.drops[DROP_RATE_LIMIT]), 100 - answers - slips);
	query_frame(&fx, 6, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	for (unsigned i = 0; i < 100; i++)
		assert_non_null(run_one(&b.root, &fx, &size));
	assert_int_equal(verdicts(&b.counters), 200);
}

static void names_outside_are_not_punted_beyond_the_limit(void **state)
{
	struct frame_fixture fx;
	size_t size = 0;
	struct rte_mbuf *m = NULL;

	(void)state;
	query_frame(&fx, 4, "example.com", RR_TYPE_A);
	for (unsigned i = 0; i < 100; i++)
		(void)run_one(&b.root, &fx, &size);
	assert_in_range(counter_get(&b.counters.punts), BURST, BURST + 2);
	while (rte_ring_dequeue(b.worker.lane.queries, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

// Asks with a cookie; writes the server's part of the reply's cookie.
static const uint8_t *ask_with_cookie(struct frame_fixture *fx, const uint8_t *cookie, uint8_t n)
{
	uint8_t msg[300];
	size_t size = query_write(msg, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	const uint8_t opt[15] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, (uint8_t)(4 + n), 0, 10, 0, n};

	msg[11] = 1;
	memcpy(msg + size, opt, sizeof(opt));
	memcpy(msg + size + sizeof(opt), cookie, n);
	frame_fixture_udp(fx,
		&(struct frame_fixture_spec){
			.family = 4, .payload = msg, .payload_bytes = size + sizeof(opt) + n});
	return run_one(&b.root, fx, &size);
}

static void a_valid_cookie_is_given_and_lifts_the_limit(void **state)
{
	static const uint8_t client[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct frame_fixture fx;
	uint8_t full[24];

	(void)state;
	const uint8_t *reply = ask_with_cookie(&fx, client, 8);
	assert_non_null(reply);
	size_t size = rte_pktmbuf_data_len(b.last);
	memcpy(full, reply + size - 24, 24); // the last option of the message
	assert_memory_equal(full, client, 8);
	for (unsigned i = 0; i < 100; i++)
		assert_non_null(ask_with_cookie(&fx, full, 24));
	full[23] ^= 1;
	unsigned answered = 0;
	for (unsigned i = 0; i < 100; i++)
		answered += ask_with_cookie(&fx, full, 24) != NULL;
	assert_true(answered < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_has_its_addresses_and_no_others),
		cmocka_unit_test(an_address_gets_its_burst_and_then_its_rate),
		cmocka_unit_test(each_nth_reply_over_the_limit_is_a_slip),
		cmocka_unit_test(a_network_is_limited_as_a_whole),
		cmocka_unit_test(prefix_lengths_are_what_the_options_say),
		cmocka_unit_test(the_largest_limits_are_no_small_ones),
		cmocka_unit_test(a_heavy_sender_is_not_forgotten_under_many_light_ones),
		cmocka_unit_test_setup_teardown(
			outside_sources_are_dropped_when_told_so, setup_drop, bench_teardown),
		cmocka_unit_test_setup_teardown(
			outside_sources_are_limited_and_trusted_ones_are_not, setup_limit,
			bench_teardown),
		cmocka_unit_test_setup_teardown(
			names_outside_are_not_punted_beyond_the_limit, setup_limit, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_valid_cookie_is_given_and_lifts_the_limit, setup_limit, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
