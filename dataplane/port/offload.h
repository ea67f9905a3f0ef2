// SPDX-License-Identifier: Apache-2.0
// Which work of ours a port does: checksums of received and of sent frames, and the hash that
// spreads clients over queues.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rte_eth_dev_info;

struct offload {
	uint64_t rx, tx; // RTE_ETH_RX_OFFLOAD_* and RTE_ETH_TX_OFFLOAD_* to ask for
	uint64_t hash; // RTE_ETH_RSS_* that the port can do, with more than one queue
};

// What the device offers, as far as its driver is known to do it right.
void offload_choose(const struct rte_eth_dev_info *info, unsigned queues, struct offload *out);

enum { OFFLOAD_TEXT_BYTES = 160 };

// Writes "rx_checksums=... tx_checksums=... hash=..." for the log.
void offload_print(const struct offload *o, char text[OFFLOAD_TEXT_BYTES]);
