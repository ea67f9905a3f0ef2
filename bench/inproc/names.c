// SPDX-License-Identifier: Apache-2.0
// Builds the image of the in-process benchmark.
#include "bench/inproc/names.h"

#include "bench/inproc/fail.h"
#include "zones/image/build.h"
#include "zones/wire/dname.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VIEW = 1, TTL_S = 30, GENERATION = 7, ZONE_TAIL_BYTES = 15 };

void names_address(uint32_t i, uint8_t out[4])
{
	const uint8_t address[4] = {10, (uint8_t)(64 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i};

	memcpy(out, address, sizeof(address));
}

static struct dname name_of(const char *text)
{
	struct dname name = {0};

	if (dname_parse(text, &name) != 0)
		fail("bad name %s", text);
	dname_lower(&name);
	return name;
}

static uint32_t soa_add(struct image_build *b, const struct dname *zone)
{
	const struct record_soa soa = {.serial = GENERATION,
		.refresh_s = 7200,
		.retry_s = 1800,
		.expire_s = 86400,
		.minimum_s = TTL_S};
	uint32_t id = 0;

	if (image_build_soa(b, zone, TTL_S, &soa, &id) != 0)
		fail("no SOA");
	return id;
}

// `kubernetes cluster.local in-addr.arpa { pods insecure; fallthrough in-addr.arpa }`, loadbalance
// and forward.
static void policy_add(struct image_build *b)
{
	struct dname zone = name_of("cluster.local.");
	struct dname reverse = name_of("in-addr.arpa.");
	struct image_build_step steps[] = {
		{.kind = STEP_LOOKUP,
			.flags = STEP_PODS_INSECURE,
			.view = VIEW,
			.pod_ttl_s = TTL_S,
			.plugin = "kubernetes",
			.soa = soa_add(b, &zone)},
		{.kind = STEP_LOOKUP,
			.flags = STEP_FALLTHROUGH,
			.view = VIEW,
			.plugin = "kubernetes",
			.soa = soa_add(b, &reverse)},
		{.kind = STEP_PUNT, .plugin = "forward", .soa = IMAGE_NONE},
	};
	struct image_build_rule rules[] = {
		{.zone = (const uint8_t *)"", .steps = &steps[2], .n_steps = 1, .metric_zone = "."},
		{.zone = reverse.wire, .steps = &steps[1], .n_steps = 2, .metric_zone = "."},
		{.zone = zone.wire,
			.steps = &steps[0],
			.n_steps = 1,
			.metric_zone = ".",
			.flags = RULE_ROTATE},
	};
	struct image_listener any = {.family = 0, .port = 53};

	if (image_build_server(b, "dns://:53", DNS_UDP_MAX_BYTES) != 0 ||
		image_build_listener(b, &any, rules, 3) != 0)
		fail("policy refused");
}

static void name_add(struct image_build *b, const char *text, struct image_build_name name)
{
	struct dname wire = name_of(text);

	name.view = VIEW;
	name.wire = wire.wire;
	name.alias_of = IMAGE_NONE;
	if (image_build_name(b, &name, NULL) != 0)
		fail("name %s refused", text);
}

static void reverse_add(struct image_build *b, const uint8_t *a, const struct dname *target)
{
	struct record_data data = {.target = *target};
	struct record_set set = {.type = RR_TYPE_PTR, .ttl_s = TTL_S, .data = &data, .n = 1};
	char text[64];

	(void)snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa.", a[3], a[2], a[1], a[0]);
	name_add(b, text, (struct image_build_name){.sets = &set, .n_sets = 1});
}

static void service_add(struct image_build *b, uint32_t i)
{
	struct record_data address = {.addr = {.family = 4}};
	char text[128];

	names_address(i, address.addr.bytes);
	(void)snprintf(
		text, sizeof(text), "svc%u.ns%u.svc.cluster.local.", i, i / SERVICES_PER_NAMESPACE);
	struct dname target = name_of(text);
	struct record_data srv = {
		.target = target, .weight = 100, .port = 80, .zone_tail_size = ZONE_TAIL_BYTES};
	struct record_extra extra = {.target = &target, .addr = address.addr};
	struct record_set sets[] = {
		{.type = RR_TYPE_A, .ttl_s = TTL_S, .data = &address, .n = 1},
		{.type = RR_TYPE_SRV,
			.ttl_s = TTL_S,
			.data = &srv,
			.n = 1,
			.extra = &extra,
			.n_extra = 1},
	};
	name_add(b, text, (struct image_build_name){.sets = sets, .n_sets = 2});
	reverse_add(b, address.addr.bytes, &target);
	(void)snprintf(text, sizeof(text), "_http._tcp.svc%u.ns%u.svc.cluster.local.", i,
		i / SERVICES_PER_NAMESPACE);
	name_add(b, text,
		(struct image_build_name){
			.us_mask = RECORD_US_OPTIONAL, .sets = sets, .n_sets = 2});
}

static void namespace_add(struct image_build *b, uint32_t i)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "ns%u.svc.cluster.local.", i);
	name_add(b, text, (struct image_build_name){0});
	(void)snprintf(text, sizeof(text), "ns%u.pod.cluster.local.", i);
	name_add(b, text, (struct image_build_name){.flags = NAME_POD_NS});
}

// Shared memory, as the dataplane gets it from control.
static void *shared_map(size_t size_bytes)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) != 0)
		fail("no memory for an image of %zu bytes", size_bytes);
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		fail("no memory for an image of %zu bytes", size_bytes);
	(void)close(fd); // the mapping keeps it
	return p;
}

void names_make(struct names *n, uint32_t n_names)
{
	const struct image_build_id id = {
		.kind = IMAGE_BASE, .generation = GENERATION, .serial = GENERATION};
	struct image_build *b = image_build_new(&id);
	struct err err = {0};

	n->n_services = n_names / NAMES_PER_SERVICE;
	if (b == NULL)
		fail("no memory for a builder");
	policy_add(b);
	for (uint32_t i = 0; i < n->n_services; i++)
		service_add(b, i);
	for (uint32_t i = 0; i * SERVICES_PER_NAMESPACE < n->n_services; i++)
		namespace_add(b, i);
	if (image_build_seal(b, &n->size_bytes, &err) != 0)
		fail("image: %s", err.text);
	n->bytes = shared_map(n->size_bytes);
	image_build_write(b, n->bytes);
	image_build_free(b);
	if (image_check(n->bytes, n->size_bytes, &n->image, &err) != IMAGE_REFUSED_OK)
		fail("image: %s", err.text);
}

void names_free(struct names *n)
{
	(void)munmap(n->bytes, n->size_bytes); // the process ends anyway
}
