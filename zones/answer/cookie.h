// SPDX-License-Identifier: Apache-2.0
// DNS cookies of the interoperable kind (RFC 7873, RFC 9018): a server cookie that any replica
// with the same secret can check. Pure functions; the caller knows the time and the client.
#pragma once

#include "zones/wire/query.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	COOKIE_CLIENT_BYTES = 8,
	COOKIE_SERVER_BYTES = 16,
	COOKIE_FULL_BYTES = COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES,
};

// Two secrets, so that a new one can be rolled out while the old one is still accepted (proto:C4).
struct cookie_secrets {
	unsigned n; // 0: no cookies, 1 or 2
	uint8_t secret[2][16];
};

struct cookie_client {
	const uint8_t *address; // 4 or 16 bytes, as received
	uint8_t family; // 4 or 6
	uint32_t now_s; // Unix time, wraps (RFC 9018 4.3)
};

// Writes the client's cookie and a server cookie for it: COOKIE_FULL_BYTES. The old server cookie
// is kept while it is valid and younger than half an hour (proto:C3).
// Returns whether the query carried a valid server cookie (proto:C6).
bool cookie_answer(const struct cookie_secrets *secrets, const struct cookie_client *client,
	const struct query_edns *edns, uint8_t out[COOKIE_FULL_BYTES]);
