// SPDX-License-Identifier: Apache-2.0
// UDP (RFC 768). A checksum is right when the whole sum is, or when the field holds exactly the sum
// of the pseudo header: veth, virtio and AF_PACKET hand over what the sender's kernel left to a
// NIC (DESIGN 4). Nothing else passes.
#include "dataplane/net/cksum.h"
#include "dataplane/net/layers.h"

// proto:H19: ports where a reply would feed an old service: 0, echo, daytime, qotd, chargen, time.
static bool is_service_port(uint16_t port)
{
	return port == 0 || port == 7 || port == 13 || port == 17 || port == 19 || port == 37;
}

static bool is_sum_right(const struct frame *f, const struct udp_header *u, uint64_t pseudo)
{
	if (u->checksum.raw == 0)
		return f->family == 4; // proto:I6: IPv6 forbids "none"
	if (f->trust & FRAME_TRUST_UDP)
		return true;
	if (cksum_fold(pseudo) == u->checksum.raw)
		return true; // partial
	return cksum_fold(cksum_add(pseudo, f->bytes + f->l4, f->l4_bytes)) == 0xffff;
}

enum verdict udp_parse(struct frame *f, uint64_t pseudo)
{
	const struct udp_header *u = (const struct udp_header *)(f->bytes + f->l4);

	// proto:I5: link padding behind the datagram never becomes part of the message.
	if (f->l4_bytes < UDP_BYTES || be16_to(u->size) != f->l4_bytes)
		return frame_drop(f, DROP_UDP_LENGTH);
	if (!is_sum_right(f, u, pseudo))
		return frame_drop(f, DROP_UDP_CHECKSUM);
	f->client_port = be16_to(u->src);
	f->server_port = be16_to(u->dst);
	if (is_service_port(f->client_port))
		return frame_drop(f, DROP_UDP_SOURCE_PORT);
	return VERDICT_QUERY;
}
