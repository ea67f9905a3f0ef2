// SPDX-License-Identifier: Apache-2.0
// Makes frames.
#include "tests/unit/frame_fixture.h"

#include <string.h>

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 0x53};
static const uint8_t client_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t own4[4] = {198, 18, 0, 53};
static const uint8_t client4[4] = {198, 18, 0, 1};
static const uint8_t own6[16] = {0xfd, 0, 0, 0x53, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53};
static const uint8_t client6[16] = {0xfd, 0, 0, 0x53, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t own_group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x53};
static const uint8_t query[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x', 'a', 'm',
	'p', 'l', 'e', 0, 0, 1, 0, 1};

void frame_fixture_host(struct host *h)
{
	*h = (struct host){.n_addresses = 2};
	memcpy(h->mac, own_mac, 6);
	h->addresses[0] = (struct host_address){.family = 4, .prefix_len = 24};
	memcpy(h->addresses[0].bytes, own4, 4);
	h->addresses[1] = (struct host_address){.family = 6, .prefix_len = 64};
	memcpy(h->addresses[1].bytes, own6, 16);
	host_index(h);
}

// RFC 1071 4.1, in words of network order.
static uint32_t sum16(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

// Offset of the checksum in the header behind IP, and the protocol.
static size_t sum_offset(unsigned proto)
{
	return proto == 17 ? 6 : 2;
}

struct l4_view {
	size_t l3, l4, size;
	unsigned proto, family;
};

static struct l4_view view(const uint8_t *bytes)
{
	struct l4_view v = {.l3 = get16(bytes + 12) == 0x8100 ? 18 : 14};
	const uint8_t *ip = bytes + v.l3;

	v.family = ip[0] >> 4;
	v.l4 = v.l3 + (v.family == 4 ? 20 : 40);
	v.proto = v.family == 4 ? ip[9] : ip[6];
	v.size = v.family == 4 ? get16(ip + 2) - 20 : get16(ip + 4);
	return v;
}

static uint32_t pseudo_sum(const uint8_t *bytes, const struct l4_view *v)
{
	if (v->proto == 1)
		return 0; // ICMP has none
	size_t n = v->family == 4 ? 8 : 32;
	return sum16(bytes + v->l3 + (v->family == 4 ? 12 : 8), n) + v->proto + (uint32_t)v->size;
}

void frame_fixture_sum(struct frame_fixture *f)
{
	struct l4_view v = view(f->bytes);
	uint8_t *sum = f->bytes + v.l4 + sum_offset(v.proto);

	if (v.family == 4) {
		put16(f->bytes + v.l3 + 10, 0);
		put16(f->bytes + v.l3 + 10, (uint16_t)~fold(sum16(f->bytes + v.l3, 20)));
	}
	put16(sum, 0);
	unsigned s = (uint16_t)~fold(pseudo_sum(f->bytes, &v) + sum16(f->bytes + v.l4, v.size));
	put16(sum, s == 0 && v.proto == 17 ? 0xffff : s);
}

bool frame_fixture_is_right(const uint8_t *bytes, size_t size_bytes)
{
	struct l4_view v = view(bytes);

	if (v.l4 + v.size != size_bytes)
		return false;
	if (v.family == 4 && fold(sum16(bytes + v.l3, 20)) != 0xffff)
		return false;
	if (v.proto == 17 && get16(bytes + v.l4 + 6) == 0)
		return false;
	return fold(pseudo_sum(bytes, &v) + sum16(bytes + v.l4, v.size)) == 0xffff;
}

static size_t eth_write(struct frame_fixture *f, unsigned type, uint16_t vlan)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, own_mac, 6);
	memcpy(f->bytes + 6, client_mac, 6);
	if (vlan == 0) {
		put16(f->bytes + 12, type);
		return 14;
	}
	put16(f->bytes + 12, 0x8100);
	put16(f->bytes + 14, vlan);
	put16(f->bytes + 16, type);
	return 18;
}

static void ip_write(struct frame_fixture *f, uint8_t family, unsigned proto, size_t payload)
{
	uint8_t *ip = f->bytes + f->l3;

	f->l4 = f->l3 + (family == 4 ? 20 : 40);
	f->size_bytes = f->l4 + payload;
	if (family == 4) {
		ip[0] = 0x45;
		put16(ip + 2, (unsigned)(20 + payload));
		put16(ip + 4, 0x4711);
		ip[8] = 64;
		ip[9] = (uint8_t)proto;
		memcpy(ip + 12, client4, 4);
		memcpy(ip + 16, own4, 4);
		return;
	}
	ip[0] = 0x60;
	put16(ip + 4, (unsigned)payload);
	ip[6] = (uint8_t)proto;
	ip[7] = 64;
	memcpy(ip + 8, client6, 16);
	memcpy(ip + 24, own6, 16);
}

void frame_fixture_udp(struct frame_fixture *f, const struct frame_fixture_spec *spec)
{
	const void *payload = spec->payload == NULL ? query : spec->payload;
	size_t n = spec->payload == NULL ? sizeof(query) : spec->payload_bytes;
	size_t l3 = eth_write(f, spec->family == 4 ? 0x0800 : 0x86dd, spec->vlan);

	f->l3 = l3;
	ip_write(f, spec->family, 17, 8 + n);
	uint8_t *udp = f->bytes + f->l4;
	put16(udp, spec->client_port == 0 ? 40000 : spec->client_port);
	put16(udp + 2, 53);
	put16(udp + 4, (unsigned)(8 + n));
	memcpy(udp + 8, payload, n);
	frame_fixture_sum(f);
}

void frame_fixture_echo(struct frame_fixture *f, uint8_t family, size_t n)
{
	size_t l3 = eth_write(f, family == 4 ? 0x0800 : 0x86dd, 0);

	f->l3 = l3;
	ip_write(f, family, family == 4 ? 1 : 58, 8 + n);
	uint8_t *icmp = f->bytes + f->l4;
	icmp[0] = family == 4 ? 8 : 128;
	for (size_t i = 0; i < n; i++)
		icmp[8 + i] = (uint8_t)i;
	frame_fixture_sum(f);
}

void frame_fixture_arp(struct frame_fixture *f)
{
	static const uint8_t fixed[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	f->l3 = eth_write(f, 0x0806, 0);
	f->l3 = 14;
	uint8_t *arp = f->bytes + 14;
	memset(f->bytes, 0xff, 6);
	memcpy(arp, fixed, 8);
	memcpy(arp + 8, client_mac, 6);
	memcpy(arp + 14, client4, 4);
	memcpy(arp + 24, own4, 4);
	f->size_bytes = 60; // padded by the link
}

void frame_fixture_solicit(struct frame_fixture *f, bool is_probe)
{
	size_t l3 = eth_write(f, 0x86dd, 0);
	size_t n = is_probe ? 24 : 32;

	f->l3 = l3;
	ip_write(f, 6, 58, n);
	uint8_t *ip = f->bytes + f->l3, *nd = f->bytes + f->l4;
	memcpy(f->bytes, (const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 0x53}, 6);
	ip[7] = 255;
	memcpy(ip + 24, own_group, 16);
	nd[0] = 135;
	memcpy(nd + 8, own6, 16);
	if (is_probe) {
		memset(ip + 8, 0, 16);
	} else {
		nd[24] = 1;
		nd[25] = 1;
		memcpy(nd + 26, client_mac, 6);
	}
	frame_fixture_sum(f);
}

void frame_fixture_change(struct frame_fixture *f, const struct frame_change *c)
{
	size_t at = c->offset + (c->start == AT_ETH ? 0 : c->start == AT_IP ? f->l3 : f->l4);

	memcpy(f->bytes + at, c->bytes, c->n);
	if (c->sums == RESUM)
		frame_fixture_sum(f);
	f->size_bytes = (size_t)((int)f->size_bytes - c->cut);
}

struct frame frame_fixture_frame(struct frame_fixture *f)
{
	return (struct frame){.bytes = f->bytes,
		.size_bytes = (uint16_t)f->size_bytes,
		.room_bytes = sizeof(f->bytes)};
}
