// SPDX-License-Identifier: Apache-2.0
// How queries and replies are sorted for the counters, as CoreDNS' metrics do it.
#include "zones/link/scope.h"

#include <string.h>

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

_Static_assert((int)CLASS_COUNT <= (int)SCOPE_TYPES_MAX, "one counter per class");

#define QUERY_TYPE_ENTRY(name, number) [number] = CLASS_##name,
static const uint8_t classes[256] = {QUERY_TYPES(QUERY_TYPE_ENTRY)};

#define QUERY_TYPE_NAME(name, number) #name,
static const char *const names[CLASS_COUNT] = {"other", QUERY_TYPES(QUERY_TYPE_NAME)};

static const uint32_t bounds[SCOPE_SIZE_BUCKETS] = {
	0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000, UINT32_MAX};

#define RCODE_CLASS(name, number) [number] = SCOPE_RCODE_##name + 1,
static const uint8_t rcode_classes[24] = {SCOPE_RCODES(RCODE_CLASS)}; // 0: other

#define RCODE_NAME(name, number) #name,
static const char *const rcode_names[SCOPE_RCODE_COUNT] = {SCOPE_RCODES(RCODE_NAME) "other"};

#define PLUGIN_NAME(id, name) name,
static const char *const plugin_names[SCOPE_PLUGIN_COUNT] = {SCOPE_PLUGINS(PLUGIN_NAME)};

unsigned counters_type(uint16_t qtype)
{
	return qtype < sizeof(classes) ? classes[qtype] : CLASS_OTHER;
}

const char *counters_type_name(unsigned type_class)
{
	return type_class < CLASS_COUNT ? names[type_class] : names[CLASS_OTHER];
}

enum scope_rcode counters_rcode(uint16_t rcode)
{
	unsigned class = rcode < sizeof(rcode_classes) ? rcode_classes[rcode] : 0;

	return class == 0 ? SCOPE_RCODE_OTHER : (enum scope_rcode)(class - 1);
}

const char *counters_rcode_name(enum scope_rcode rcode)
{
	return rcode_names[(unsigned)rcode < SCOPE_RCODE_COUNT ? rcode : SCOPE_RCODE_OTHER];
}

enum scope_plugin counters_plugin(const char *name, size_t size_bytes)
{
	for (unsigned i = 0; i < SCOPE_PLUGIN_COUNT; i++) {
		if (strlen(plugin_names[i]) == size_bytes &&
			memcmp(plugin_names[i], name, size_bytes) == 0)
			return (enum scope_plugin)i;
	}
	return SCOPE_PLUGIN_OTHER;
}

const char *counters_plugin_name(enum scope_plugin plugin)
{
	return plugin_names[(unsigned)plugin < SCOPE_PLUGIN_COUNT ? plugin : SCOPE_PLUGIN_OTHER];
}

unsigned counters_size_bucket(size_t size_bytes)
{
	unsigned i = 5;

	if (size_bytes <= 400) // nearly all
		return ((unsigned)size_bytes + 99) / 100;
	while (i + 1 < SCOPE_SIZE_BUCKETS && size_bytes > bounds[i])
		i++;
	return i;
}

uint32_t counters_size_bound(unsigned bucket)
{
	return bounds[bucket < SCOPE_SIZE_BUCKETS ? bucket : SCOPE_SIZE_BUCKETS - 1];
}
