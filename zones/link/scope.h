// SPDX-License-Identifier: Apache-2.0
// What CoreDNS' metrics count per server and zone. Such a pair is a scope: a process gives each
// pair that it meets a number, which stays as long as the shared page, and its threads count by
// number.
#pragma once

#include "zones/link/counter.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCOPES_MAX = 32,
	SCOPE_OTHER = 0, // of pairs that found no room, and of queries before the first snapshot
	SCOPE_SERVER_BYTES = 64,
	SCOPE_ZONE_BYTES = 256,
	SCOPE_TYPES_MAX = 20,
	SCOPE_SIZE_BUCKETS = 15,
	SCOPE_LATENCY_BUCKETS = 17,
};

// Texts of CoreDNS' labels, cut to what fits; they end with 0.
struct scope_label {
	char server[SCOPE_SERVER_BYTES]; // "dns://:53"
	char zone[SCOPE_ZONE_BYTES]; // "cluster.local.", "dropped" when no zone was chosen
};

// Entries are written once, then counted. Number 0 has no entry.
struct scope_table {
	_Alignas(64) _Atomic uint32_t n;
	struct scope_label labels[SCOPES_MAX - 1]; // of numbers 1 ...
};

// What answered, as far as metrics tell it apart.
#define SCOPE_PLUGINS(X) \
	X(NONE, "") \
	X(KUBERNETES, "kubernetes") \
	X(HOSTS, "hosts") \
	X(CACHE, "cache") \
	X(FORWARD, "forward") \
	X(TEMPLATE, "template") \
	X(REWRITE, "rewrite") \
	X(OTHER, "other")

#define SCOPE_PLUGIN_ENUM(id, name) SCOPE_PLUGIN_##id,
enum scope_plugin { SCOPE_PLUGINS(SCOPE_PLUGIN_ENUM) SCOPE_PLUGIN_COUNT };
#undef SCOPE_PLUGIN_ENUM

// Response codes that are told apart.
#define SCOPE_RCODES(X) \
	X(NOERROR, 0) \
	X(FORMERR, 1) \
	X(SERVFAIL, 2) \
	X(NXDOMAIN, 3) \
	X(NOTIMP, 4) \
	X(REFUSED, 5) \
	X(YXDOMAIN, 6) \
	X(YXRRSET, 7) \
	X(NXRRSET, 8) \
	X(NOTAUTH, 9) \
	X(NOTZONE, 10) \
	X(BADVERS, 16) \
	X(BADCOOKIE, 23)

#define SCOPE_RCODE_ENUM(name, number) SCOPE_RCODE_##name,
enum scope_rcode { SCOPE_RCODES(SCOPE_RCODE_ENUM) SCOPE_RCODE_OTHER, SCOPE_RCODE_COUNT };
#undef SCOPE_RCODE_ENUM

// Requests are counted by whoever received them from the network, responses by whoever made them.
struct scope_sizes {
	counter_t request_bytes[SCOPE_SIZE_BUCKETS], request_bytes_sum;
	counter_t response_bytes[SCOPE_SIZE_BUCKETS], response_bytes_sum;
	counter_t types[2][SCOPE_TYPES_MAX]; // requests by family (4, 6) and class of the type
};

// One thread's counters of one scope; UDP, but for what TCP shares.
struct scope_counters {
	_Alignas(64) struct scope_sizes udp;
	counter_t do_bits;
	counter_t responses[SCOPE_PLUGIN_COUNT][SCOPE_RCODE_COUNT];
	counter_t punts[SCOPE_PLUGIN_COUNT]; // to the slow path, by what shall answer
	counter_t latency[SCOPE_LATENCY_BUCKETS]; // of responses; bounds are CoreDNS'
	counter_t latency_sum; // cycles of workers, nanoseconds of other threads
};

// The number of a pair of texts, which need not end with 0: the known one, a new one, or
// SCOPE_OTHER. For the table's only writer.
uint8_t scope_find(struct scope_table *t, const struct scope_label *label);
// Fills a label from texts with sizes.
void scope_label_fill(struct scope_label *out, const char *server, size_t server_size,
	const char *zone, size_t zone_size);
// How many numbers are given (1 for none but SCOPE_OTHER); their entries can be read.
uint32_t scope_count(const struct scope_table *t);

// The class of a query type in scope_sizes.types, and its name as CoreDNS' metrics have it ("A",
// "other").
unsigned counters_type(uint16_t qtype);
const char *counters_type_name(unsigned type_class);

enum scope_rcode counters_rcode(uint16_t rcode);
const char *counters_rcode_name(enum scope_rcode rcode);

// The class of a plugin's name, and its name.
enum scope_plugin counters_plugin(const char *name, size_t size_bytes);
const char *counters_plugin_name(enum scope_plugin plugin);

// The bucket of a message size: CoreDNS' bounds, which counters_size_bound tells (UINT32_MAX for
// the last).
unsigned counters_size_bucket(size_t size_bytes);
uint32_t counters_size_bound(unsigned bucket);

// The bucket of a duration in units of 250 us (CoreDNS' first bound; each next one is twice as
// wide), for durations and units of any one kind.
static inline unsigned counters_latency_bucket(uint64_t duration, uint64_t unit)
{
	unsigned i = 0;

	for (; i + 1 < SCOPE_LATENCY_BUCKETS && duration > unit; i++)
		unit *= 2;
	return i;
}
