// SPDX-License-Identifier: Apache-2.0
// The frames that nearly all queries come in: untagged IPv4 with a plain header and UDP. What is
// decided here is decided in frame.c and below for all frames; a test holds both to the same.
#pragma once

#include "dataplane/net/cksum.h"
#include "dataplane/net/frame.h"

#include "zones/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	QUICK_L3 = ETH_BYTES,
	QUICK_L4 = ETH_BYTES + IP4_BYTES,
	QUICK_SERVICE_PORTS = 64, // those that udp.c refuses as a source are below
};

static inline uint16_t quick_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t quick_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool quick_is_mac(const uint8_t *a, const uint8_t *b)
{
	return ((quick_load32(a) ^ quick_load32(b)) |
		       (uint32_t)(quick_load16(a + 4) ^ quick_load16(b + 4))) == 0;
}

// To us, from somebody else; IPv4 without options or fragments, UDP.
static inline bool quick_is_kind(const struct host *h, const uint8_t *b)
{
	// Not the source, which stands behind the first six bytes, nor the type of service.
	const bytes_block counted = {0x0000ffffffffffff, 0x00ffffff00000000};
	const uint8_t *ip = b + QUICK_L3;
	bytes_block diff = (bytes_block_at(b) ^ bytes_block_at(h->begin)) & counted;

	return (diff[0] | diff[1]) == 0 && !(b[6] & 1) && !quick_is_mac(b + 6, h->mac) &&
		(quick_load32(ip + 6) & be32_from(0x3fff00ff).raw) == be32_from(IP_UDP).raw;
}

// Classes A to C but 0/8 and 127/8, and not one of ours.
static inline bool quick_is_source(const struct host *h, const uint8_t *a)
{
	return (uint8_t)(a[0] - 1) < 223 && a[0] != 127 && host_find4(h, a) == HOST_NONE &&
		!host_is_broadcast4(h, a);
}

static inline bool quick_is_sum_right(const struct frame *f, const uint8_t *ip, uint16_t l4_bytes)
{
	const uint8_t *udp = ip + IP4_BYTES;
	uint64_t addresses = (uint64_t)quick_load32(ip + 12) + quick_load32(ip + 16);
	uint64_t head = addresses + quick_load32(ip) + quick_load32(ip + 4) + quick_load32(ip + 8);

	if (!(f->trust & FRAME_TRUST_IP4) && !cksum_is_right(head))
		return false;
	uint16_t sum = quick_load16(udp + 6);
	if (sum == 0 || (f->trust & FRAME_TRUST_UDP))
		return true;
	uint64_t pseudo = addresses + be16_from(l4_bytes).raw + be16_from(IP_UDP).raw;
	return cksum_is_right(cksum_add(pseudo, udp, l4_bytes));
}

// What frame_parse would say of the frame is VERDICT_QUERY, and f is filled in as it would be. Or
// false, with f as it was: frame_parse has to look.
static inline bool frame_parse_quick(const struct host *h, struct frame *f)
{
	const uint8_t *ip = f->bytes + QUICK_L3;
	const uint8_t *udp = f->bytes + QUICK_L4;

	if (f->size_bytes < QUICK_L4 + UDP_BYTES || !quick_is_kind(h, f->bytes))
		return false;
	unsigned total = be16_get(ip + 2);
	unsigned l4_bytes = be16_get(udp + 4);
	unsigned client_port = be16_get(udp);
	uint8_t address = host_find4(h, ip + 16);
	if (address == HOST_NONE || total + QUICK_L3 > f->size_bytes ||
		total != l4_bytes + IP4_BYTES || l4_bytes < UDP_BYTES ||
		client_port < QUICK_SERVICE_PORTS || !quick_is_source(h, ip + 12) ||
		!quick_is_sum_right(f, ip, (uint16_t)l4_bytes))
		return false;
	f->family = 4;
	f->address = address;
	f->l3 = QUICK_L3;
	f->l4 = QUICK_L4;
	f->l4_bytes = (uint16_t)l4_bytes;
	f->client_port = (uint16_t)client_port;
	f->server_port = be16_get(udp + 2);
	return true;
}

// frame_reply for a frame that frame_parse_quick took.
__attribute__((always_inline)) static inline void frame_reply_quick(
	struct frame *f, size_t dns_bytes)
{
	uint8_t *b = f->bytes;
	uint8_t *ip = b + QUICK_L3;
	uint8_t *udp = b + QUICK_L4;
	uint32_t client_mac = quick_load32(b + 6), own_mac = quick_load32(b);
	uint16_t client_mac_end = quick_load16(b + 10), own_mac_end = quick_load16(b + 4);
	uint32_t client = quick_load32(ip + 12), own = quick_load32(ip + 16);
	uint32_t ports = quick_load32(udp);
	uint16_t l4_bytes = (uint16_t)(UDP_BYTES + dns_bytes);
	be16_t total = be16_from((uint16_t)(IP4_BYTES + l4_bytes));
	// proto:I9: an atomic datagram: no ID, "don't fragment", a TTL of 64.
	const uint32_t second = be32_from(0x4000).raw;
	uint32_t third = be32_from(64u << 24 | (uint32_t)IP_UDP << 16).raw;
	uint32_t first = be32_from(0x45000000u).raw | (uint32_t)total.raw << 16;
	uint64_t addresses = (uint64_t)client + own;

	memcpy(b, &client_mac, 4);
	memcpy(b + 4, &client_mac_end, 2);
	memcpy(b + 6, &own_mac, 4);
	memcpy(b + 10, &own_mac_end, 2);
	be16_t ip_sum = cksum_finish(addresses + first + second + third);
	third |= (uint32_t)ip_sum.raw << 16;
	memcpy(ip, &first, 4);
	memcpy(ip + 4, &second, 4);
	memcpy(ip + 8, &third, 4);
	memcpy(ip + 12, &own, 4);
	memcpy(ip + 16, &client, 4);
	ports = ports << 16 | ports >> 16;
	uint32_t size = be16_from(l4_bytes).raw;
	uint64_t sum = addresses + be16_from(IP_UDP).raw + size;
	if (f->trust & FRAME_FILL_UDP) {
		size |= (uint32_t)cksum_fold(sum) << 16;
	} else {
		sum = cksum_add(sum + size + ports, udp + UDP_BYTES, dns_bytes);
		size |= (uint32_t)cksum_finish_udp(sum).raw << 16;
	}
	memcpy(udp, &ports, 4);
	memcpy(udp + 4, &size, 4);
	f->size_bytes = (uint16_t)(QUICK_L4 + l4_bytes);
}
