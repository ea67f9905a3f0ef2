// SPDX-License-Identifier: Apache-2.0
// Ethernet, IP, UDP and DNS questions by hand.
#include "tests/e2e/packet.h"

#include <arpa/inet.h>
#include <string.h>

enum { ETH = 14, IP4 = 20, IP6 = 40, UDP = 8, PROTOCOL_UDP = 17 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += get16(p + i);
	return (n & 1) != 0 ? s + ((uint32_t)p[n - 1] << 8) : s;
}

static uint32_t fold(uint32_t s)
{
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

void packet_addresses(struct packet_ends *ends)
{
	(void)inet_pton(AF_INET, "198.18.0.10", ends->from4);
	(void)inet_pton(AF_INET, "198.18.0.53", ends->to4);
	(void)inet_pton(AF_INET6, "fd00:53::10", ends->from6);
	(void)inet_pton(AF_INET6, "fd00:53::53", ends->to6);
}

static size_t put_name(const char *name, uint8_t *out)
{
	size_t pos = 0;

	while (*name != 0) {
		size_t len = strcspn(name, ".");
		out[pos++] = (uint8_t)len;
		memcpy(out + pos, name, len);
		pos += len;
		name += len + (name[len] == '.');
	}
	out[pos++] = 0;
	return pos;
}

// RFC 6891 6.1.2, with one of the options that servers look at.
static size_t put_opt(uint32_t number, uint8_t *out)
{
	static const struct {
		uint8_t size, bytes[16];
	} options[] = {{0, {0}}, {4, {0, 3, 0, 0}}, {12, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}},
		{12, {0, 8, 0, 8, 0, 1, 24, 0, 192, 0, 2, 0}}, {6, {0, 12, 0, 2, 0, 0}}};
	uint32_t i = number % (sizeof(options) / sizeof(options[0]));

	out[0] = 0;
	put16(out + 1, 41);
	put16(out + 3, number % 3 == 0 ? 4096 : 1232);
	memset(out + 5, 0, 4);
	out[7] = (uint8_t)(number % 2 == 0 ? 0x80 : 0); // DO
	put16(out + 9, options[i].size);
	memcpy(out + 11, options[i].bytes, options[i].size);
	return 11u + options[i].size;
}

size_t packet_question(uint32_t number, uint8_t *out)
{
	static const char *const names[] = {"web.default.svc.cluster.local",
		"_http._tcp.web.default.svc.cluster.local", "db.default.svc.cluster.local",
		"many.shop.svc.cluster.local", "docs.shop.svc.cluster.local",
		"80.0.96.10.in-addr.arpa", "10-1-2-3.default.pod.cluster.local", "cluster.local",
		"missing.default.svc.cluster.local", "dns-version.cluster.local", "example.com", "",
		"web.default.svc.cluster.local.default.svc.cluster.local"};
	static const uint16_t types[] = {1, 28, 33, 12, 6, 2, 16, 255, 5, 65};
	bool has_opt = (number >> 8) % 2 == 0;
	size_t pos = 12;

	put16(out, number * 40503u);
	put16(out + 2, 0x0100);
	put16(out + 4, 1);
	memset(out + 6, 0, 6);
	out[11] = has_opt;
	pos += put_name(names[number % (sizeof(names) / sizeof(names[0]))], out + pos);
	put16(out + pos, types[(number >> 4) % (sizeof(types) / sizeof(types[0]))]);
	put16(out + pos + 2, 1);
	pos += 4;
	return has_opt ? pos + put_opt(number >> 9, out + pos) : pos;
}

static size_t put_ip4(const struct packet_ends *e, size_t payload, uint8_t *ip)
{
	memset(ip, 0, IP4);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IP4 + payload));
	ip[8] = 64;
	ip[9] = PROTOCOL_UDP;
	memcpy(ip + 12, e->from4, 4);
	memcpy(ip + 16, e->to4, 4);
	put16(ip + 10, ~fold(sum(ip, IP4, 0)));
	return IP4;
}

static size_t put_ip6(const struct packet_ends *e, size_t payload, uint8_t *ip)
{
	memset(ip, 0, IP6);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)payload);
	ip[6] = PROTOCOL_UDP;
	ip[7] = 64;
	memcpy(ip + 8, e->from6, 16);
	memcpy(ip + 24, e->to6, 16);
	return IP6;
}

size_t packet_udp(const struct packet_ends *ends, const struct packet_udp *udp, uint8_t *frame)
{
	size_t length = UDP + udp->size_bytes;
	bool is_4 = udp->family == 4;

	memcpy(frame, ends->to_mac, 6);
	memcpy(frame + 6, ends->from_mac, 6);
	put16(frame + 12, is_4 ? 0x0800 : 0x86dd);
	size_t pos = ETH +
		(is_4 ? put_ip4(ends, length, frame + ETH) : put_ip6(ends, length, frame + ETH));
	uint8_t *u = frame + pos;
	put16(u, udp->source_port);
	put16(u + 2, 53);
	put16(u + 4, (uint32_t)length);
	put16(u + 6, 0);
	memcpy(u + UDP, udp->message, udp->size_bytes);
	uint32_t s = is_4 ? sum(frame + ETH + 12, 8, 0) : sum(frame + ETH + 8, 32, 0);
	s = fold(sum(u, length, s + PROTOCOL_UDP + (uint32_t)length));
	put16(u + 6, s == 0xffff ? s : ~s & 0xffff);
	return pos + length;
}

bool packet_reply(const struct packet_ends *ends, const uint8_t *frame, size_t size_bytes,
	uint16_t *port, uint16_t *id, bool *is_response)
{
	size_t at;

	if (size_bytes < ETH + IP4 + UDP + 12)
		return false;
	uint32_t type = get16(frame + 12);
	if (type == 0x0800 && frame[ETH + 9] == PROTOCOL_UDP)
		at = memcmp(frame + ETH + 12, ends->to4, 4) == 0 ? ETH + IP4 : 0;
	else if (type == 0x86dd && frame[ETH + 6] == PROTOCOL_UDP)
		at = memcmp(frame + ETH + 8, ends->to6, 16) == 0 ? ETH + IP6 : 0;
	else
		return false;
	if (at == 0 || size_bytes < at + UDP + 12 || get16(frame + at) != 53)
		return false;
	*port = (uint16_t)get16(frame + at + 2);
	*id = (uint16_t)get16(frame + at + UDP);
	*is_response = (frame[at + UDP + 2] & 0x80) != 0;
	return true;
}
