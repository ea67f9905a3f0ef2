// SPDX-License-Identifier: Apache-2.0
// Sets a port up: pool, queues, RSS, multicast groups.
#include "dataplane/port/port.h"

#include "dataplane/port/eal.h"
#include "dataplane/port/netif.h"
#include "dataplane/port/xdp.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	DESCRIPTORS = 1024,
	POOL_CACHE = 256,
	LINK_HEADER_BYTES = 14 + 4,
	MTU_DEFAULT = 1500,
	// enum frame_trust of dataplane/net, which knows nothing of ports.
	TRUST_ALL = 3,
};

int port_preflight(const struct port_spec *spec, unsigned *mtu, struct err *err)
{
	*mtu = MTU_DEFAULT;
	if (!port_spec_has_interface(spec))
		return 0;
	int rc = netif_check(spec->ifname, err);
	if (rc != 0)
		return rc;
	*mtu = netif_mtu(spec->ifname);
	unsigned max = spec->kind == PORT_AF_XDP ? XDP_MTU_MAX : PORT_MTU_MAX;
	if (*mtu > max)
		return err_set(err, -EMSGSIZE,
			"port: MTU %u of %s is larger than the buffers (%u at most)", *mtu,
			spec->ifname, max);
	return spec->kind == PORT_AF_XDP ? xdp_check(spec->ifname, err) : 0;
}

static int pool_new(const struct port_options *o, struct port *p, int socket, struct err *err)
{
	unsigned room = eal_ring_frame_bytes(p->mtu + LINK_HEADER_BYTES) + RTE_PKTMBUF_HEADROOM;
	// Rings of both directions, what a worker holds, and what waits for the slow path.
	unsigned n = 4095 + p->queues * (2 * DESCRIPTORS + 2 * POOL_CACHE);

	p->pool = rte_pktmbuf_pool_create(
		"frames", n, POOL_CACHE, PORT_PRIVATE_BYTES, (uint16_t)room, socket);
	if (p->pool == NULL)
		return err_set(err, -ENOMEM, "port: no memory for %u frames of %u bytes (%s)", n,
			room, rte_strerror(rte_errno));
	return 0;
}

// Which flags of received frames count. virtio and vdevs pass on what a peer's kernel left
// unfinished, so only real devices are believed (spec/performance 5.4).
static uint64_t checksum_offloads(const struct rte_eth_dev_info *info)
{
	const uint64_t want = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	static const char *const real[] = {"net_e1000", "net_ixgbe", "net_i40e", "net_ice",
		"net_iavf", "net_igc", "mlx5_pci", "net_bnxt", "net_ena"};

	if ((info->rx_offload_capa & want) != want)
		return 0;
	for (size_t i = 0; i < RTE_DIM(real); i++) {
		if (strncmp(info->driver_name, real[i], strlen(real[i])) == 0)
			return want;
	}
	return 0;
}

static int device_configure(struct port *p, const struct rte_eth_dev_info *info, struct err *err)
{
	// An interface of the kernel has its own MTU; drivers know only their default.
	struct rte_eth_conf conf = {.rxmode.mtu = p->ifname[0] != 0 ? 0 : p->mtu};
	const uint64_t hash = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |
		RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;

	if (p->queues > info->max_rx_queues || p->queues > info->max_tx_queues)
		return err_set(err, -EINVAL, "port: %u workers, but only %u queues", p->queues,
			(unsigned)RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	if (p->queues > 1 && (info->flow_type_rss_offloads & hash) != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & hash;
	}
	conf.rxmode.offloads = checksum_offloads(info);
	p->trust = conf.rxmode.offloads != 0 ? TRUST_ALL : 0;
	int rc = rte_eth_dev_configure(p->id, (uint16_t)p->queues, (uint16_t)p->queues, &conf);
	return rc == 0 ? 0 : err_set(err, rc, "port: configuration refused (%s)", strerror(-rc));
}

static int queues_configure(struct port *p, int socket, struct err *err)
{
	uint16_t n_rx = DESCRIPTORS, n_tx = DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &n_rx, &n_tx);

	for (uint16_t q = 0; q < p->queues && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup(p->id, q, n_rx, (unsigned)socket, NULL, p->pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(p->id, q, n_tx, (unsigned)socket, NULL);
	}
	return rc == 0 ? 0 : err_set(err, rc, "port: queues refused (%s)", strerror(-rc));
}

// Multicast filters work on real ports, unlike under promiscuous mode, which would hide that
// (DESIGN 4); an interface of the kernel gets memberships through a socket instead.
static int groups_join(const struct port_options *o, struct port *p, struct err *err)
{
	struct rte_ether_addr macs[PORT_GROUPS_MAX];
	size_t n = RTE_MIN(o->n_groups, (size_t)PORT_GROUPS_MAX);

	if (n == 0)
		return 0;
	if (p->ifname[0] != 0) {
		p->group_fd = netif_join(p->ifname, o->groups, n);
		return p->group_fd >= 0 ? 0
					: err_set(err, p->group_fd, "port: multicast groups: %s",
						  strerror(-p->group_fd));
	}
	for (size_t i = 0; i < n; i++)
		memcpy(macs[i].addr_bytes, o->groups[i], 6);
	if (rte_eth_dev_set_mc_addr_list(p->id, macs, (uint32_t)n) == 0)
		return 0;
	// Without both the port filters nothing (net_ring) or is no use for IPv6: ND would tell.
	(void)rte_eth_allmulticast_enable(p->id);
	return 0;
}

static int device_find(struct port *p, struct err *err)
{
	uint16_t n = rte_eth_dev_count_avail();

	if (n != 1)
		return err_set(err, -ENODEV, "port: DPDK found %u devices instead of one", n);
	p->id = rte_eth_find_next(0);
	return 0;
}

int port_open(const struct port_options *o, unsigned mtu, struct port *p, struct err *err)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;

	*p = (struct port){.id = RTE_MAX_ETHPORTS,
		.mtu = (uint16_t)mtu,
		.queues = o->queues,
		.group_fd = -1,
		.xdp_fd = -1};
	memcpy(p->ifname, o->spec.ifname, sizeof(p->ifname));
	int rc = device_find(p, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc == 0)
		rc = rte_eth_macaddr_get(p->id, &mac);
	if (rc != 0)
		return err_set(err, rc, "port: %s", strerror(-rc));
	memcpy(p->mac, mac.addr_bytes, 6);
	int socket = rte_eth_dev_socket_id(p->id);
	rc = pool_new(o, p, socket, err);
	if (rc == 0)
		rc = device_configure(p, &info, err);
	if (rc == 0)
		rc = queues_configure(p, socket, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_start(p->id);
	if (rc != 0)
		return err_set(err, rc, "port: cannot start (%s)", strerror(-rc));
	if (o->spec.kind == PORT_AF_XDP) {
		p->xdp_fd = xdp_hold(p->ifname, err);
		if (p->xdp_fd < 0)
			return p->xdp_fd;
	}
	return groups_join(o, p, err);
}

void port_close(struct port *p)
{
	if (p->group_fd >= 0)
		(void)close(p->group_fd);
	if (p->xdp_fd >= 0) {
		// The driver complains that it may not detach the program, which is not its own.
		(void)rte_log_set_level_pattern("pmd.net.af_xdp", RTE_LOG_CRIT);
		(void)close(p->xdp_fd);
	}
	if (p->id < RTE_MAX_ETHPORTS) {
		(void)rte_eth_dev_stop(p->id); // the process ends anyway
		(void)rte_eth_dev_close(p->id);
	}
	p->group_fd = -1;
	p->xdp_fd = -1;
	p->id = RTE_MAX_ETHPORTS;
}

bool port_is_link_up(const struct port *p)
{
	struct rte_eth_link link = {0};

	if (p->ifname[0] != 0)
		return netif_is_running(p->ifname);
	return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void port_losses_read(const struct port *p, struct port_losses *out)
{
	struct rte_eth_stats stats = {0};

	*out = (struct port_losses){0};
	if (rte_eth_stats_get(p->id, &stats) != 0)
		return;
	out->missed = stats.imissed;
	out->no_buffer = stats.rx_nombuf;
}
