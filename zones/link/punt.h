// SPDX-License-Identifier: Apache-2.0
// UDP queries that workers hand to the slow path, and its replies: datagrams over one SOCK_DGRAM
// Unix socket pair that the supervisor owns (so either side may die and come back). The dataplane
// puts what it needs for sending the reply (frame headers, worker) into `context`; the slow path
// hands it back untouched and keeps no state about it. DNS bytes follow the struct.
#pragma once

#include <stdint.h>

#define PUNT_MAGIC 0x504e5431u // "1TNP"

enum {
	PUNT_CONTEXT_MAX_BYTES = 128,
	PUNT_DNS_MAX_BYTES = 4096,
};

struct punt_msg {
	uint32_t magic;
	uint16_t dns_size; // bytes behind this struct
	uint16_t context_size; // bytes used of context
	uint8_t family; // 4 or 6; addresses in network order, IPv4 in the first 4 bytes
	uint8_t reserved;
	uint16_t client_port, server_port; // host order
	uint16_t udp_max_bytes; // largest reply the port can send (MTU less headers)
	uint32_t rule; // index of the image rule that punted
	uint64_t generation; // of the snapshot that decided
	uint8_t client[16], server[16];
	uint8_t context[PUNT_CONTEXT_MAX_BYTES];
};

_Static_assert(sizeof(struct punt_msg) == 192, "punt message layout");

// What the slow path lets workers answer themselves: an outside answer for one question, sent the
// same way as replies. The entry's bytes (zones/entry) follow the struct.
#define PUNT_CACHE_MAGIC 0x43435031u // "1PCC"

enum {
	PUNT_CACHE_DO = 1,
	PUNT_CACHE_CD = 2,
	PUNT_CACHE_RD = 4,
	PUNT_ENTRY_MAX_BYTES = 4096 - 320,
};

struct punt_cache_msg {
	uint32_t magic;
	uint16_t entry_size; // bytes behind this struct
	uint16_t type; // of the question; its class is IN
	uint32_t policy; // of the punting step: what it punts to
	uint8_t flags; // PUNT_CACHE_...
	uint8_t name_size;
	uint16_t reserved;
	uint64_t policy_hash; // of the image's policy part: under another it is not served
	uint64_t born_ms, expires_ms; // CLOCK_MONOTONIC
	uint8_t name[256]; // lower case
};

_Static_assert(sizeof(struct punt_cache_msg) == 296, "cache message layout");
