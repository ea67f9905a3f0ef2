// SPDX-License-Identifier: Apache-2.0
// ARP requests for our addresses (RFC 826, RFC 5227; proto:I12).
#include "dataplane/net/layers.h"

enum { ARP_ETHERNET = 1, ARP_REQUEST = 1, ARP_REPLY = 2 };

static bool is_well_formed(const struct frame *f, const struct arp_pkt *a)
{
	return f->size_bytes >= f->l3 + sizeof(*a) && be16_to(a->hardware) == ARP_ETHERNET &&
		be16_to(a->protocol) == ETHER_IP4 && a->hardware_size == 6 &&
		a->protocol_size == 4 && !(a->sender_mac[0] & 1);
}

enum verdict arp_parse(const struct host *h, struct frame *f)
{
	static const uint8_t nobody[4];
	const struct arp_pkt *a = (const struct arp_pkt *)(f->bytes + f->l3);

	if (!is_well_formed(f, a))
		return frame_drop(f, DROP_ARP_BAD);
	if (host_find4(h, a->sender_ip) != HOST_NONE && memcmp(a->sender_mac, h->mac, 6) != 0)
		return frame_drop(f, DROP_ADDRESS_CONFLICT);
	// A probe has no address yet (RFC 5227 1.1); others are of somebody (proto:I7).
	if (memcmp(a->sender_ip, nobody, 4) != 0 && !ip4_is_source_right(h, a->sender_ip))
		return frame_drop(f, DROP_ARP_BAD);
	f->address = host_find4(h, a->target_ip);
	// What a next hop answers or announces (RFC 5227 3) is the kernel side's to know.
	bool is_announced = memcmp(a->sender_ip, a->target_ip, 4) == 0;
	if (is_announced || (be16_to(a->op) == ARP_REPLY && frame_is_to_mac(h, f)))
		return frame_except(h, f, DROP_ARP_OTHER);
	if (be16_to(a->op) != ARP_REQUEST || f->address == HOST_NONE)
		return frame_drop(f, DROP_ARP_OTHER);
	if (h->addresses[f->address].is_shared)
		return frame_drop(f, DROP_KERNEL);
	f->answer = FRAME_ARP;
	return VERDICT_ANSWER;
}

bool arp_answer(const struct host *h, struct frame *f)
{
	struct eth_header *e = (struct eth_header *)f->bytes;
	struct arp_pkt *a = (struct arp_pkt *)(f->bytes + f->l3);
	uint8_t own[4];

	memcpy(e->dst, e->src, 6);
	memcpy(e->src, h->mac, 6);
	memcpy(own, a->target_ip, 4);
	a->op = be16_from(ARP_REPLY);
	memcpy(a->target_mac, a->sender_mac, 6);
	memcpy(a->target_ip, a->sender_ip, 4);
	memcpy(a->sender_mac, h->mac, 6);
	memcpy(a->sender_ip, own, 4);
	f->size_bytes = (uint16_t)(f->l3 + sizeof(*a));
	return true;
}

size_t arp_announce(const struct host *h, unsigned i, uint8_t *out)
{
	struct eth_header *e = (struct eth_header *)out;
	struct arp_pkt *a = (struct arp_pkt *)(e + 1);

	memset(e->dst, 0xff, 6);
	memcpy(e->src, h->mac, 6);
	e->type = be16_from(ETHER_ARP);
	*a = (struct arp_pkt){.hardware = be16_from(ARP_ETHERNET),
		.protocol = be16_from(ETHER_IP4),
		.hardware_size = 6,
		.protocol_size = 4,
		.op = be16_from(ARP_REQUEST)};
	memcpy(a->sender_mac, h->mac, 6);
	memcpy(a->sender_ip, h->addresses[i].bytes, 4);
	memcpy(a->target_ip, h->addresses[i].bytes, 4);
	return ETH_BYTES + sizeof(*a);
}
