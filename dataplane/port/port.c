// SPDX-License-Identifier: Apache-2.0
// Sets a port up: pool, queues, RSS, multicast groups.
#include "dataplane/port/port.h"

#include "dataplane/port/eal.h"
#include "dataplane/port/netif.h"
#include "dataplane/port/pci.h"
#include "dataplane/port/xdp.h"

#include "dataplane/base/log.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	DESCRIPTORS = 1024,
	POOL_CACHE = 256,
	LINK_HEADER_BYTES = 14 + 4,
	MTU_DEFAULT = 1500,
	// enum frame_trust of dataplane/net, which knows nothing of ports.
	TRUST_RECEIVED = 3,
	TRUST_SENT = 4,
	LOOKS_EACH = 5, // calls of port_loss for one question to the kernel
};

int port_preflight(const struct port_spec *spec, unsigned *mtu, struct err *err)
{
	*mtu = *mtu != 0 ? *mtu : MTU_DEFAULT;
	if (spec->kind == PORT_PCI)
		return pci_check(spec->device, err);
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

// AF_XDP's driver keeps 2,048 frames at hand in each direction: with shorter rings it loses what
// comes while the worker has lost its CPU for a millisecond.
static uint16_t descriptors(const struct rte_eth_dev_info *info)
{
	unsigned own =
		RTE_MAX(info->default_rxportconf.ring_size, info->default_txportconf.ring_size);

	return (uint16_t)RTE_MAX(own, (unsigned)DESCRIPTORS);
}

static int pool_new(struct port *p, unsigned n_ring, int socket, struct err *err)
{
	unsigned room = eal_ring_frame_bytes(p->mtu + LINK_HEADER_BYTES) + RTE_PKTMBUF_HEADROOM;
	// Rings of both directions, what a worker holds, and what waits for the slow path.
	unsigned n = 4095 + p->queues * (2 * n_ring + 2 * POOL_CACHE);

	p->pool = rte_pktmbuf_pool_create(
		"frames", n, POOL_CACHE, PORT_PRIVATE_BYTES, (uint16_t)room, socket);
	if (p->pool == NULL)
		return err_set(err, -ENOMEM, "port: no memory for %u frames of %u bytes (%s)", n,
			room, rte_strerror(rte_errno));
	return 0;
}

static int device_configure(const struct port_options *o, const struct rte_eth_dev_info *info,
	struct port *p, struct err *err)
{
	// An interface of the kernel has its own MTU; drivers know only their default.
	struct rte_eth_conf conf = {.rxmode.mtu = p->ifname[0] != 0 ? 0 : p->mtu};

	if (p->queues > info->max_rx_queues || p->queues > info->max_tx_queues)
		return err_set(err, -EINVAL, "port: %u workers, but only %u queues", p->queues,
			(unsigned)RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	if (conf.rxmode.mtu > info->max_mtu)
		return err_set(err, -EINVAL, "port: MTU %u, but the card has %u at most",
			conf.rxmode.mtu, (unsigned)info->max_mtu);
	offload_choose(info, p->queues, o->offloads, &p->offload);
	if (p->offload.hash != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = p->offload.hash;
	}
	conf.rxmode.offloads = p->offload.rx;
	conf.txmode.offloads = p->offload.tx;
	p->trust = p->offload.rx != 0 ? TRUST_RECEIVED : 0;
	p->trust |= p->offload.tx != 0 ? TRUST_SENT : 0;
	int rc = rte_eth_dev_configure(p->id, (uint16_t)p->queues, (uint16_t)p->queues, &conf);
	return rc == 0 ? 0 : err_set(err, rc, "port: configuration refused (%s)", strerror(-rc));
}

static int queues_configure(struct port *p, uint16_t n_ring, int socket, struct err *err)
{
	uint16_t n_rx = n_ring, n_tx = n_ring;
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

	p->filter = "none";
	if (n == 0)
		return 0;
	if (p->ifname[0] != 0) {
		p->filter = "interface";
		p->group_fd = netif_join(p->ifname, o->groups, n);
		return p->group_fd >= 0 ? 0
					: err_set(err, p->group_fd, "port: multicast groups: %s",
						  strerror(-p->group_fd));
	}
	for (size_t i = 0; i < n; i++)
		memcpy(macs[i].addr_bytes, o->groups[i], 6);
	p->filter = "list";
	if (o->offloads == OFFLOAD_KNOWN &&
		rte_eth_dev_set_mc_addr_list(p->id, macs, (uint32_t)n) == 0)
		return 0;
	// Without both the port filters nothing (net_ring) or is no use for IPv6: ND would tell.
	p->filter = rte_eth_allmulticast_enable(p->id) == 0 ? "all" : "none";
	return 0;
}

// What a person has to know of a port that nothing else shows any more.
static void port_log(const struct port *p, const struct rte_eth_dev_info *info)
{
	const char *device = rte_dev_name(info->device);
	char text[OFFLOAD_TEXT_BYTES], group[16], mac[RTE_ETHER_ADDR_FMT_SIZE];

	pci_group(device, group, sizeof(group));
	offload_print(&p->offload, text);
	rte_ether_format_addr(mac, sizeof(mac), (const struct rte_ether_addr *)p->mac);
	log_line(LOG_LEVEL_INFO, "port", "opened",
		"device=%s driver=%s iommu_group=%s iova=%s mac=%s mtu=%u queues=%u %s "
		"multicast=%s",
		device, info->driver_name, group, rte_eal_iova_mode() == RTE_IOVA_VA ? "va" : "pa",
		mac, p->mtu, p->queues, text, p->filter);
}

static int device_find(const struct port_spec *spec, struct port *p, struct err *err)
{
	uint16_t n = rte_eth_dev_count_avail();

	if (n != 1 && spec->kind == PORT_PCI)
		return err_set(err, -ENODEV,
			"port: DPDK cannot use %s (%u ports): see its lines above, and burst53 nic "
			"explain %s",
			spec->device, n, spec->device);
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
		.xdp_fd = -1,
		.vf = {.fd = -1}};
	memcpy(p->ifname, o->spec.ifname, sizeof(p->ifname));
	int rc = device_find(&o->spec, p, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_info_get(p->id, &info);
	if (rc == 0)
		rc = rte_eth_macaddr_get(p->id, &mac);
	if (rc != 0)
		return err_set(err, rc, "port: %s", strerror(-rc));
	memcpy(p->mac, mac.addr_bytes, 6);
	int socket = rte_eth_dev_socket_id(p->id);
	rc = pool_new(p, descriptors(&info), socket, err);
	if (rc == 0)
		rc = device_configure(o, &info, p, err);
	if (rc == 0)
		rc = queues_configure(p, descriptors(&info), socket, err);
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
	rc = groups_join(o, p, err);
	if (rc != 0)
		return rc;
	if (o->spec.kind == PORT_PCI) {
		pci_watch(rte_dev_name(info.device), p->id);
		vf_open("/sys/bus/pci/devices", rte_dev_name(info.device), info.driver_name,
			&p->vf);
	}
	port_log(p, &info);
	return 0;
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
	vf_close(&p->vf);
	p->group_fd = -1;
	p->xdp_fd = -1;
	p->id = RTE_MAX_ETHPORTS;
}

const char *port_loss(struct port *p)
{
	if (pci_loss() != NULL)
		return pci_loss();
	return ++p->looks % LOOKS_EACH == 0 ? vf_loss(&p->vf) : NULL;
}

bool port_is_link_up(const struct port *p)
{
	struct rte_eth_link link = {0};

	if (p->ifname[0] != 0)
		return netif_is_running(p->ifname);
	if (p->vf.is_stopped)
		return false; // what the function itself says is that of before
	return rte_eth_link_get_nowait(p->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

unsigned port_buffers_missing(const struct port *p)
{
	return p->pool == NULL ? 0 : p->pool->size - rte_mempool_avail_count(p->pool);
}

void port_losses_read(const struct port *p, struct port_losses *out)
{
	struct rte_eth_stats stats = {0};

	*out = (struct port_losses){0};
	if (rte_eth_stats_get(p->id, &stats) != 0)
		return;
	out->rx_pkts = stats.ipackets;
	out->tx_pkts = stats.opackets;
	out->rx_bytes = stats.ibytes;
	out->tx_bytes = stats.obytes;
	out->rx_errors = stats.ierrors;
	out->tx_errors = stats.oerrors;
	out->missed = stats.imissed;
	out->no_buffer = stats.rx_nombuf;
}
