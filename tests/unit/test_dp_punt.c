// SPDX-License-Identifier: Apache-2.0
// A punted query comes back as a frame to where it came from; anything malformed does not.
// tsan: frames cross an rte_ring, whose barriers in DPDK 22.11 are assembly that TSan does not see.
#include "dataplane/exception/punt.h"

#include "tests/unit/eal_fixture.h"
#include "tests/unit/frame_fixture.h"

#include "zones/link/punt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LANES = 3, REPLY_BYTES = 100 };

struct exchange {
	struct punt_msg msg;
	uint8_t dns[PUNT_DNS_MAX_BYTES];
	size_t size_bytes;
};

static struct host host;

static int setup(void **state)
{
	(void)state;
	(void)eal_fixture_start();
	frame_fixture_host(&host);
	return 0;
}

// The frame as a worker would queue it.
static struct rte_mbuf *punted(struct frame_fixture *fx, uint8_t family, uint16_t vlan)
{
	frame_fixture_udp(fx, &(struct frame_fixture_spec){.family = family, .vlan = vlan});
	struct rte_mbuf *m = eal_fixture_mbuf(fx->bytes, fx->size_bytes);
	*punt_note_of(m) = (struct punt_note){.generation = 3,
		.rule = 2,
		.l4 = (uint16_t)fx->l4,
		.dns_bytes = (uint16_t)(fx->size_bytes - fx->l4 - 8),
		.client_port = 40000,
		.server_port = 53,
		.udp_max_bytes = 1232,
		.l3 = (uint8_t)fx->l3,
		.family = family};
	return m;
}

// What a slow path sends back for it.
static void exchange_make(struct exchange *x, uint8_t family, uint16_t vlan)
{
	struct frame_fixture fx;
	struct rte_mbuf *m = punted(&fx, family, vlan);

	memset(x, 0, sizeof(*x));
	punt_query_write(1, m, &x->msg);
	rte_pktmbuf_free(m);
	x->msg.dns_size = REPLY_BYTES;
	memset(x->dns, 0xab, REPLY_BYTES);
	x->size_bytes = sizeof(x->msg) + REPLY_BYTES;
}

static int write_back(const struct exchange *x, struct rte_mbuf *m)
{
	return punt_reply_write(&host, LANES, &x->msg, x->size_bytes, m);
}

static void a_query_is_told_with_its_addresses(void **state)
{
	struct exchange x;

	(void)state;
	exchange_make(&x, 4, 0);
	assert_int_equal(x.msg.family, 4);
	assert_int_equal(x.msg.client_port, 40000);
	assert_int_equal(x.msg.server_port, 53);
	assert_int_equal(x.msg.rule, 2);
	assert_int_equal(x.msg.generation, 3);
	assert_memory_equal(x.msg.client, ((uint8_t[]){198, 18, 0, 1}), 4);
	assert_memory_equal(x.msg.server, host.addresses[0].bytes, 4);
	exchange_make(&x, 6, 0);
	assert_memory_equal(x.msg.server, host.addresses[1].bytes, 16);
}

static void a_reply_becomes_a_frame_to_the_client(void **state)
{
	struct exchange x;
	struct frame_fixture fx;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t family = i & 1 ? 6 : 4;
		uint16_t vlan = i & 2 ? 7 : 0;
		exchange_make(&x, family, vlan);
		rte_pktmbuf_free(punted(&fx, family, vlan));
		struct rte_mbuf *m = eal_fixture_mbuf("", 0);
		assert_int_equal(write_back(&x, m), 1);
		const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
		assert_int_equal(rte_pktmbuf_data_len(m), fx.l4 + 8 + REPLY_BYTES);
		assert_true(frame_fixture_is_right(bytes, rte_pktmbuf_data_len(m)));
		assert_memory_equal(bytes, fx.bytes + 6, 6);
		assert_memory_equal(bytes + 6, fx.bytes, 6);
		assert_memory_equal(bytes + fx.l4 + 8, x.dns, REPLY_BYTES);
		rte_pktmbuf_free(m);
	}
}

// Each change of the message that must keep it from being sent.
static void spoil(struct exchange *x, unsigned how)
{
	switch (how) {
	case 0:
		x->msg.magic++;
		break;
	case 1:
		x->msg.dns_size = 11;
		x->size_bytes = sizeof(x->msg) + 11;
		break;
	case 2:
		x->size_bytes--;
		break;
	case 3:
		x->msg.family = 5;
		break;
	case 4:
		x->msg.family = 6; // headers are of IPv4
		break;
	case 5:
		x->msg.context_size--;
		break;
	case 6:
		x->msg.context[0] = LANES; // lane
		break;
	case 7:
		x->msg.context[2] = 15; // l3
		break;
	case 8:
		x->msg.context[3]++; // l4
		break;
	case 9:
		x->msg.context[4] ^= 2; // our MAC
		break;
	case 10:
		x->msg.context[4 + 14 + 19] ^= 1; // our address
		break;
	case 11:
		x->msg.dns_size = 1300;
		x->size_bytes = sizeof(x->msg) + 1300;
		break;
	default:
		x->size_bytes = how; // shorter than the struct
	}
}

static void malformed_replies_are_refused(void **state)
{
	struct exchange x;

	(void)state;
	for (unsigned how = 0; how < sizeof(struct punt_msg); how++) {
		exchange_make(&x, 4, 0);
		spoil(&x, how);
		struct rte_mbuf *m = eal_fixture_mbuf("", 0);
		if (write_back(&x, m) >= 0)
			fail_msg("case %u", how);
		rte_pktmbuf_free(m);
	}
}

static void nothing_a_slow_path_sends_leaves_the_buffer(void **state)
{
	struct exchange x;

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 200000; i++) {
		exchange_make(&x, i & 1 ? 6 : 4, 0);
		for (int n = rand() % 4; n > 0; n--)
			((uint8_t *)&x)[(size_t)rand() % sizeof(x.msg)] = (uint8_t)rand();
		x.size_bytes = sizeof(x.msg) + x.msg.dns_size;
		if (x.size_bytes > sizeof(x.msg) + sizeof(x.dns))
			continue;
		struct rte_mbuf *m = eal_fixture_mbuf("", 0);
		if (write_back(&x, m) >= 0)
			assert_true(rte_pktmbuf_data_len(m) <= 14 + 4 + 40 + 8 + 4096);
		rte_pktmbuf_free(m);
	}
}

static void wait_ms(long ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static void the_thread_carries_both_directions_and_counts_losses(void **state)
{
	static struct counters_page page;
	struct punt p = {
		.host = &host, .pool = eal_fixture_start(), .counters = &page, .n_lanes = 1};
	struct frame_fixture fx;
	struct exchange x;
	struct rte_mbuf *m = NULL;
	int pair[2];
	unsigned in_use = eal_fixture_in_use();

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(punt_lane_init(&p.lanes[0], 0, 0), 0);
	p.fd = pair[0];
	assert_int_equal(punt_start(&p), 0);
	assert_int_equal(rte_ring_enqueue(p.lanes[0].queries, punted(&fx, 4, 0)), 0);
	ssize_t n = -1;
	for (unsigned i = 0; i < 200 && n < 0; i++) {
		wait_ms(5);
		n = recv(pair[1], &x.msg, sizeof(x.msg) + sizeof(x.dns), 0);
	}
	assert_int_equal(n, sizeof(x.msg) + 25);
	assert_memory_equal(x.dns, fx.bytes + fx.l4 + 8, 25);
	assert_int_equal(send(pair[1], &x.msg, (size_t)n, 0), n);
	assert_int_equal(send(pair[1], "garbage", 7, 0), 7);
	for (unsigned i = 0; i < 200 && rte_ring_dequeue(p.lanes[0].frames, (void **)&m) != 0; i++)
		wait_ms(5);
	assert_non_null(m);
	rte_pktmbuf_free(m);
	for (unsigned i = 0; i < 200 && counter_get(&page.punt_replies_bad) == 0; i++)
		wait_ms(5);
	assert_int_equal(counter_get(&page.punt_replies_bad), 1);
	(void)close(pair[1]); // the slow path is gone
	assert_int_equal(rte_ring_enqueue(p.lanes[0].queries, punted(&fx, 4, 0)), 0);
	for (unsigned i = 0; i < 200 && counter_get(&page.punts_lost) == 0; i++)
		wait_ms(5);
	assert_int_equal(counter_get(&page.punts_lost), 1);
	punt_stop(&p);
	punt_lane_fini(&p.lanes[0]);
	(void)close(pair[0]);
	assert_int_equal(eal_fixture_in_use(), in_use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_query_is_told_with_its_addresses, setup),
		cmocka_unit_test_setup(a_reply_becomes_a_frame_to_the_client, setup),
		cmocka_unit_test_setup(malformed_replies_are_refused, setup),
		cmocka_unit_test_setup(nothing_a_slow_path_sends_leaves_the_buffer, setup),
		cmocka_unit_test_setup(the_thread_carries_both_directions_and_counts_losses, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
