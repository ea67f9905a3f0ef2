// SPDX-License-Identifier: Apache-2.0
// IPv4 (RFC 791, RFC 1122 3.2.1; proto:I3, I4, I7, I9).
#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"

enum { IP4_DONT_FRAGMENT = 0x4000, IP4_FRAGMENT_MASK = 0x3fff, IP_TTL = 64 };

// proto:I7. 240.0.0.0/4 is in use inside some clusters and passes (zones/DECISIONS.md 15).
bool ip4_is_source_right(const struct host *h, const uint8_t *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (a[0] == 0 || a[0] == 127 || (a[0] & 0xf0) == 0xe0 || memcmp(a, broadcast, 4) == 0)
		return false;
	return host_find4(h, a) == HOST_NONE && !host_is_broadcast4(h, a);
}

// The header's checksum makes its own sum all ones (RFC 791 3.1).
static bool is_header_right(const struct frame *f, const struct ip4_header *ip)
{
	return (f->trust & FRAME_TRUST_IP4) ||
		cksum_fold(cksum_add(0, (const uint8_t *)ip, (ip->version_ihl & 15u) * 4u)) ==
		0xffff;
}

// What a worker answers itself: the whole header must be right.
static enum verdict served_parse(
	const struct host *h, struct frame *f, const struct ip4_header *ip, size_t left)
{
	size_t header = (ip->version_ihl & 15u) * 4u;
	size_t total = be16_to(ip->total_bytes);

	if (total < header || total > left)
		return frame_drop(f, DROP_IP4_HEADER);
	if (!is_header_right(f, ip))
		return frame_drop(f, DROP_IP4_CHECKSUM);
	if (header != IP4_BYTES)
		return frame_drop(f, DROP_IP4_OPTIONS);
	if (!ip4_is_source_right(h, ip->src))
		return frame_drop(f, DROP_IP_SOURCE);
	f->l4 = (uint16_t)(f->l3 + IP4_BYTES);
	f->l4_bytes = (uint16_t)(total - IP4_BYTES);
	if (ip->proto == IP_ICMP)
		return icmp4_parse(h, f);
	return udp_parse(f, cksum_pseudo(ip->src, 4, IP_UDP, f->l4_bytes));
}

// TCP is the kernel side's, which checks the rest; a source route is nobody's business.
static enum verdict stream_parse(const struct host *h, struct frame *f, const struct ip4_header *ip)
{
	if ((ip->version_ihl & 15u) * 4u != IP4_BYTES)
		return frame_drop(f, DROP_IP4_OPTIONS);
	if (!ip4_is_source_right(h, ip->src))
		return frame_drop(f, DROP_IP_SOURCE);
	return frame_except(h, f, DROP_IP_PROTOCOL);
}

enum verdict ip4_parse(const struct host *h, struct frame *f)
{
	const struct ip4_header *ip = (const struct ip4_header *)(f->bytes + f->l3);
	size_t left = f->size_bytes < f->l3 ? 0 : (size_t)f->size_bytes - f->l3;

	if (left < IP4_BYTES || ip->version_ihl >> 4 != 4 || (ip->version_ihl & 15) < 5 ||
		(ip->version_ihl & 15u) * 4u > left)
		return frame_drop(f, DROP_IP4_HEADER);
	f->family = 4;
	f->address = host_find4(h, ip->dst);
	if (f->address == HOST_NONE) // proto:I7, H21
		return frame_drop(f, DROP_IP_DESTINATION);
	if (!frame_is_to_mac(h, f)) // proto:I1: unicast in a broadcast frame
		return frame_drop(f, DROP_ETH_OTHER);
	bool is_fragment = (be16_to(ip->fragment) & IP4_FRAGMENT_MASK) != 0;
	if (h->addresses[f->address].is_shared && (ip->proto != IP_UDP || is_fragment))
		return frame_drop(f, DROP_KERNEL);
	if (ip->proto == IP_TCP)
		return stream_parse(h, f, ip);
	if (ip->proto != IP_UDP && ip->proto != IP_ICMP)
		return frame_drop(f, DROP_IP_PROTOCOL);
	if (is_fragment && ip->proto == IP_UDP) // proto:I4
		return frame_drop(f, DROP_IP4_FRAGMENT);
	if (is_fragment)
		return frame_except(h, f, DROP_IP4_FRAGMENT);
	return served_parse(h, f, ip, left);
}

uint64_t ip4_turn(struct frame *f, enum ip_proto proto, size_t payload_bytes)
{
	struct ip4_header *ip = (struct ip4_header *)(f->bytes + f->l3);
	struct ip4_header out = {.version_ihl = 0x45,
		.total_bytes = be16_from((uint16_t)(IP4_BYTES + payload_bytes)),
		.fragment = be16_from(IP4_DONT_FRAGMENT),
		.ttl = IP_TTL,
		.proto = (uint8_t)proto};
	uint32_t src, dst;

	// proto:I9: an atomic datagram, so ID 0 (RFC 6864 4); not-ECT, DSCP 0. The sum is made of
	// values: reading back what was just stored in smaller pieces would stall.
	memcpy(&src, ip->src, 4);
	memcpy(&dst, ip->dst, 4);
	uint64_t addresses = (uint64_t)src + dst;
	out.checksum = cksum_finish(addresses + be16_from(0x4500).raw + out.total_bytes.raw +
		out.fragment.raw + be16_from((uint16_t)(IP_TTL << 8 | proto)).raw);
	memcpy(out.src, &dst, 4);
	memcpy(out.dst, &src, 4);
	*ip = out;
	return addresses;
}
