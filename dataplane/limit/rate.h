// SPDX-License-Identifier: Apache-2.0
// Response rate limiting by source prefix (proto:A2): leaking buckets in a table of fixed size, one
// table per worker. A new prefix takes the place of the emptiest bucket of its line, so heavy
// senders stay and an attacker who spreads over many prefixes only pushes out light ones. Hashes
// are keyed: nobody chooses whom to share a line with.
#pragma once

#include "zones/base/widths.h"

#include <stdint.h>

enum { RATE_WAYS = 4, RATE_LINES = 1 << 15 };

struct rate_options {
	uint32_t per_s; // replies to one address, 0: no limit
	uint32_t burst;
	struct widths widths4, widths6; // networks that have a limit, and how much of it
	uint32_t slip; // each n-th reply over the limit is sent truncated; 0: none
};

struct rate_bucket {
	uint32_t tag; // of the prefix, 0: free
	uint32_t level; // thousandths of a reply
	uint32_t at_ms; // when level was true
	uint32_t leak_per_ms; // of its width
};

struct rate {
	struct rate_options options;
	uint8_t key[16];
	uint32_t over; // replies over the limit so far
	struct rate_bucket (*lines)[RATE_WAYS]; // RATE_LINES of them, zeroed, the caller's
};

enum rate_verdict {
	RATE_PASS,
	RATE_SLIP, // answer with TC and nothing else
	RATE_DROP,
};

// Counts one reply to the address (4 or 16 bytes of network order) at now_ms (any clock, wraps).
// Of the networks around it, each that the options name has a limit of its own.
enum rate_verdict rate_take(struct rate *r, unsigned family, const uint8_t *addr, uint32_t now_ms);
