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
	uint16_t vlan; // the tag of every frame here; 0: none, or any one
	bool has_exception; // somebody takes what workers do not answer
	uint8_t n_addresses;
	struct host_address addresses[HOST_ADDRESSES_MAX];
	// Written by host_index, for the look-ups of every frame.
	uint8_t begin[16]; // how a frame for us with plain IPv4 begins, but for its source
	uint8_t n4, n6, n_broadcasts;
	uint8_t index4[HOST_ADDRESSES_MAX], index6[HOST_ADDRESSES_MAX];
	uint32_t keys4[HOST_ADDRESSES_MAX], broadcasts[HOST_ADDRESSES_MAX]; // as loaded from memory
	uint64_t keys6[HOST_ADDRESSES_MAX][2];
};

// To be called when mac and addresses are filled in.
void host_index(struct host *h);

// Index of an own address, or HOST_NONE.
static inline uint8_t host_find4(const struct host *h, const uint8_t *addr)
{
	uint32_t key;

	memcpy(&key, addr, sizeof(key));
	for (unsigned i = 0; i < h->n4; i++) {
		if (h->keys4[i] == key)
			return h->index4[i];
	}
	return HOST_NONE;
}

static inline uint8_t host_find6(const struct host *h, const uint8_t *addr)
{
	uint64_t key[2];

	memcpy(key, addr, sizeof(key));
	for (unsigned i = 0; i < h->n6; i++) {
		if (h->keys6[i][1] == key[1] && h->keys6[i][0] == key[0])
			return h->index6[i];
	}
	return HOST_NONE;
}

// True for the address that means "all" in an own IPv4 network (RFC 1122 3.2.1.3).
static inline bool host_is_broadcast4(const struct host *h, const uint8_t *addr)
{
	uint32_t key;

	memcpy(&key, addr, sizeof(key));
	for (unsigned i = 0; i < h->n_broadcasts; i++) {
		if (h->broadcasts[i] == key)
			return true;
	}
	return false;
}
