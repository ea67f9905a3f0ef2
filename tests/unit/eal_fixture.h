// SPDX-License-Identifier: Apache-2.0
// DPDK's environment for tests: no hugepages, no devices, one lcore; and frames in buffers.
#pragma once

#include <stddef.h>

struct rte_mempool;
struct rte_mbuf;

// Starts it once; returns the pool that tests take buffers from, or fails the test.
struct rte_mempool *eal_fixture_start(void);

// A buffer that holds the bytes.
struct rte_mbuf *eal_fixture_mbuf(const void *bytes, size_t size_bytes);

// Buffers that are not back in the pool.
unsigned eal_fixture_in_use(void);
