// SPDX-License-Identifier: Apache-2.0
// Who we are on one port: MAC and addresses. Made at start, then read by everybody.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HOST_ADDRESSES_MAX = 16, HOST_NONE = 0xff };

struct host_address {
	uint8_t family; // 4 or 6
	uint8_t prefix_len;
	// The kernel has the address on the port's own interface and keeps ARP, ND, ICMP and TCP
	// (DESIGN 4, shared mode).
	bool is_shared;
	uint8_t bytes[16]; // network order, IPv4 in the first 4
};

struct host {
	uint8_t mac[6];
	bool has_exception; // somebody takes what workers do not answer
	uint8_t n_addresses;
	struct host_address addresses[HOST_ADDRESSES_MAX];
};

// Index of an own address, or HOST_NONE.
static inline uint8_t host_find4(const struct host *h, const uint8_t *addr)
{
	for (uint8_t i = 0; i < h->n_addresses; i++) {
		if (h->addresses[i].family == 4 && memcmp(h->addresses[i].bytes, addr, 4) == 0)
			return i;
	}
	return HOST_NONE;
}

static inline uint8_t host_find6(const struct host *h, const uint8_t *addr)
{
	for (uint8_t i = 0; i < h->n_addresses; i++) {
		if (h->addresses[i].family == 6 && memcmp(h->addresses[i].bytes, addr, 16) == 0)
			return i;
	}
	return HOST_NONE;
}

// True for the address that means "all" in an own IPv4 network (RFC 1122 3.2.1.3).
static inline bool host_is_broadcast4(const struct host *h, const uint8_t *addr)
{
	for (uint8_t i = 0; i < h->n_addresses; i++) {
		const struct host_address *a = &h->addresses[i];
		if (a->family != 4 || a->prefix_len >= 31)
			continue;
		uint32_t own = (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 |
			(uint32_t)a->bytes[2] << 8 | a->bytes[3];
		uint32_t other = (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 |
			(uint32_t)addr[2] << 8 | addr[3];
		uint32_t all = UINT32_MAX >> a->prefix_len;
		if (other == (own | all))
			return true;
	}
	return false;
}
