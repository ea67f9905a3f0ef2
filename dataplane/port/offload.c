// SPDX-License-Identifier: Apache-2.0
// virtio and virtual devices pass on what a peer's kernel left unfinished, in both directions, so
// only drivers of real devices are believed (spec/performance 5.4).
#include "dataplane/port/offload.h"

#include <rte_ethdev.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const real_drivers[] = {"net_e1000", "net_ixgbe", "net_i40e", "net_ice",
	"net_iavf", "net_igc", "mlx5_pci", "net_bnxt", "net_ena"};

static bool is_real(const char *driver)
{
	for (size_t i = 0; i < RTE_DIM(real_drivers); i++) {
		if (strncmp(driver, real_drivers[i], strlen(real_drivers[i])) == 0)
			return true;
	}
	return false;
}

// ENA wants every frame prepared by a call of its own, which costs more than the sum of a reply.
static bool is_filler(const char *driver)
{
	return is_real(driver) && strcmp(driver, "net_ena") != 0;
}

enum offload_use offload_use(void)
{
	const char *text = secure_getenv("BURST53_OFFLOADS");

	return text != NULL && strcmp(text, "off") == 0 ? OFFLOAD_NONE : OFFLOAD_KNOWN;
}

void offload_choose(const struct rte_eth_dev_info *info, unsigned queues, enum offload_use use,
	struct offload *out)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const uint64_t tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t hash = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |
		RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;

	*out = (struct offload){0};
	if (use == OFFLOAD_KNOWN && (info->rx_offload_capa & rx) == rx &&
		is_real(info->driver_name))
		out->rx = rx;
	if (use == OFFLOAD_KNOWN && (info->tx_offload_capa & tx) == tx &&
		is_filler(info->driver_name))
		out->tx = tx;
	if (queues > 1)
		out->hash = info->flow_type_rss_offloads & hash;
}

static const char *hash_text(uint64_t hash)
{
	const uint64_t udp = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	if ((hash & udp) == udp)
		return "udp4,udp6";
	if ((hash & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0)
		return "udp4";
	return hash != 0 ? "addresses" : "none";
}

void offload_print(const struct offload *o, char text[OFFLOAD_TEXT_BYTES])
{
	(void)snprintf(text, OFFLOAD_TEXT_BYTES, "rx_checksums=%s tx_checksums=%s hash=%s",
		o->rx != 0 ? "ip4,udp" : "software", o->tx != 0 ? "udp" : "software",
		hash_text(o->hash));
}
