// SPDX-License-Identifier: Apache-2.0
// A zone file in memory: its records by name, in an order in which the names below a name follow
// it. Read once, then shared by all threads.
#pragma once

#include "slowpath/message/response.h"
#include "zones/base/err.h"

struct zone_record {
	const uint8_t *key; // of the owner, in the order of RFC 4034 6.1
	uint16_t key_bytes;
	size_t at; // place in the file
	struct response_rr rr;
};

// The records of one name; n is 0 when there are none.
struct zone_node {
	const struct zone_record *items;
	size_t n;
};

struct zone_data {
	const uint8_t *origin; // borrowed
	struct arena arena;
	struct zone_record *records; // all but SOA and NS of the zone itself, and their RRSIGs
	size_t n, cap;
	struct response_rr soa; // type 0: the zone has none
	struct response_rrs ns; // of the zone itself
	struct response_rrs soa_sigs, ns_sigs; // of those two
};

// Reads a file; *z is zeroed first, zone_data_fini it in any case. 0, or -EINVAL, -ENOMEM or the
// error of the system with a reason.
[[nodiscard]] int zone_data_load(
	struct zone_data *z, const uint8_t *origin, const char *path, struct err *err);
void zone_data_fini(struct zone_data *z);

// name is in lower case.
struct zone_node zone_data_find(const struct zone_data *z, const uint8_t *name);
// Whether some name lies below it.
bool zone_data_has_below(const struct zone_data *z, const uint8_t *name);

// The records of the name, or of the last one before it in the order of RFC 4034 6.1.
struct zone_node zone_data_before(const struct zone_data *z, const uint8_t *name);

// The type that an RRSIG is for (RFC 4034 3.1.1).
uint16_t zone_data_covered(const struct response_rr *sig);

uint32_t zone_data_serial(const struct zone_data *z);
