// SPDX-License-Identifier: Apache-2.0
// The Ethernet layer and the way to the others.
#include "dataplane/net/frame.h"

#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"
#include "dataplane/net/vlan.h"

// EtherType behind at most one 802.1Q tag; sets l3. 0 when the tag cannot be served.
static uint16_t type_read(const struct host *h, struct frame *f)
{
	uint16_t type = be16_to(frame_eth(f)->type);

	f->l3 = ETH_BYTES;
	if (type != ETHER_VLAN)
		return h->vlan == 0 ? type : 0;
	if (f->size_bytes < ETH_BYTES + VLAN_BYTES)
		return 0;
	uint16_t id = be16_get(f->bytes + ETH_BYTES) & VLAN_ID_MASK;
	type = be16_get(f->bytes + ETH_BYTES + 2);
	f->l3 = ETH_BYTES + VLAN_BYTES;
	// proto:I2: one tag only.
	if (id > VLAN_ID_MAX || type == ETHER_VLAN || (h->vlan != 0 && h->vlan != id))
		return 0;
	return type;
}

enum verdict frame_parse(const struct host *h, struct frame *f)
{
	f->family = 0;
	if (f->size_bytes < ETH_BYTES)
		return frame_drop(f, DROP_ETH_SHORT);
	// proto:I1. AF_PACKET also shows what the kernel sends on the interface, with our MAC.
	if ((frame_eth(f)->src[0] & 1) || memcmp(frame_eth(f)->src, h->mac, 6) == 0)
		return frame_drop(f, DROP_ETH_SOURCE);
	if (!frame_is_to_mac(h, f) && !(frame_eth(f)->dst[0] & 1))
		return frame_drop(f, DROP_ETH_OTHER);
	switch (type_read(h, f)) {
	case ETHER_IP4:
		return ip4_parse(h, f);
	case ETHER_IP6:
		return ip6_parse(h, f);
	case ETHER_ARP:
		return arp_parse(h, f);
	case 0:
		return frame_drop(f, DROP_VLAN);
	default:
		return frame_drop(f, DROP_ETH_TYPE);
	}
}

bool frame_answer(const struct host *h, struct frame *f)
{
	switch ((enum frame_answer)f->answer) {
	case FRAME_ARP:
		return arp_answer(h, f);
	case FRAME_ECHO4:
		return icmp4_answer(f);
	case FRAME_ECHO6:
		return icmp6_echo_answer(f);
	case FRAME_SOLICIT:
		return icmp6_solicit_answer(h, f);
	default:
		return false;
	}
}

void frame_reply(struct frame *f, size_t dns_bytes)
{
	uint16_t size = (uint16_t)(UDP_BYTES + dns_bytes);
	struct udp_header u = {.src = be16_from(f->server_port),
		.dst = be16_from(f->client_port),
		.size = be16_from(size)};

	eth_turn(f);
	uint64_t sum = f->family == 4 ? ip4_turn(f, IP_UDP, size) : ip6_turn(f, IP_UDP, size);
	// Pseudo header and header from values, then the message (proto:I6).
	sum = cksum_plus(sum, (uint64_t)be16_from(IP_UDP).raw + u.size.raw);
	if (f->trust & FRAME_FILL_UDP) {
		u.checksum.raw = cksum_fold(sum);
	} else {
		sum = cksum_plus(sum, (uint64_t)u.src.raw + u.dst.raw + u.size.raw);
		u.checksum = cksum_finish_udp(cksum_add(sum, frame_dns(f), dns_bytes));
	}
	memcpy(f->bytes + f->l4, &u, sizeof(u));
	f->size_bytes = (uint16_t)(f->l4 + size);
}

size_t frame_announce(const struct host *h, unsigned i, uint8_t *out)
{
	size_t tag_bytes = h->vlan != 0 ? VLAN_BYTES : 0;
	uint8_t *frame = out + tag_bytes;
	size_t size = h->addresses[i].family == 4 ? arp_announce(h, i, frame)
						  : icmp6_announce(h, i, frame);

	if (h->vlan != 0)
		vlan_put(out, h->vlan);
	return tag_bytes + size;
}
