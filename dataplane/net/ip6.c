// SPDX-License-Identifier: Apache-2.0
// IPv6 (RFC 8200; proto:I7, I8, I10).
#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"

enum { IP_HOP_LIMIT = 64, MLD_QUERY = 130 };

// proto:I7: ours, ::, ::1, multicast and IPv4-mapped sources cannot be answered.
bool ip6_is_source_right(const struct host *h, const uint8_t *a)
{
	static const uint8_t zero[15];
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (a[0] == 0xff || (memcmp(a, zero, 15) == 0 && a[15] <= 1) || memcmp(a, mapped, 12) == 0)
		return false;
	return host_find6(h, a) == HOST_NONE;
}

static bool is_extension(uint8_t next)
{
	return next == IP_HOP_BY_HOP || next == IP_ROUTING || next == IP_AUTH ||
		next == IP_DEST_OPTIONS || next == IP_MOBILITY || next == IP_HIP ||
		next == IP_SHIM6;
}

// The hop-by-hop header in front of multicast listener messages (RFC 3810 5): router alert and
// padding. Any other the kernel side might complain about, even by multicast (RFC 8200 4.2).
static bool is_router_alert(const struct frame *f)
{
	static const uint8_t header[] = {IP_ICMP6, 0, 5, 2, 0, 0, 1, 0};
	const uint8_t *next = f->bytes + f->l4;

	return f->l4_bytes >= sizeof(header) + ICMP_BYTES &&
		memcmp(next, header, sizeof(header)) == 0 && next[sizeof(header)] == MLD_QUERY;
}

// Of the multicast only neighbour discovery concerns us, and on the way to the kernel side the
// multicast listener's queries.
static enum verdict multicast_parse(const struct host *h, struct frame *f, uint8_t next)
{
	if (next == IP_ICMP6)
		return icmp6_parse(h, f);
	if (next == IP_HOP_BY_HOP && is_router_alert(f))
		return frame_except(h, f, DROP_IP6_EXTENSION);
	return frame_drop(f, DROP_IP_DESTINATION);
}

static enum verdict served_parse(const struct host *h, struct frame *f, const struct ip6_header *ip)
{
	if (ip->next == IP_ICMP6)
		return icmp6_parse(h, f);
	if (ip->next == IP_FRAGMENT) // atomic ones too
		return frame_drop(f, DROP_IP6_FRAGMENT);
	if (is_extension(ip->next))
		return frame_drop(f, DROP_IP6_EXTENSION);
	if (ip->next != IP_UDP && ip->next != IP_TCP)
		return frame_drop(f, DROP_IP_PROTOCOL);
	if (!ip6_is_source_right(h, ip->src))
		return frame_drop(f, DROP_IP_SOURCE);
	if (ip->next == IP_TCP)
		return frame_except(h, f, DROP_IP_PROTOCOL);
	return udp_parse(f, cksum_pseudo(ip->src, 16, IP_UDP, f->l4_bytes));
}

enum verdict ip6_parse(const struct host *h, struct frame *f)
{
	const struct ip6_header *ip = (const struct ip6_header *)(f->bytes + f->l3);
	size_t left = f->size_bytes < f->l3 ? 0 : (size_t)f->size_bytes - f->l3;

	if (left < IP6_BYTES || be32_to(ip->version_class_flow) >> 28 != 6)
		return frame_drop(f, DROP_IP6_HEADER);
	f->family = 6;
	f->address = host_find6(h, ip->dst);
	bool is_served = f->address != HOST_NONE;
	if (!is_served && ip->dst[0] != 0xff) // proto:I7, H21
		return frame_drop(f, DROP_IP_DESTINATION);
	if (is_served && !frame_is_to_mac(h, f)) // proto:I1
		return frame_drop(f, DROP_ETH_OTHER);
	if (is_served && h->addresses[f->address].is_shared && ip->next != IP_UDP)
		return frame_drop(f, DROP_KERNEL);
	// TCP of a local kernel comes in frames longer than our buffers: whoever takes it looks.
	if (is_served && ip->next != IP_UDP && ip->next != IP_ICMP6)
		return served_parse(h, f, ip);
	if (be16_to(ip->payload_bytes) > left - IP6_BYTES)
		return frame_drop(f, DROP_IP6_HEADER);
	f->l4 = (uint16_t)(f->l3 + IP6_BYTES);
	f->l4_bytes = be16_to(ip->payload_bytes);
	return is_served ? served_parse(h, f, ip) : multicast_parse(h, f, ip->next);
}

uint64_t ip6_turn(struct frame *f, enum ip_proto proto, size_t payload_bytes)
{
	struct ip6_header *ip = (struct ip6_header *)(f->bytes + f->l3);
	uint64_t src[2], dst[2];

	memcpy(src, ip->src, 16);
	memcpy(dst, ip->dst, 16);
	ip->version_class_flow = be32_from(6u << 28); // proto:I10: flow label 0 (RFC 6437 3)
	ip->payload_bytes = be16_from((uint16_t)payload_bytes);
	ip->next = (uint8_t)proto;
	ip->hop_limit = IP_HOP_LIMIT;
	memcpy(ip->src, dst, 16);
	memcpy(ip->dst, src, 16);
	return cksum_plus(cksum_plus(src[0], src[1]), cksum_plus(dst[0], dst[1]));
}
