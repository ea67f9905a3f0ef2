// SPDX-License-Identifier: Apache-2.0
// How queries are sorted for the counters: the types and size buckets of CoreDNS' metrics.
#include "zones/link/counters.h"

// CoreDNS plugin/metrics/vars: the types that have a label of their own.
#define QUERY_TYPES(X) \
	X(A, 1) \
	X(NS, 2) \
	X(CNAME, 5) \
	X(SOA, 6) \
	X(PTR, 12) \
	X(MX, 15) \
	X(TXT, 16) \
	X(AAAA, 28) \
	X(SRV, 33) \
	X(DS, 43) \
	X(RRSIG, 46) \
	X(NSEC, 47) \
	X(DNSKEY, 48) \
	X(NSEC3, 50) \
	X(HTTPS, 65) \
	X(IXFR, 251) \
	X(AXFR, 252) \
	X(ANY, 255)

#define QUERY_TYPE_CLASS(name, number) CLASS_##name,
enum type_class { CLASS_OTHER, QUERY_TYPES(QUERY_TYPE_CLASS) CLASS_COUNT };

_Static_assert((int)CLASS_COUNT <= (int)COUNTERS_TYPES_MAX, "one counter per class");

#define QUERY_TYPE_ENTRY(name, number) [number] = CLASS_##name,
static const uint8_t classes[256] = {QUERY_TYPES(QUERY_TYPE_ENTRY)};

#define QUERY_TYPE_NAME(name, number) #name,
static const char *const names[CLASS_COUNT] = {"other", QUERY_TYPES(QUERY_TYPE_NAME)};

static const uint32_t bounds[COUNTERS_SIZE_BUCKETS] = {
	0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000, UINT32_MAX};

unsigned counters_type(uint16_t qtype)
{
	return qtype < sizeof(classes) ? classes[qtype] : CLASS_OTHER;
}

const char *counters_type_name(unsigned type_class)
{
	return type_class < CLASS_COUNT ? names[type_class] : names[CLASS_OTHER];
}

unsigned counters_size_bucket(size_t size_bytes)
{
	unsigned i = 0;

	while (i + 1 < COUNTERS_SIZE_BUCKETS && size_bytes > bounds[i])
		i++;
	return i;
}

uint32_t counters_size_bound(unsigned bucket)
{
	return bounds[bucket < COUNTERS_SIZE_BUCKETS ? bucket : COUNTERS_SIZE_BUCKETS - 1];
}
