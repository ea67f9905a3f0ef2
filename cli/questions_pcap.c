// SPDX-License-Identifier: Apache-2.0
// Reads classic libpcap files (not pcapng): Ethernet, raw IP, loopback and Linux "cooked" frames.
// Fragments, TCP and IPv6 extension headers are passed over: what is wanted are typical questions.
#include "cli/questions.h"

#include "zones/base/rdbuf.h"
#include "zones/wire/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER_BYTES = 24, RECORD_HEADER_BYTES = 16, RECORD_MAX_BYTES = 262144, DNS_PORT = 53 };

enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_COOKED = 113,
	LINK_COOKED2 = 276,
};

enum { TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_QINQ = 0x88a8 };

static uint32_t get32(const uint8_t *p, bool is_swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return is_swapped ? __builtin_bswap32(v) : v;
}

static uint16_t ethernet_type(struct rdbuf *r)
{
	(void)rdbuf_take(r, 12);
	uint16_t type = rdbuf_u16(r);
	for (unsigned i = 0; i < 2 && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		(void)rdbuf_take(r, 2);
		type = rdbuf_u16(r);
	}
	return type;
}

static uint16_t version_type(const struct rdbuf *r)
{
	if (rdbuf_left(r) == 0)
		return 0;
	return r->base[r->pos] >> 4 == 6 ? TYPE_IP6 : TYPE_IP4;
}

// Moves r to the IP header; the EtherType, 0 when there is none.
static uint16_t skip_link(struct rdbuf *r, uint32_t link)
{
	switch (link) {
	case LINK_ETHERNET:
		return ethernet_type(r);
	case LINK_COOKED:
		(void)rdbuf_take(r, 14);
		return rdbuf_u16(r);
	case LINK_COOKED2: {
		uint16_t type = rdbuf_u16(r);
		(void)rdbuf_take(r, 18);
		return type;
	}
	case LINK_NULL:
		(void)rdbuf_take(r, 4);
		return version_type(r);
	default:
		return version_type(r);
	}
}

// Moves r behind the IP header of a whole UDP datagram.
static bool skip_ip4(struct rdbuf *r)
{
	const uint8_t *h = rdbuf_take(r, 20);

	if (h == NULL || h[0] >> 4 != 4 || (h[0] & 15) < 5)
		return false;
	(void)rdbuf_take(r, (h[0] & 15u) * 4 - 20);
	return h[9] == 17 && (be16_get(h + 6) & 0x3fff) == 0;
}

static bool skip_ip6(struct rdbuf *r)
{
	const uint8_t *h = rdbuf_take(r, 40);

	return h != NULL && h[0] >> 4 == 6 && h[6] == 17;
}

static void add_packet(struct questions *q, const uint8_t *bytes, size_t size_bytes, uint32_t link)
{
	struct rdbuf r = rdbuf_of(bytes, size_bytes);
	static struct query query;
	uint16_t type = skip_link(&r, link);
	bool is_udp = type == TYPE_IP4 ? skip_ip4(&r) : type == TYPE_IP6 ? skip_ip6(&r) : false;

	(void)rdbuf_u16(&r);
	uint16_t port = rdbuf_u16(&r);
	(void)rdbuf_take(&r, 4);
	if (!is_udp || r.bad || port != DNS_PORT)
		return;
	enum query_verdict v = query_parse(r.base + r.pos, rdbuf_left(&r), TRANSPORT_UDP, &query);
	// The message's own bytes: the query's name has lost its spelling.
	if (v == QUERY_OK && query.qclass == RR_CLASS_IN)
		questions_add_found(q, r.base + r.pos + DNS_HEADER_BYTES, query.qtype);
}

static int read_records(
	struct questions *q, FILE *in, uint32_t link, bool is_swapped, struct err *err)
{
	uint8_t header[RECORD_HEADER_BYTES];
	uint8_t *bytes = malloc(RECORD_MAX_BYTES);
	int rc = bytes == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;

	while (rc == 0 && fread(header, sizeof(header), 1, in) == 1) {
		size_t size = get32(header + 8, is_swapped);
		if (size > RECORD_MAX_BYTES)
			rc = err_set(err, -EINVAL, "a packet of %zu bytes: not a capture", size);
		else if (fread(bytes, 1, size, in) != size)
			break; // the end of a file that is still being written
		else
			add_packet(q, bytes, size, link);
	}
	free(bytes);
	return rc;
}

int questions_read_pcap(struct questions *q, FILE *in, struct err *err)
{
	static const uint32_t links[] = {LINK_NULL, LINK_ETHERNET, LINK_RAW, LINK_RAW_BSD,
		LINK_RAW_OPENBSD, LINK_COOKED, LINK_COOKED2};
	uint8_t header[FILE_HEADER_BYTES];

	if (fread(header, sizeof(header), 1, in) != 1)
		return err_set(err, -EINVAL, "not a capture");
	uint32_t magic = get32(header, false);
	if (magic == 0x0a0d0d0a)
		return err_set(err, -EINVAL, "a pcapng file: convert it with `editcap -F pcap`");
	bool is_swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	if (!is_swapped && magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
		return err_set(err, -EINVAL, "not a capture");
	uint32_t link = get32(header + 20, is_swapped) & 0x0fffffff; // FCS bits are above
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i] == link)
			return read_records(q, in, link, is_swapped, err);
	}
	return err_set(err, -EINVAL, "frames of link type %u are not known here", link);
}
