// SPDX-License-Identifier: Apache-2.0
// Starts DPDK for tests.
#include "tests/unit/eal_fixture.h"

#include "dataplane/port/port.h"

#include <rte_eal.h>
#include <rte_mbuf.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct rte_mempool *pool;

struct rte_mempool *eal_fixture_start(void)
{
	static char args[][24] = {"test", "--no-huge", "-m256", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=*:error", "--lcores=0"};
	char *argv[8];

	if (pool != NULL)
		return pool;
	for (int i = 0; i < 8; i++)
		argv[i] = args[i];
	assert_true(rte_eal_init(8, argv) >= 0);
	pool = rte_pktmbuf_pool_create("test", 4095, 0, PORT_PRIVATE_BYTES, 2176, SOCKET_ID_ANY);
	assert_non_null(pool);
	return pool;
}

struct rte_mbuf *eal_fixture_mbuf(const void *bytes, size_t size_bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	char *to = rte_pktmbuf_append(m, (uint16_t)size_bytes);
	assert_non_null(to);
	memcpy(to, bytes, size_bytes);
	return m;
}

unsigned eal_fixture_in_use(void)
{
	return rte_mempool_in_use_count(pool);
}
