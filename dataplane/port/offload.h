// SPDX-License-Identifier: Apache-2.0
// Which work of ours a port does: checksums of received and of sent frames, and the hash that
// spreads clients over queues.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rte_eth_dev_info;

enum offload_use {
	OFFLOAD_KNOWN, // what the device's driver is known to do right
	OFFLOAD_NONE, // software does all that it can, a list of multicast groups too
};

// OFFLOAD_NONE when the environment says BURST53_OFFLOADS=off, for a card that is not trusted.
enum offload_use offload_use(void);

struct offload {
	uint64_t rx, tx; // RTE_ETH_RX_OFFLOAD_* and RTE_ETH_TX_OFFLOAD_* to ask for
	uint64_t hash; // RTE_ETH_RSS_* that the port can do, with more than one queue
};

// Of what the device offers. The hash has no other way: it is asked for in any case.
void offload_choose(const struct rte_eth_dev_info *info, unsigned queues, enum offload_use use,
	struct offload *out);

enum { OFFLOAD_TEXT_BYTES = 160 };

// Writes "rx_checksums=... tx_checksums=... hash=..." for the log.
void offload_print(const struct offload *o, char text[OFFLOAD_TEXT_BYTES]);
