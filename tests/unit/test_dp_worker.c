// SPDX-License-Identifier: Apache-2.0
// A worker's burst without a port: each frame ends in exactly one verdict, and the counters say so.
#include "dataplane/worker/worker.h"

#include "tests/unit/eal_fixture.h"
#include "tests/unit/worker_fixture.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MUTATIONS = 100000 };

struct ask {
	const char *name;
	uint16_t type;
	unsigned rcode, an, ns;
};

static const struct ask asks[] = {
	{"svc3.ns.svc.cluster.local", RR_TYPE_A, RCODE_NOERROR, 1, 0},
	{"svc3.ns.svc.cluster.local", RR_TYPE_AAAA, RCODE_NOERROR, 0, 1},
	{"nope.ns.svc.cluster.local", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1},
	{"svc3.ns.svc.cluster.local", RR_TYPE_AXFR, RCODE_REFUSED, 0, 0},
};

static void queries_are_answered_over_both_families(void **state)
{
	struct frame_fixture fx;
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(asks) / sizeof(asks[0]); i++) {
		const struct ask *a = &asks[i / 2];
		query_frame(&fx, i & 1 ? 6 : 4, a->name, a->type);
		const uint8_t *reply = run_one(&b.root, &fx, &size);
		assert_non_null(reply);
		assert_true(frame_fixture_is_right(reply, size));
		const uint8_t *dns = reply + fx.l4 + 8;
		assert_int_equal(be16_get(dns), 0x1234);
		assert_int_equal(dns[2] & 0x80, 0x80);
		assert_int_equal(dns[3] & 15, a->rcode);
		assert_int_equal(be16_get(dns + 6), a->an);
		assert_int_equal(be16_get(dns + 8), a->ns);
	}
	assert_int_equal(counter_get(&b.counters.replies_udp), 8);
	assert_int_equal(scope_count(&b.table), 3);
	assert_string_equal(b.table.labels[0].server, "dns://:53");
	assert_string_equal(b.table.labels[0].zone, ".");
	assert_string_equal(b.table.labels[1].zone, "dropped");
	const struct scope_counters *c = &b.scopes[1];
	assert_int_equal(counter_get(&c->udp.types[1][counters_type(RR_TYPE_AAAA)]), 1);
	assert_int_equal(
		counter_get(&c->responses[SCOPE_PLUGIN_KUBERNETES][SCOPE_RCODE_NXDOMAIN]), 2);
	uint64_t sizes = 0;
	for (unsigned i = 0; i < SCOPE_SIZE_BUCKETS; i++)
		sizes += counter_get(&c->udp.response_bytes[i]);
	assert_int_equal(sizes, 6); // AXFR is refused before a zone is chosen
	assert_int_equal(verdicts(&b.counters), 8);
}

// proto:S11.
static void without_a_snapshot_the_answer_is_not_ready(void **state)
{
	struct frame_fixture fx;
	size_t size = 0;

	(void)state;
	query_frame(&fx, 4, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	const uint8_t *reply = run_one(&b.empty, &fx, &size);
	assert_non_null(reply);
	assert_int_equal(reply[fx.l4 + 8 + 3] & 15, RCODE_SERVFAIL);
}

static void expect_drop(const struct frame_fixture *fx, enum drop_reason reason)
{
	uint64_t before = counter_get(&b.counters.drops[reason]);
	size_t size = 0;

	assert_null(run_one(&b.root, fx, &size));
	assert_int_equal(counter_get(&b.counters.drops[reason]), before + 1);
}

// proto:H1, H2, H20 and ports.
static void what_must_not_be_answered_is_dropped_for_its_reason(void **state)
{
	struct frame_fixture fx;
	struct frame_fixture_spec spec = {.family = 4, .payload = "short", .payload_bytes = 5};
	uint8_t msg[300];

	(void)state;
	frame_fixture_udp(&fx, &spec);
	expect_drop(&fx, DROP_DNS_SHORT);
	spec.payload_bytes = query_write(msg, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	spec.payload = msg;
	msg[2] |= 0x80;
	frame_fixture_udp(&fx, &spec);
	expect_drop(&fx, DROP_DNS_RESPONSE);
	msg[2] = 0x20; // an opcode nobody has: NOTIMP
	spec.client_port = 53;
	frame_fixture_udp(&fx, &spec);
	expect_drop(&fx, DROP_DNS_ERROR_LOOP);
	spec.client_port = 0;
	msg[2] = 1;
	frame_fixture_udp(&fx, &spec);
	fx.bytes[fx.l4 + 3] = 54;
	frame_fixture_sum(&fx);
	expect_drop(&fx, DROP_UDP_PORT);
	b.host.addresses[0].is_shared = true;
	expect_drop(&fx, DROP_KERNEL);
	b.host.addresses[0].is_shared = false;
	b.host.has_exception = true;
	size_t size = 0;
	assert_null(run_one(&b.root, &fx, &size));
	assert_int_equal(counter_get(&b.counters.exceptions), 1);
	b.port.mtu = 1500;
	assert_int_equal(verdicts(&b.counters), counter_get(&b.counters.rx_pkts));
}

static void outside_names_are_punted_and_a_full_queue_drops(void **state)
{
	struct frame_fixture fx;
	struct rte_mbuf *m = NULL;
	size_t size = 0;

	(void)state;
	query_frame(&fx, 6, "example.com", RR_TYPE_A);
	for (unsigned i = 0; i < PUNT_RING_FRAMES; i++) {
		assert_null(run_one(&b.root, &fx, &size));
		if (i % 2 == 0)
			continue;
		assert_int_equal(rte_ring_dequeue(b.worker.lane.queries, (void **)&m), 0);
		const struct punt_note *note = punt_note_of(m);
		assert_int_equal(note->generation, 9);
		assert_int_equal(note->client_port, 40000);
		assert_int_equal(note->udp_max_bytes, 1232);
		assert_int_equal(note->dns_bytes, fx.size_bytes - fx.l4 - 8);
		rte_pktmbuf_free(m);
	}
	unsigned queued = rte_ring_count(b.worker.lane.queries);
	for (unsigned i = queued; i < PUNT_RING_FRAMES - 1; i++)
		assert_null(run_one(&b.root, &fx, &size));
	expect_drop(&fx, DROP_PUNT_FULL);
	assert_int_equal(counter_get(&b.scopes[1].punts[SCOPE_PLUGIN_FORWARD]),
		PUNT_RING_FRAMES + PUNT_RING_FRAMES - 1 - queued + 1);
	while (rte_ring_dequeue(b.worker.lane.queries, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	b.worker.has_slowpath = false;
	expect_drop(&fx, DROP_NO_SLOWPATH);
	assert_int_equal(verdicts(&b.counters), counter_get(&b.counters.rx_pkts));
}

// proto:E6: the port's MTU bounds replies.
static void a_small_mtu_truncates(void **state)
{
	struct frame_fixture fx;
	uint8_t msg[320];
	size_t size = 0;
	static const uint8_t opt[11] = {0, 0, 41, 0xff, 0xff};

	(void)state;
	size_t n = query_write(msg, "hl.ns.svc.cluster.local", RR_TYPE_A);
	memcpy(msg + n, opt, sizeof(opt));
	msg[11] = 1;
	b.port.mtu = 700;
	frame_fixture_udp(&fx,
		&(struct frame_fixture_spec){
			.family = 6, .payload = msg, .payload_bytes = n + sizeof(opt)});
	const uint8_t *reply = run_one(&b.root, &fx, &size);
	assert_non_null(reply);
	assert_true(size <= 14 + 700 && size > 600);
	assert_int_equal(reply[fx.l4 + 8 + 2] & 2, 2);
	assert_int_equal(counter_get(&b.counters.truncated), 1);
}

// RFC 5001: the text stands behind OPT's fixed part, which is the last record.
static void who_asks_for_the_name_of_the_server_is_told(void **state)
{
	static const uint8_t asked[15] = {0, 0, 41, 4, 0xd0, [10] = 4, [12] = 3};
	static const uint8_t told[13] = {0, 11, 0, 3, 0, 7, 'n', 'o', 'd', 'e', ' ', '5', '3'};
	struct frame_fixture fx;
	uint8_t msg[320];
	size_t size = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++) { // the second one does not ask
		size_t option_bytes = i == 1 ? 0 : 4;
		size_t n = query_write(msg, "svc3.ns.svc.cluster.local", RR_TYPE_A);
		memcpy(msg + n, asked, sizeof(asked));
		msg[n + 10] = (uint8_t)option_bytes;
		msg[11] = 1;
		frame_fixture_udp(&fx,
			&(struct frame_fixture_spec){.family = 4,
				.payload = msg,
				.payload_bytes = n + 11 + option_bytes});
		const uint8_t *reply = run_one(&b.root, &fx, &size);
		assert_non_null(reply);
		bool is_told = size > sizeof(told) &&
			memcmp(reply + size - sizeof(told), told, sizeof(told)) == 0;
		assert_int_equal(is_told, i != 1);
	}
}

// proto:I16.
static void a_frame_in_several_buffers_is_dropped(void **state)
{
	struct frame_fixture fx;
	struct rte_mbuf *tx[PORT_BURST];

	(void)state;
	query_frame(&fx, 4, "svc3.ns.svc.cluster.local", RR_TYPE_A);
	struct rte_mbuf *m = eal_fixture_mbuf(fx.bytes, 40);
	struct rte_mbuf *tail = eal_fixture_mbuf(fx.bytes + 40, fx.size_bytes - 40);
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	assert_int_equal(worker_burst(&b.worker, &b.root, &m, 1, tx), 0);
	assert_int_equal(counter_get(&b.counters.drops[DROP_SEGMENTS]), 1);
}

static void echo_replies_are_limited(void **state)
{
	struct frame_fixture fx;
	size_t size = 0;

	(void)state;
	frame_fixture_echo(&fx, 4, 8);
	for (unsigned i = 0; i < 5000; i++)
		(void)run_one(&b.root, &fx, &size);
	assert_true(counter_get(&b.counters.replies_other) >= 1000);
	assert_true(counter_get(&b.counters.drops[DROP_RATE_LIMIT]) > 0);
	assert_int_equal(verdicts(&b.counters), 5000);
}

static void mutate(struct frame_fixture *fx)
{
	unsigned n = (unsigned)(rand() % 4);

	for (unsigned i = 0; i < n; i++)
		fx->bytes[(size_t)rand() % fx->size_bytes] = (uint8_t)rand();
	if (rand() % 8 == 0)
		fx->size_bytes = 1 + (size_t)rand() % fx->size_bytes;
	if (rand() % 8 == 0)
		fx->size_bytes += (size_t)rand() % 30;
}

static void take_punts(void)
{
	struct rte_mbuf *m = NULL;

	while (rte_ring_dequeue(b.worker.lane.queries, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

// DESIGN 4: the counters add up to what was received, and nothing is answered twice.
static void counters_add_up_under_garbage(void **state)
{
	static const char *const names[] = {
		"svc3.ns.svc.cluster.local", "nope.ns.svc.cluster.local", "example.com"};
	struct rte_mbuf *frames[PORT_BURST], *tx[PORT_BURST];
	struct frame_fixture fx;
	uint64_t sent = 0, received = 0;

	(void)state;
	srand(53);
	while (sent < MUTATIONS) {
		uint16_t n = (uint16_t)(1 + rand() % PORT_BURST);
		for (uint16_t i = 0; i < n; i++) {
			uint8_t family = rand() % 2 ? 6 : 4;
			int kind = rand() % 10;
			if (kind == 0)
				frame_fixture_arp(&fx);
			else if (kind == 1)
				frame_fixture_solicit(&fx, rand() % 2);
			else if (kind == 2)
				frame_fixture_echo(&fx, family, 20);
			else
				query_frame(&fx, family, names[rand() % 3], RR_TYPE_A);
			mutate(&fx);
			frames[i] = eal_fixture_mbuf(fx.bytes, fx.size_bytes);
		}
		uint16_t n_tx = worker_burst(&b.worker, &b.root, frames, n, tx);
		assert_true(n_tx <= n);
		rte_pktmbuf_free_bulk(tx, n_tx);
		take_punts();
		sent += n;
		received += n_tx;
	}
	assert_int_equal(counter_get(&b.counters.rx_pkts), sent);
	assert_int_equal(verdicts(&b.counters), sent);
	assert_int_equal(
		counter_get(&b.counters.replies_udp) + counter_get(&b.counters.replies_other),
		received);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		if (counter_get(&b.counters.drops[i]) > 0)
			print_message("%s %llu\n", drop_reason_name((enum drop_reason)i),
				(unsigned long long)counter_get(&b.counters.drops[i]));
	}
	assert_true(received > MUTATIONS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			queries_are_answered_over_both_families, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			without_a_snapshot_the_answer_is_not_ready, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(what_must_not_be_answered_is_dropped_for_its_reason,
			bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(outside_names_are_punted_and_a_full_queue_drops,
			bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(a_small_mtu_truncates, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			who_asks_for_the_name_of_the_server_is_told, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_frame_in_several_buffers_is_dropped, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			echo_replies_are_limited, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			counters_add_up_under_garbage, bench_setup, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
