// SPDX-License-Identifier: Apache-2.0
// Makes the worker of the tests.
#include "tests/unit/worker_fixture.h"

#include "tests/unit/eal_fixture.h"

#include <rte_mbuf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct bench b;
struct worker_limits bench_limits;

int bench_setup(void **state)
{
	struct root_addresses addresses = {.n = 2};

	(void)state;
	memset(&b, 0, sizeof(b));
	b.limits = bench_limits;
	(void)eal_fixture_start();
	b.in_use = eal_fixture_in_use();
	frame_fixture_host(&b.host);
	b.port.mtu = 1500;
	b.worker = (struct worker){.port = &b.port,
		.host = &b.host,
		.limits = &b.limits,
		.counters = &b.counters,
		.scopes = b.scopes,
		.has_slowpath = true};
	assert_int_equal(punt_lane_init(&b.worker.lane, 0, 0), 0);
	assert_int_equal(worker_init(&b.worker, 0), 0);
	image_fixture_make(&b.image,
		&(struct image_fixture_spec){
			.n_services = 50, .n_endpoints = 200, .generation = 9});
	assert_int_equal(index_secret_renew(&b.secret), 0);
	assert_int_equal(index_build(&b.image.image, &b.secret, &b.index), 0);
	for (unsigned i = 0; i < 2; i++) {
		addresses.list[i].family = b.host.addresses[i].family;
		memcpy(addresses.list[i].bytes, b.host.addresses[i].bytes, 16);
	}
	assert_int_equal(
		root_init(&b.root, &(struct snapshot){&b.image.image, NULL}, &addresses), 0);
	assert_int_equal(scope_map_make(&b.root.scopes, &b.image.image, &b.table), 0);
	assert_int_equal(root_init(&b.empty, &(struct snapshot){0}, &addresses), 0);
	b.root.index.base = b.index;
	return 0;
}

int bench_teardown(void **state)
{
	(void)state;
	rte_pktmbuf_free(b.last);
	assert_int_equal(eal_fixture_in_use(), b.in_use); // each buffer had one owner
	punt_lane_fini(&b.worker.lane);
	worker_fini(&b.worker);
	scope_map_free(&b.root.scopes);
	index_free(b.index);
	image_fixture_free(&b.image);
	return 0;
}

size_t query_write(uint8_t *out, const char *name, uint16_t type)
{
	struct dname n = image_fixture_name(name);
	static const uint8_t header[12] = {0x12, 0x34, 1, 0, 0, 1};

	memcpy(out, header, 12);
	memcpy(out + 12, n.wire, n.size_bytes);
	be16_put(out + 12 + n.size_bytes, type);
	be16_put(out + 14 + n.size_bytes, 1);
	return 16u + n.size_bytes;
}

void query_frame(struct frame_fixture *fx, uint8_t family, const char *name, uint16_t type)
{
	uint8_t msg[300];
	size_t n = query_write(msg, name, type);

	frame_fixture_udp(fx,
		&(struct frame_fixture_spec){.family = family, .payload = msg, .payload_bytes = n});
}

const uint8_t *run_one(const struct root *root, const struct frame_fixture *fx, size_t *size)
{
	struct rte_mbuf *m = eal_fixture_mbuf(fx->bytes, fx->size_bytes);
	struct rte_mbuf *tx[PORT_BURST];

	rte_pktmbuf_free(b.last);
	b.last = NULL;
	if (worker_burst(&b.worker, root, &m, 1, tx) == 0)
		return NULL;
	b.last = tx[0];
	*size = rte_pktmbuf_data_len(b.last);
	return rte_pktmbuf_mtod(b.last, const uint8_t *);
}

uint64_t verdicts(const struct worker_counters *c)
{
	uint64_t n = counter_get(&c->replies_udp) + counter_get(&c->replies_other) +
		counter_get(&c->punts) + counter_get(&c->exceptions);

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		n += counter_get(&c->drops[i]);
	return n;
}
