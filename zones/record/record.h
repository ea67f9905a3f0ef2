// SPDX-License-Identifier: Apache-2.0
// Resource records before they become bytes: what synthesis says and the image builder takes.
// A record_name is everything that one name answers; a record_set all records of one type.
#pragma once

#include "zones/wire/dname.h"

#include <stddef.h>
#include <stdint.h>

struct record_addr {
	uint8_t family; // 4 or 6
	uint8_t bytes[16];
};

// One record's data; which member counts follows from the set's type.
struct record_data {
	struct record_addr addr; // A, AAAA; and the address of an additional record
	struct dname target; // NS, CNAME, PTR, SRV
	uint16_t priority, weight, port;
	uint8_t zone_tail_size; // bytes at the end of target that spell the zone (0: no case
				// mapping)
};

// An address record that goes into the additional section, owner = target.
struct record_extra {
	const struct dname *target; // borrowed; must equal the target of one of the set's records
	struct record_addr addr;
};

struct record_soa {
	uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
};

struct record_set {
	uint16_t type;
	uint32_t ttl_s;
	const struct record_data *data; // borrowed
	size_t n;
	const struct record_extra *extra; // borrowed
	size_t n_extra;
	const struct record_soa *soa; // SOA only: mname ns.dns.<owner>, rname hostmaster.<owner>
	const char *text; // TXT only: one character string
	// Other types: rdata as it is, one blob per record is not needed by anybody yet.
};

enum record_underscore {
	RECORD_US_NONE = 0x1, // the name as it is
	RECORD_US_OPTIONAL = 0xf, // k8s:2.2: `_port._proto`, underscores optional
	RECORD_US_AT_LEAST = 0xe, // multicluster: at least one of both
};
