// SPDX-License-Identifier: Apache-2.0
// ICMPv6 echo and neighbour solicitations for our addresses (RFC 4443, RFC 4861; proto:I13, I14).
// Router advertisements, neighbour advertisements and errors go to the kernel side; redirects do
// not: whoever is on the link could take the replies.
#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_BAD_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_SOLICIT = 135,
	ICMP6_ADVERT = 136,
};

enum {
	ND_HOP_LIMIT = 255,
	ND_OPTIONS_MAX = 16,
	ND_OPTION_SOURCE_MAC = 1,
	ND_OPTION_TARGET_MAC = 2,
	ND_FIXED_BYTES = ICMP_BYTES + 16,
	ND_SOLICITED = 0x40000000,
	ND_OVERRIDE = 0x20000000,
};

static const uint8_t unspecified[16];
static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

static bool is_sum_right(const struct frame *f, const struct ip6_header *ip)
{
	uint64_t sum = cksum_pseudo(ip->src, 16, IP_ICMP6, f->l4_bytes);

	return cksum_fold(cksum_add(sum, f->bytes + f->l4, f->l4_bytes)) == 0xffff;
}

static bool is_solicited_node(const uint8_t *dst)
{
	static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return memcmp(dst, prefix, sizeof(prefix)) == 0;
}

// RFC 4861 7.1.1: every option has a size; without a source address there is no source MAC.
static bool are_options_right(const uint8_t *p, size_t left, bool has_source)
{
	for (unsigned n = 0; left > 0; n++) {
		size_t size = left < 2 ? 0 : p[1] * 8u;
		if (size == 0 || size > left || n == ND_OPTIONS_MAX)
			return false;
		if (p[0] == ND_OPTION_SOURCE_MAC && !has_source)
			return false;
		p += size;
		left -= size;
	}
	return true;
}

static enum verdict solicit_parse(
	const struct host *h, struct frame *f, const struct ip6_header *ip)
{
	const struct nd_pkt *nd = (const struct nd_pkt *)(f->bytes + f->l4);
	bool has_source = memcmp(ip->src, unspecified, 16) != 0;

	// RFC 4861 7.1.1, in its order.
	if (ip->hop_limit != ND_HOP_LIMIT || nd->icmp.code != 0 || f->l4_bytes < ND_FIXED_BYTES ||
		nd->target[0] == 0xff ||
		!are_options_right(f->bytes + f->l4 + ND_FIXED_BYTES,
			(size_t)f->l4_bytes - ND_FIXED_BYTES, has_source) ||
		(!has_source && !is_solicited_node(ip->dst)))
		return frame_drop(f, DROP_ND_BAD);
	f->address = host_find6(h, nd->target);
	if (f->address == HOST_NONE || (!is_solicited_node(ip->dst) && ip->dst[0] == 0xff))
		return frame_drop(f, DROP_ND_OTHER);
	if (h->addresses[f->address].is_shared)
		return frame_drop(f, DROP_KERNEL);
	if (host_find6(h, ip->src) != HOST_NONE)
		return frame_drop(f, DROP_ADDRESS_CONFLICT);
	if (has_source && !ip6_is_source_right(h, ip->src)) // proto:I7
		return frame_drop(f, DROP_IP_SOURCE);
	f->answer = FRAME_SOLICIT;
	return VERDICT_ANSWER;
}

// Of what came by multicast: what routers and neighbours tell.
static enum verdict news_parse(const struct host *h, struct frame *f, const struct ip6_header *ip)
{
	const struct nd_pkt *nd = (const struct nd_pkt *)(f->bytes + f->l4);

	if (ip->hop_limit != ND_HOP_LIMIT || nd->icmp.code != 0)
		return frame_drop(f, DROP_ND_BAD);
	if (nd->icmp.type == ICMP6_ADVERT && f->l4_bytes >= ND_FIXED_BYTES &&
		host_find6(h, nd->target) != HOST_NONE)
		return frame_drop(f, DROP_ADDRESS_CONFLICT);
	return frame_except(h, f, DROP_ND_OTHER);
}

static enum verdict echo_parse(const struct host *h, struct frame *f, const struct ip6_header *ip)
{
	const struct icmp_header *icmp = (const struct icmp_header *)(f->bytes + f->l4);

	if (ip->dst[0] == 0xff)
		return frame_drop(f, DROP_IP_DESTINATION);
	if (icmp->code != 0)
		return frame_drop(f, DROP_ICMP_BAD);
	if (!ip6_is_source_right(h, ip->src)) // proto:I7
		return frame_drop(f, DROP_IP_SOURCE);
	f->answer = FRAME_ECHO6;
	return VERDICT_ANSWER;
}

enum verdict icmp6_parse(const struct host *h, struct frame *f)
{
	const struct ip6_header *ip = (const struct ip6_header *)(f->bytes + f->l3);
	const struct icmp_header *icmp = (const struct icmp_header *)(f->bytes + f->l4);

	if (f->l4_bytes < ICMP_BYTES || !is_sum_right(f, ip))
		return frame_drop(f, DROP_ICMP_BAD);
	switch (icmp->type) {
	case ICMP6_ECHO:
		return echo_parse(h, f, ip);
	case ICMP6_SOLICIT:
		return solicit_parse(h, f, ip);
	case ICMP6_ADVERT:
	case ICMP6_ROUTER_ADVERT:
		return news_parse(h, f, ip);
	case ICMP6_UNREACHABLE:
	case ICMP6_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_BAD_PARAMETER:
		if (ip->dst[0] == 0xff)
			return frame_drop(f, DROP_IP_DESTINATION);
		return frame_except(h, f, DROP_ICMP_OTHER);
	default:
		return frame_drop(f, DROP_ICMP_OTHER);
	}
}

bool icmp6_echo_answer(struct frame *f)
{
	struct icmp_header *icmp = (struct icmp_header *)(f->bytes + f->l4);

	eth_turn(f);
	uint64_t sum = ip6_turn(f, IP_ICMP6, f->l4_bytes);
	icmp->type = ICMP6_ECHO_REPLY;
	icmp->checksum = (be16_t){0};
	sum = cksum_plus(sum, (uint64_t)be16_from(IP_ICMP6).raw + be16_from(f->l4_bytes).raw);
	icmp->checksum = cksum_finish(cksum_add(sum, f->bytes + f->l4, f->l4_bytes));
	f->size_bytes = (uint16_t)(f->l4 + f->l4_bytes);
	return true;
}

// An advertisement of own address i behind the IPv6 header at ip, flags as given.
static void advert_write(const struct host *h, unsigned i, struct ip6_header *ip, uint32_t flags)
{
	struct nd_pkt *nd = (struct nd_pkt *)(ip + 1);

	ip->version_class_flow = be32_from(6u << 28);
	ip->payload_bytes = be16_from(sizeof(*nd));
	ip->next = IP_ICMP6;
	ip->hop_limit = ND_HOP_LIMIT;
	memcpy(ip->src, h->addresses[i].bytes, 16);
	nd->icmp = (struct icmp_header){.type = ICMP6_ADVERT, .rest = be32_from(flags)};
	memcpy(nd->target, h->addresses[i].bytes, 16);
	nd->option = ND_OPTION_TARGET_MAC;
	nd->option_units = 1;
	memcpy(nd->mac, h->mac, 6);
	uint64_t sum = cksum_pseudo(ip->src, 16, IP_ICMP6, sizeof(*nd));
	nd->icmp.checksum = cksum_finish(cksum_add(sum, (const uint8_t *)nd, sizeof(*nd)));
}

bool icmp6_solicit_answer(const struct host *h, struct frame *f)
{
	struct eth_header *e = (struct eth_header *)f->bytes;
	struct ip6_header *ip = (struct ip6_header *)(f->bytes + f->l3);
	size_t size = (size_t)f->l3 + IP6_BYTES + sizeof(struct nd_pkt);
	bool has_source = memcmp(ip->src, unspecified, 16) != 0;

	if (size > f->room_bytes)
		return false;
	memcpy(ip->dst, has_source ? ip->src : all_nodes, 16);
	if (has_source)
		memcpy(e->dst, e->src, 6);
	else // RFC 4861 7.2.4; RFC 2464 7
		memcpy(e->dst, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	memcpy(e->src, h->mac, 6);
	advert_write(h, f->address, ip, has_source ? ND_SOLICITED | ND_OVERRIDE : ND_OVERRIDE);
	f->size_bytes = (uint16_t)size;
	return true;
}

size_t icmp6_announce(const struct host *h, unsigned i, uint8_t *out)
{
	struct eth_header *e = (struct eth_header *)out;
	struct ip6_header *ip = (struct ip6_header *)(e + 1);

	memcpy(e->dst, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	memcpy(e->src, h->mac, 6);
	e->type = be16_from(ETHER_IP6);
	memcpy(ip->dst, all_nodes, 16);
	advert_write(h, i, ip, ND_OVERRIDE);
	return ETH_BYTES + IP6_BYTES + sizeof(struct nd_pkt);
}
