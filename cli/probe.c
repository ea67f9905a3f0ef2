// SPDX-License-Identifier: Apache-2.0
// Duplicate address detection on a raw socket: ARP probes (RFC 5227 2.1.1) and neighbour
// solicitations from the unspecified address (RFC 4862 5.4.2). The waits are shorter than there:
// an operator waits for the answer, and the address is answered by workers on the same link anyway.
#include "cli/probe.h"

#include "cli/proc.h"

#include "zones/base/be.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	ROUNDS = 3,
	ROUND_MS = 100,
	ARP_FRAME_BYTES = 42,
	NS_FRAME_BYTES = 14 + 40 + 24,
	FRAMES_PER_TURN_MAX = 1000, // a busy link must not hold the start up
	ICMP6_NS = 135,
	ICMP6_NA = 136,
};

static void put_ethernet(uint8_t *f, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	memcpy(f, to, 6);
	memcpy(f + 6, from, 6);
	be16_put(f + 12, type);
}

// RFC 5227 2.1.1: the sender's address of a probe is zero, so that no cache learns from it.
static size_t build_arp(const struct net_link *link, const struct address *a, uint8_t *f)
{
	static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

	memset(f, 0, ARP_FRAME_BYTES);
	put_ethernet(f, broadcast, link->mac, ETHERTYPE_ARP);
	be16_put(f + 14, 1); // Ethernet
	be16_put(f + 16, ETHERTYPE_IP);
	f[18] = 6;
	f[19] = 4;
	be16_put(f + 20, 1); // request
	memcpy(f + 22, link->mac, 6);
	memcpy(f + 38, a->bytes, 4);
	return ARP_FRAME_BYTES;
}

static uint16_t icmp6_checksum(const uint8_t *ip, const uint8_t *icmp, size_t size_bytes)
{
	uint32_t sum = (uint32_t)size_bytes + IPPROTO_ICMPV6;

	for (size_t i = 8; i < 40; i += 2)
		sum += be16_get(ip + i);
	for (size_t i = 0; i < size_bytes; i += 2)
		sum += be16_get(icmp + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

// RFC 4862 5.4.2: from ::, to the solicited-node group, without a source link-layer option.
static size_t build_ns(const struct net_link *link, const struct address *a, uint8_t *f)
{
	const uint8_t group[16] = {
		0xff, 0x02, [11] = 1, [12] = 0xff, a->bytes[13], a->bytes[14], a->bytes[15]};
	const uint8_t mac[6] = {0x33, 0x33, 0xff, a->bytes[13], a->bytes[14], a->bytes[15]};
	uint8_t *ip = f + 14, *icmp = ip + 40;

	memset(f, 0, NS_FRAME_BYTES);
	put_ethernet(f, mac, link->mac, ETHERTYPE_IPV6);
	ip[0] = 0x60;
	be16_put(ip + 4, 24);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 24, group, 16);
	icmp[0] = ICMP6_NS;
	memcpy(icmp + 8, a->bytes, 16);
	be16_put(icmp + 2, icmp6_checksum(ip, icmp, 24));
	return NS_FRAME_BYTES;
}

static int open_raw(const struct net_link *link, struct err *err)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = link->index};
	struct packet_mreq all = {.mr_ifindex = link->index, .mr_type = PACKET_MR_ALLMULTI};
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0)
		return err_set(err, -errno, "raw socket: %s", strerror(errno));
	if (bind(sock, (const struct sockaddr *)&ll, sizeof(ll)) != 0 ||
		setsockopt(sock, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0) {
		int rc = err_set(err, -errno, "raw socket on %s: %s", link->name, strerror(errno));
		(void)close(sock);
		return rc;
	}
	return sock;
}

// The MAC of whoever claims the address in this frame, or NULL.
static const uint8_t *claimant(const struct address *a, const uint8_t *f, size_t size_bytes)
{
	if (size_bytes < ARP_FRAME_BYTES)
		return NULL;
	uint16_t type = be16_get(f + 12);
	// A request and a reply both claim the sender's address.
	if (a->family == 4 && type == ETHERTYPE_ARP)
		return memcmp(f + 28, a->bytes, 4) == 0 ? f + 22 : NULL;
	if (a->family != 6 || type != ETHERTYPE_IPV6 || size_bytes < NS_FRAME_BYTES)
		return NULL;
	if (f[14 + 6] != IPPROTO_ICMPV6 || f[14 + 40] != ICMP6_NA)
		return NULL;
	return memcmp(f + 14 + 40 + 8, a->bytes, 16) == 0 ? f + 6 : NULL;
}

static int judge_frame(const struct net_link *link, const struct address *all, size_t n,
	const uint8_t *f, size_t size_bytes, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *mac = claimant(&all[i], f, size_bytes);
		if (mac == NULL || memcmp(mac, link->mac, 6) == 0)
			continue;
		return err_set(err, -EADDRINUSE,
			"%s is already answered on %s by %02x:%02x:%02x:%02x:%02x:%02x",
			all[i].text, link->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
	return 0;
}

void probe_stop(struct probe *p)
{
	if (p->sock >= 0)
		(void)close(p->sock);
	p->sock = -1;
}

static void send_round(struct probe *p)
{
	for (size_t i = 0; i < p->n; i++) {
		uint8_t f[NS_FRAME_BYTES];
		size_t size = p->addresses[i].family == 4 ? build_arp(p->link, &p->addresses[i], f)
							  : build_ns(p->link, &p->addresses[i], f);
		// A link that cannot send has nobody who answers either.
		(void)send(p->sock, f, size, 0);
	}
	p->round++;
	p->round_ends_ms = proc_now_ms() + ROUND_MS;
}

static int read_frames(const struct probe *p, struct err *err)
{
	for (unsigned i = 0; i < FRAMES_PER_TURN_MAX; i++) {
		uint8_t f[128];
		ssize_t size = recv(p->sock, f, sizeof(f), 0);
		if (size < 0)
			return 0;
		int rc = judge_frame(p->link, p->addresses, p->n, f, (size_t)size, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int probe_start(struct probe *p, const struct net_link *link, const struct address *addresses,
	size_t n, struct err *err)
{
	*p = (struct probe){.link = link, .n = n, .sock = -1};
	if (n == 0 || !link->has_arp)
		return 0;
	memcpy(p->addresses, addresses, n * sizeof(addresses[0]));
	int sock = open_raw(link, err);
	if (sock < 0)
		return sock;
	p->sock = sock;
	send_round(p);
	return 0;
}

int probe_turn(struct probe *p, struct err *err)
{
	int rc = read_frames(p, err);

	if (rc == 0 && proc_now_ms() < p->round_ends_ms)
		return 0;
	if (rc == 0 && p->round < ROUNDS)
		send_round(p);
	else
		probe_stop(p);
	return rc;
}

int probe_wait_ms(const struct probe *p, int at_most_ms)
{
	uint64_t now = proc_now_ms();
	uint64_t left = p->round_ends_ms > now ? p->round_ends_ms - now : 0;

	return p->sock < 0 || left > (uint64_t)at_most_ms ? at_most_ms : (int)left;
}
