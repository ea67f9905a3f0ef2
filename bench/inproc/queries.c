// SPDX-License-Identifier: Apache-2.0
// Makes the frames of each case.
#include "bench/inproc/queries.h"

#include "bench/inproc/fail.h"

#include "dataplane/net/cksum.h"
#include "dataplane/net/wire.h"
#include "zones/wire/dname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 1 << 16, MISS_KINDS = 3 };

// SplitMix64: the same frames in every run.
static uint32_t mix(uint32_t i)
{
	uint64_t z = (i + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(z >> 32);
}

static uint32_t service(const struct names *n, uint32_t i)
{
	return mix(i) % n->n_services;
}

static void ask_service(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	uint32_t s = service(n, i);

	(void)snprintf(
		name, size_bytes, "svc%u.ns%u.svc.cluster.local", s, s / SERVICES_PER_NAMESPACE);
	*type = RR_TYPE_A;
}

static void ask_nodata(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	ask_service(n, i, name, size_bytes, type);
	*type = RR_TYPE_AAAA;
}

static void ask_missing(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	uint32_t s = service(n, i);

	(void)snprintf(name, size_bytes, "svc%u.ns%u.ns%u.svc.cluster.local", s,
		s / SERVICES_PER_NAMESPACE, mix(i + 1) % 1000);
	*type = RR_TYPE_A;
}

static void ask_srv(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	uint32_t s = service(n, i);

	(void)snprintf(name, size_bytes, "_http._tcp.svc%u.ns%u.svc.cluster.local", s,
		s / SERVICES_PER_NAMESPACE);
	*type = RR_TYPE_SRV;
}

static void ask_ptr(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	uint8_t a[4];

	names_address(service(n, i), a);
	(void)snprintf(name, size_bytes, "%u.%u.%u.%u.in-addr.arpa", a[3], a[2], a[1], a[0]);
	*type = RR_TYPE_PTR;
}

static void ask_pod(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	uint32_t a = mix(i);

	(void)snprintf(name, size_bytes, "10-244-%u-%u.ns%u.pod.cluster.local", a & 255,
		a >> 8 & 255, service(n, i) / SERVICES_PER_NAMESPACE);
	*type = RR_TYPE_A;
}

// As many names as services are asked for in the other cases: with more, the two would differ in
// what they ask of the caches, and not in what a query costs.
static void ask_outside(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	(void)snprintf(name, size_bytes, OUTSIDE_NAME, service(n, i) % OUTSIDE_NAMES);
	*type = RR_TYPE_A;
}

static void ask_upper(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	ask_service(n, i, name, size_bytes, type);
	for (uint32_t k = 0; name[k] != '\0'; k++) {
		if (name[k] >= 'a' && name[k] <= 'z' && (mix(i + k) & 1))
			name[k] = (char)(name[k] - 0x20);
	}
}

// What a pod's resolver sends with `ndots:5` and the usual search list, each name for A and AAAA:
// half for a service of its own namespace, three tenths for one of another (the first attempt
// misses), two tenths for outside names, of which only the three misses inside come here.
static void ask_search(
	const struct names *n, uint32_t i, char *name, size_t size_bytes, uint16_t *type)
{
	static const char *const tails[MISS_KINDS] = {
		".ns1.svc.cluster.local", ".svc.cluster.local", ".cluster.local"};
	uint32_t draw = mix(i / 2 + 7) % 10;
	uint32_t s = service(n, i / 2);
	uint32_t ns = s / SERVICES_PER_NAMESPACE;

	*type = i & 1 ? RR_TYPE_AAAA : RR_TYPE_A;
	if (draw < 5 || (draw < 8 && (i & 2) != 0))
		(void)snprintf(name, size_bytes, "svc%u.ns%u.svc.cluster.local", s, ns);
	else if (draw < 8)
		(void)snprintf(name, size_bytes, "svc%u.ns%u.ns1.svc.cluster.local", s, ns);
	else
		(void)snprintf(name, size_bytes, "www%u.example.com%s", s, tails[mix(i / 2) % 3]);
}

const struct query_case query_cases[] = {
	{"a_hit", "A hit", ask_service, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"a_plain", "A hit, no EDNS", ask_service, EDNS_NO, RCODE_NOERROR, 1},
	{"a_upper", "A hit, mixed case", ask_upper, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"a_cookie", "A hit, cookie", ask_service, EDNS_COOKIE_NEW, RCODE_NOERROR, 1},
	{"nodata", "AAAA NODATA", ask_nodata, EDNS_PLAIN, RCODE_NOERROR, 0},
	{"nxdomain", "NXDOMAIN", ask_missing, EDNS_PLAIN, RCODE_NXDOMAIN, 0},
	{"srv", "SRV", ask_srv, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"ptr", "PTR", ask_ptr, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"pod", "pod address", ask_pod, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"outside", "cached outside name", ask_outside, EDNS_PLAIN, RCODE_NOERROR, 1},
	{"search", "search list", ask_search, EDNS_NO, ANY_COUNT, ANY_COUNT},
};
const size_t n_query_cases = sizeof(query_cases) / sizeof(query_cases[0]);

static size_t edns_write(uint8_t *p, uint8_t kind, uint32_t i)
{
	static const uint8_t opt[DNS_OPT_BYTES] = {0, 0, RR_TYPE_OPT, 0x04, 0xd0};
	uint32_t cookie = mix(i + 3);

	if (kind == EDNS_NO)
		return 0;
	memcpy(p, opt, sizeof(opt));
	if (kind == EDNS_PLAIN)
		return sizeof(opt);
	be16_put(p + 9, 12);
	be16_put(p + 11, EDNS_COOKIE);
	be16_put(p + 13, 8);
	memcpy(p + 15, &cookie, 4);
	memcpy(p + 19, &cookie, 4);
	return sizeof(opt) + 12;
}

static size_t message_write(
	uint8_t *p, const struct query_case *c, const struct names *names, uint32_t i)
{
	struct dname wire;
	uint16_t type = 0;
	char text[128];

	c->ask(names, i, text, sizeof(text), &type);
	if (dname_parse(text, &wire) != 0)
		fail("%s: bad name %s", c->name, text);
	memset(p, 0, DNS_HEADER_BYTES);
	be16_put(p, (uint16_t)mix(i + 5));
	be16_put(p + 2, HEADER_RD);
	p[5] = 1;
	p[11] = c->edns != EDNS_NO;
	size_t pos = DNS_HEADER_BYTES;
	memcpy(p + pos, wire.wire, wire.size_bytes);
	pos += wire.size_bytes;
	be16_put(p + pos, type);
	be16_put(p + pos + 2, RR_CLASS_IN);
	return pos + 4 + edns_write(p + pos + 4, c->edns, i);
}

// Ethernet, IPv4 and UDP around size_bytes bytes of message that stand behind them.
static void headers_write(
	struct query_frame *f, const struct host *host, uint32_t i, size_t size_bytes)
{
	uint8_t *b = f->bytes;
	struct eth_header *eth = (struct eth_header *)b;
	struct ip4_header *ip = (struct ip4_header *)(b + ETH_BYTES);
	struct udp_header *udp = (struct udp_header *)(b + ETH_BYTES + IP4_BYTES);
	uint32_t client = mix(i + 11) % CLIENTS;
	size_t l4_bytes = UDP_BYTES + size_bytes;

	memcpy(eth->dst, host->mac, 6);
	memcpy(eth->src, (const uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
	eth->type = be16_from(ETHER_IP4);
	*ip = (struct ip4_header){.version_ihl = 0x45,
		.total_bytes = be16_from((uint16_t)(IP4_BYTES + l4_bytes)),
		.ttl = 64,
		.proto = IP_UDP,
		.src = {10, 244, (uint8_t)(client >> 8), (uint8_t)client}};
	memcpy(ip->dst, host->addresses[0].bytes, 4);
	ip->checksum = cksum_finish(cksum_add(0, (const uint8_t *)ip, IP4_BYTES));
	*udp = (struct udp_header){.src = be16_from((uint16_t)(32768 + (mix(i) & 0x3fff))),
		.dst = be16_from(53),
		.size = be16_from((uint16_t)l4_bytes)};
	uint64_t sum = cksum_pseudo(ip->src, 4, IP_UDP, (uint32_t)l4_bytes);
	udp->checksum = cksum_finish_udp(cksum_add(sum, (const uint8_t *)udp, l4_bytes));
	f->size_bytes = (uint16_t)(ETH_BYTES + IP4_BYTES + l4_bytes);
}

struct query_frame *queries_make(
	const struct query_case *c, const struct names *names, const struct host *host, uint32_t n)
{
	const size_t at = ETH_BYTES + IP4_BYTES + UDP_BYTES;
	struct query_frame *frames = aligned_alloc(64, sizeof(*frames) * n);

	if (frames == NULL)
		fail("no memory for %u frames", n);
	for (uint32_t i = 0; i < n; i++) {
		memset(&frames[i], 0, sizeof(frames[i]));
		size_t size = message_write(frames[i].bytes + at, c, names, i);
		headers_write(&frames[i], host, i, size);
	}
	return frames;
}
