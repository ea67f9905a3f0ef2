// SPDX-License-Identifier: Apache-2.0
// Resource records before they become bytes: what synthesis says and the image builder takes.
// A record_set is all that one name answers for one type.
#pragma once

#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdint.h>

struct record_addr {
	uint8_t family; // 4 or 6
	uint8_t bytes[16];
};

// One record's data; which member counts follows from the type.
struct record_data {
	struct record_addr addr; // A, AAAA
	struct dname target; // NS, CNAME, PTR, SRV
	uint16_t priority, weight, port;
	// Bytes at the end of target that spell the zone the question is in; they get the client's
	// spelling (k8s:2.2 Case). 0: target is left as it is (reverse zones, names outside).
	uint8_t zone_tail_size;
};

// An address record that goes into the additional section.
struct record_extra {
	const struct dname *target; // owner; borrowed, the same pointer for records of one target
	struct record_addr addr;
};

// A record with an owner of its own behind the first one: the rest of a CNAME chain.
struct record_chain {
	const struct dname *owner; // borrowed
	uint16_t type; // CNAME, A or AAAA
	uint32_t ttl_s;
	struct record_data data;
};

struct record_soa {
	uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
	const char *apex; // k8s_external: the label above its name server, else NULL
};

struct record_set {
	uint16_t type; // the question this set answers
	uint16_t rr_type; // type of the records in data; 0: the same (a CNAME may answer A)
	uint16_t flags; // enum set_flag of zones/image/format.h
	uint32_t ttl_s;
	const struct record_data *data; // borrowed
	size_t n;
	const struct record_extra *extra; // borrowed
	size_t n_extra;
	const struct record_chain *chain; // borrowed
	size_t n_chain;
	const struct record_soa *soa; // SOA only: mname ns.dns.<owner>, rname hostmaster.<owner>;
				      // with an apex ns1.<apex>.<owner>, hostmaster.<apex>.<owner>
	const char *text; // TXT only: one character string
};

// A set whose answer the slow path completes; the same bit as SET_PUNT of zones/image/format.h.
enum { RECORD_SET_PUNT = 1 };

// Which of a name's first two labels may come with or without a leading underscore; bit u stands
// for query.underscores == u.
enum record_underscore {
	RECORD_US_EXACT = 0, // the name as it is written, underscores or not
	RECORD_US_OPTIONAL = 0xf, // k8s:2.2: `_port._proto`, underscores optional
	RECORD_US_AT_LEAST = 0xe, // multicluster: at least one of both
};
