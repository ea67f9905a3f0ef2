// SPDX-License-Identifier: Apache-2.0
// IP addresses with a prefix length, as people write them.
#pragma once

#include "zones/base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_BYTES = INET6_ADDRSTRLEN + 4 };

struct address {
	uint8_t family; // 4 or 6
	uint8_t prefix_len;
	uint8_t bytes[16]; // network order, IPv4 in the first 4
	char text[ADDRESS_TEXT_BYTES]; // without the prefix length, canonical
};

// Parses "198.18.0.53/24", "fd00::53"; without a length it is /32 or /128. Only addresses that a
// server can own: no multicast, broadcast or unspecified one. 0 or -EINVAL.
[[nodiscard]] int address_parse(const char *text, struct address *out, struct err *err);

static inline unsigned address_bytes(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

// 0.0.0.0 or ::, in network order.
bool address_is_every(uint8_t family, const uint8_t bytes[16]);
bool address_is_loopback(const struct address *a);

bool address_is_equal(const struct address *a, const struct address *b);

// Is b in a's network?
bool address_is_on_link(const struct address *a, const struct address *b);

// The socket address with a port; returns its size.
socklen_t address_to_sockaddr(const struct address *a, uint16_t port, struct sockaddr_storage *out);
