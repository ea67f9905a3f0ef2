// SPDX-License-Identifier: Apache-2.0
// Reading whole messages that somebody else made: names with compression pointers, records, and
// their text form. For commands, the forwarder and tests; nothing on a worker needs it.
#pragma once

#include "zones/base/rdbuf.h"
#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdint.h>

struct message_rr {
	struct dname owner;
	uint16_t type, class;
	uint32_t ttl_s;
	size_t rdata_pos; // in the message
	uint16_t rdata_size;
};

// Reads a name at r->pos, following pointers strictly backwards (proto:N4), and moves r behind it.
// Sets r->bad when it is malformed. end: first byte that the name's own bytes may not reach (the
// end of its record).
void message_name(struct rdbuf *r, size_t end, struct dname *name);

// Reads one resource record with its owner; r->bad when it is malformed.
void message_rr(struct rdbuf *r, struct message_rr *rr);

// Prints rdata in presentation form (RFC 1035 5.1; RFC 3597 for types unknown here). msg is the
// whole message. Returns buf.
const char *message_rdata_print(
	const struct rdbuf *msg, const struct message_rr *rr, char *buf, size_t size_bytes);

// Prints "owner TTL IN TYPE rdata". Returns buf; 2,048 bytes hold all but the largest.
const char *message_rr_print(
	const struct rdbuf *msg, const struct message_rr *rr, char *buf, size_t size_bytes);
