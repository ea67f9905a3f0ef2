// SPDX-License-Identifier: Apache-2.0
// Where the reply to a query goes that cannot be answered at once. Each transport fills its own
// part; whoever completes the query calls reply (or drop) exactly once, on the thread that took
// the query.
#pragma once

#include "slowpath/serve/tally.h"
#include "zones/link/punt.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct origin;
typedef void origin_reply_fn(struct origin *o, const uint8_t *msg, size_t size_bytes);
typedef void origin_drop_fn(struct origin *o);
// Where a reply came from that may be given again: head is filled but for its magic, entry has
// head->entry_size bytes.
typedef void origin_share_fn(
	const struct origin *o, struct punt_cache_msg *head, const void *entry);

struct origin_udp {
	int fd; // borrowed: open as long as the process runs
	struct sockaddr_in6 to; // or sockaddr_in
	uint16_t to_size;
	uint16_t control_size;
	uint8_t control[64]; // IP_PKTINFO or IPV6_PKTINFO: the address that was asked
};

struct origin_punt {
	int fd;
	struct punt_msg msg; // goes back with dns_size changed
};

struct origin {
	origin_reply_fn *reply;
	origin_drop_fn *drop; // nothing will be sent
	origin_share_fn *share; // NULL: nobody else can use it
	struct tally tally; // filled by serve_query
	union {
		struct origin_udp udp;
		struct origin_punt punt;
		struct conn *conn; // TCP: counts what it waits for, so it stays
		void *ctx; // a query of our own
	};
};
