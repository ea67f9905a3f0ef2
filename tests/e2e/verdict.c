// SPDX-License-Identifier: Apache-2.0
// Rule by rule, the plain way.
#include "tests/e2e/verdict.h"

#include <string.h>

enum { ETH = 14, IP4 = 20, IP6 = 40, UDP = 8, DNS = 12, PROTOCOL_UDP = 17 };

struct datagram {
	const uint8_t *addresses; // source, then destination
	size_t address_bytes;
	const uint8_t *udp;
	size_t size_bytes; // as IP says
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if ((n & 1) != 0)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// proto:I7
static bool is_good_source4(const struct packet_ends *e, const uint8_t *a)
{
	static const uint8_t every[4] = {255, 255, 255, 255}, net[4] = {198, 18, 0, 255};

	return a[0] != 0 && a[0] != 127 && (a[0] & 0xf0) != 0xe0 && memcmp(a, every, 4) != 0 &&
		memcmp(a, net, 4) != 0 && memcmp(a, e->to4, 4) != 0;
}

static bool is_good_source6(const struct packet_ends *e, const uint8_t *a)
{
	static const uint8_t none[16] = {0}, loopback[16] = {[15] = 1};

	return a[0] != 0xff && memcmp(a, none, 16) != 0 && memcmp(a, loopback, 16) != 0 &&
		memcmp(a, e->to6, 16) != 0;
}

// What Linux takes for a piece of a datagram when it puts them together (ip_check_defrag).
static bool is_whole(const uint8_t *ip, size_t left)
{
	size_t header = (ip[0] & 15u) * 4u, total = get16(ip + 2);

	return ip[0] >> 4 == 4 && header >= IP4 && total >= header && total <= left;
}

// proto:I3, I4, I7, H21
static bool take_ip4(const struct packet_ends *e, const uint8_t *ip, size_t left,
	struct datagram *d, struct verdict_facts *v)
{
	if (left < IP4)
		return false;
	size_t total = get16(ip + 2);
	v->is_fragment = (get16(ip + 6) & 0x3fff) != 0 && is_whole(ip, left);
	if (ip[0] != 0x45 || total < IP4 || total > left || sum16(ip, IP4, 0) != 0xffff)
		return false;
	*d = (struct datagram){ip + 12, 4, ip + IP4, total - IP4};
	return (get16(ip + 6) & 0x3fff) == 0 && ip[9] == PROTOCOL_UDP &&
		memcmp(ip + 16, e->to4, 4) == 0 && is_good_source4(e, ip + 12);
}

// proto:I7, I8
static bool take_ip6(
	const struct packet_ends *e, const uint8_t *ip, size_t left, struct datagram *d)
{
	if (left < IP6 || ip[0] >> 4 != 6 || get16(ip + 4) > left - IP6)
		return false;
	*d = (struct datagram){ip + 8, 16, ip + IP6, get16(ip + 4)};
	return ip[6] == PROTOCOL_UDP && memcmp(ip + 24, e->to6, 16) == 0 &&
		is_good_source6(e, ip + 8);
}

// proto:I6; what veth hands over holds the sum of the pseudo header only.
static bool is_good_sum(const struct datagram *d)
{
	uint32_t sent = get16(d->udp + 6);
	uint32_t pseudo =
		sum16(d->addresses, 2 * d->address_bytes, PROTOCOL_UDP + (uint32_t)d->size_bytes);

	if (sent == 0)
		return d->address_bytes == 4;
	return sent == pseudo || sum16(d->udp, d->size_bytes, pseudo) == 0xffff;
}

// proto:H19
static bool is_service(uint32_t port)
{
	return port == 0 || port == 7 || port == 13 || port == 17 || port == 19 || port == 37;
}

static bool is_answerable(const struct datagram *d)
{
	// proto:I5, H1, H2
	return d->size_bytes >= UDP + DNS && get16(d->udp + 4) == d->size_bytes &&
		get16(d->udp + 2) == 53 && !is_service(get16(d->udp)) && is_good_sum(d) &&
		(d->udp[UDP + 2] & 0x80) == 0;
}

struct verdict_facts verdict_of(
	const struct packet_ends *ends, const uint8_t *frame, size_t size_bytes)
{
	struct verdict_facts v = {0};
	struct datagram d = {0};
	bool is_ip = false;

	if (size_bytes < ETH || memcmp(frame, ends->to_mac, 6) != 0 || (frame[6] & 1) != 0)
		return v;
	if (get16(frame + 12) == 0x0800)
		is_ip = take_ip4(ends, frame + ETH, size_bytes - ETH, &d, &v);
	else if (get16(frame + 12) == 0x86dd)
		is_ip = take_ip6(ends, frame + ETH, size_bytes - ETH, &d);
	v.may_answer = is_ip && is_answerable(&d);
	if (v.may_answer) {
		v.source_port = (uint16_t)get16(d.udp);
		v.id = (uint16_t)get16(d.udp + UDP);
	}
	return v;
}
