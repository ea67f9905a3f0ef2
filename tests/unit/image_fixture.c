// SPDX-License-Identifier: Apache-2.0
// Makes the small image of the tests.
#include "tests/unit/image_fixture.h"

#include "zones/image/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VIEW = 1, TTL_S = 30 };

static const struct record_soa soa = {0, 7200, 1800, 86400, TTL_S, NULL};

struct dname image_fixture_name(const char *text)
{
	struct dname name = {0};

	assert_int_equal(dname_parse(text, &name), 0);
	dname_lower(&name);
	return name;
}

static uint32_t add_soa(struct image_build *b, const char *zone, uint32_t serial)
{
	struct dname name = image_fixture_name(zone);
	struct record_soa s = soa;
	uint32_t id = 0;

	s.serial = serial;
	assert_int_equal(image_build_soa(b, &name, TTL_S, &s, &id), 0);
	return id;
}

// `cache 30` and `forward . 127.0.0.1:1`, where nobody listens.
static void add_slow_policy(struct image_build *b)
{
	static const struct policy_name root = {(const uint8_t *)""};
	static const struct policy_upstream to = {POLICY_UPSTREAM_DNS, 1, "127.0.0.1", ""};
	const struct policy_forward forward = {.from = root,
		.to = {&to, 1},
		.max_fails = 2,
		.expire_ms = 10000,
		.read_timeout_ms = 2000,
		.health_check_ms = 500,
		.health_check_domain = root,
		.tls_cert = "",
		.tls_key = "",
		.tls_ca = "",
		.tls_servername = "",
		.source_address = ""};
	const struct policy_cache cache = {.server = "dns://:53",
		.zones = {&root, 1},
		.success = {9984, 30, 5},
		.denial = {9984, 30, 5}};
	const struct policy_op ops[] = {
		{POLICY_CACHE, 4, 4, &cache}, {POLICY_FORWARD, 5, 5, &forward}};
	const struct policy_chain chain = {ops, 2};
	const struct policy_set policy = {.chains = &chain, .n = 1};
	struct arena arena = {0};
	size_t size_bytes = 0;

	const uint8_t *bytes = policy_encode(&policy, &arena, &size_bytes);
	assert_non_null(bytes);
	assert_int_equal(image_build_policy(b, bytes, size_bytes), 0);
	arena_fini(&arena);
}

void image_fixture_policy(struct image_build *b, uint32_t serial)
{
	struct dname zone = image_fixture_name("cluster.local.");
	struct dname reverse = image_fixture_name("in-addr.arpa.");
	struct image_build_step steps[] = {
		{.kind = STEP_LOOKUP,
			.flags = STEP_PODS_INSECURE,
			.view = VIEW,
			.pod_ttl_s = TTL_S,
			.plugin = "kubernetes",
			.line = 2,
			.soa = add_soa(b, "cluster.local.", serial)},
		{.kind = STEP_LOOKUP,
			.flags = STEP_FALLTHROUGH,
			.view = VIEW,
			.plugin = "kubernetes",
			.line = 2,
			.soa = add_soa(b, "in-addr.arpa.", serial)},
		{.kind = STEP_PUNT, .plugin = "forward", .line = 5, .soa = IMAGE_NONE, .policy = 1},
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

	add_slow_policy(b);
	assert_int_equal(image_build_server(b, "dns://:53", DNS_UDP_MAX_BYTES), 0);
	assert_int_equal(image_build_nsid(b, "node 53"), 0);
	assert_int_equal(image_build_listener(b, &any, rules, 3), 0);
}

static uint32_t add_name(struct image_build *b, const char *text, uint8_t us_mask,
	const struct record_set *sets, size_t n_sets)
{
	struct dname name = image_fixture_name(text);
	uint32_t id = 0;
	struct image_build_name n = {.view = VIEW,
		.wire = name.wire,
		.us_mask = us_mask,
		.sets = sets,
		.n_sets = n_sets,
		.alias_of = IMAGE_NONE};

	assert_int_equal(image_build_name(b, &n, &id), 0);
	return id;
}

static struct record_data service_address(unsigned n, uint64_t generation)
{
	struct record_data d = {.addr = {.family = 4}};

	d.addr.bytes[0] = 10;
	d.addr.bytes[1] = (uint8_t)(96 + generation % 100);
	d.addr.bytes[2] = (uint8_t)(n / 256);
	d.addr.bytes[3] = (uint8_t)(n % 256);
	return d;
}

static void add_ptr(struct image_build *b, const struct record_addr *a, const struct dname *target)
{
	char text[64];
	struct record_data d = {.target = *target};
	struct record_set set = {.type = RR_TYPE_PTR, .ttl_s = TTL_S, .data = &d, .n = 1};

	(void)snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa.", a->bytes[3], a->bytes[2],
		a->bytes[1], a->bytes[0]);
	(void)add_name(b, text, RECORD_US_EXACT, &set, 1);
}

static void add_service(struct image_build *b, unsigned n, uint64_t generation)
{
	char text[128];
	struct record_data d = service_address(n, generation);

	(void)snprintf(text, sizeof(text), "svc%u.ns.svc.cluster.local.", n);
	struct dname target = image_fixture_name(text);
	struct record_data srv = {
		.target = target, .weight = 100, .port = 80, .zone_tail_size = 15};
	struct record_extra extra = {.target = &target, .addr = d.addr};
	struct record_set sets[] = {
		{.type = RR_TYPE_A, .ttl_s = TTL_S, .data = &d, .n = 1},
		{.type = RR_TYPE_SRV,
			.ttl_s = TTL_S,
			.data = &srv,
			.n = 1,
			.extra = &extra,
			.n_extra = 1},
	};
	(void)add_name(b, text, RECORD_US_EXACT, sets, 2);
	add_ptr(b, &d.addr, &target);
	(void)snprintf(text, sizeof(text), "_http._tcp.svc%u.ns.svc.cluster.local.", n);
	uint32_t id = add_name(b, text, RECORD_US_OPTIONAL, sets, 2);
	if (n != 0)
		return;
	struct dname alias = image_fixture_name("_._tcp.svc0.ns.svc.cluster.local.");
	struct image_build_name a = {
		.view = VIEW, .wire = alias.wire, .us_mask = RECORD_US_OPTIONAL, .alias_of = id};
	assert_int_equal(image_build_name(b, &a, NULL), 0);
}

static void add_headless(struct image_build *b, unsigned n, uint64_t generation)
{
	struct record_data *a = calloc(n + 1, sizeof(*a));
	struct record_data *srv = calloc(n + 1, sizeof(*srv));
	struct record_extra *extra = calloc(n + 1, sizeof(*extra));
	char text[128];

	for (unsigned i = 0; i < n; i++) {
		a[i] = service_address(i, generation + 50);
		(void)snprintf(text, sizeof(text), "h%u.hl.ns.svc.cluster.local.", i);
		srv[i] = (struct record_data){.target = image_fixture_name(text),
			.weight = 1,
			.port = 8080,
			.zone_tail_size = 15};
		extra[i] = (struct record_extra){.target = &srv[i].target, .addr = a[i].addr};
		struct record_set one = {.type = RR_TYPE_A, .ttl_s = TTL_S, .data = &a[i], .n = 1};
		(void)add_name(b, text, RECORD_US_EXACT, &one, 1);
	}
	struct record_set sets[] = {
		{.type = RR_TYPE_SRV,
			.ttl_s = TTL_S,
			.data = srv,
			.n = n,
			.extra = extra,
			.n_extra = n},
		{.type = RR_TYPE_A, .ttl_s = TTL_S, .data = a, .n = n},
	};
	(void)add_name(b, "hl.ns.svc.cluster.local.", RECORD_US_EXACT, sets, n == 0 ? 0 : 2);
	free(a);
	free(srv);
	free(extra);
}

static void add_cname(struct image_build *b)
{
	struct dname owner = image_fixture_name("svc0.ns.svc.cluster.local.");
	struct record_data d = {.target = owner};
	struct record_chain chain = {
		.owner = &owner, .type = RR_TYPE_A, .ttl_s = TTL_S, .data = service_address(0, 0)};
	struct record_set sets[] = {
		{.type = RR_TYPE_A,
			.rr_type = RR_TYPE_CNAME,
			.ttl_s = TTL_S,
			.data = &d,
			.n = 1,
			.chain = &chain,
			.n_chain = 1},
		{.type = RR_TYPE_CNAME, .ttl_s = TTL_S, .data = &d, .n = 1},
	};
	struct record_set out = {.type = RR_TYPE_A,
		.rr_type = RR_TYPE_CNAME,
		.flags = SET_PUNT,
		.ttl_s = TTL_S,
		.data = &d,
		.n = 1};

	(void)add_name(b, "in.ns.svc.cluster.local.", RECORD_US_EXACT, sets, 2);
	(void)add_name(b, "out.ns.svc.cluster.local.", RECORD_US_EXACT, &out, 1);
}

// k8s:2.3, 2.7: names that are name errors for types they do not have.
static void add_strict(struct image_build *b)
{
	struct record_set txt = {.type = RR_TYPE_TXT, .ttl_s = TTL_S, .text = "x"};
	struct dname strict = image_fixture_name("strict.cluster.local.");
	struct dname no_ptr = image_fixture_name("ns.dns.cluster.local.");
	struct image_build_name names[] = {
		{.view = VIEW,
			.wire = strict.wire,
			.flags = NAME_STRICT,
			.sets = &txt,
			.n_sets = 1,
			.alias_of = IMAGE_NONE},
		{.view = VIEW, .wire = no_ptr.wire, .flags = NAME_NO_PTR, .alias_of = IMAGE_NONE},
	};

	assert_int_equal(image_build_name(b, &names[0], NULL), 0);
	assert_int_equal(image_build_name(b, &names[1], NULL), 0);
}

static void add_fixed(struct image_build *b, uint32_t serial)
{
	static const char *const empty[] = {"svc.cluster.local.", "pod.cluster.local.",
		"ns.svc.cluster.local.", "in-addr.arpa."};
	struct record_set txt = {.type = RR_TYPE_TXT, .ttl_s = 28800, .text = "1.1.0"};
	struct record_soa s = soa;
	struct record_data ns = {
		.target = image_fixture_name("ns.dns.cluster.local."), .zone_tail_size = 15};
	struct record_extra glue = {.target = &ns.target, .addr = {4, {198, 18, 0, 53}}};
	struct dname pod_ns = image_fixture_name("ns.pod.cluster.local.");
	struct image_build_name pod = {
		.view = VIEW, .wire = pod_ns.wire, .flags = NAME_POD_NS, .alias_of = IMAGE_NONE};
	struct record_data aaaa = {.addr = {6, {0xfd, 0, [15] = 5}}};
	struct record_set v6 = {.type = RR_TYPE_AAAA, .ttl_s = TTL_S, .data = &aaaa, .n = 1};

	s.serial = serial;
	struct record_set apex[] = {
		{.type = RR_TYPE_SOA, .ttl_s = TTL_S, .soa = &s},
		{.type = RR_TYPE_NS,
			.ttl_s = TTL_S,
			.data = &ns,
			.n = 1,
			.extra = &glue,
			.n_extra = 1},
	};
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		(void)add_name(b, empty[i], RECORD_US_EXACT, NULL, 0);
	(void)add_name(b, "cluster.local.", RECORD_US_EXACT, apex, 2);
	(void)add_name(b, "dns-version.cluster.local.", RECORD_US_EXACT, &txt, 1);
	(void)add_name(b, "ipv6.ns.svc.cluster.local.", RECORD_US_EXACT, &v6, 1);
	assert_int_equal(image_build_name(b, &pod, NULL), 0);
}

static void add_changes(struct image_build *b, const struct image_fixture_spec *spec)
{
	char text[128];

	for (unsigned n = 0; n < spec->n_services; n++) {
		(void)snprintf(text, sizeof(text), "svc%u.ns.svc.cluster.local.", n);
		struct dname name = image_fixture_name(text);
		struct image_build_name gone = {.view = VIEW,
			.wire = name.wire,
			.flags = NAME_TOMBSTONE,
			.alias_of = IMAGE_NONE};
		if (n % 5 == 0)
			assert_int_equal(image_build_name(b, &gone, NULL), 0);
		else if (n % 2 == 0)
			add_service(b, n, spec->generation);
	}
}

void image_fixture_make(struct image_fixture *f, const struct image_fixture_spec *spec)
{
	struct image_build_id id = {.kind = IMAGE_BASE,
		.generation = spec->generation,
		.serial = (uint32_t)spec->generation};
	struct err err = {0};

	if (spec->base != NULL) {
		id.kind = IMAGE_OVERLAY;
		id.base_generation = spec->base->header->generation;
		id.base_hash = spec->base->header->hash;
	}
	struct image_build *b = image_build_new(&id);
	assert_non_null(b);
	image_fixture_policy(b, (uint32_t)spec->generation);
	if (spec->base != NULL) {
		add_changes(b, spec);
	} else {
		for (unsigned n = 0; n < spec->n_services; n++)
			add_service(b, n, spec->generation);
		add_headless(b, spec->n_endpoints, spec->generation);
		add_cname(b);
		add_fixed(b, (uint32_t)spec->generation);
		add_strict(b);
	}
	assert_int_equal(image_build_seal(b, &f->size_bytes, &err), 0);
	f->bytes = aligned_alloc(64, f->size_bytes);
	assert_non_null(f->bytes);
	image_build_write(b, f->bytes);
	image_build_free(b);
	if (image_check(f->bytes, f->size_bytes, &f->image, &err) != IMAGE_REFUSED_OK)
		fail_msg("%s", err.text);
}

void image_fixture_free(struct image_fixture *f)
{
	free(f->bytes);
	*f = (struct image_fixture){0};
}
