// SPDX-License-Identifier: Apache-2.0
// Tests of the policy part: what is encoded comes back, and nothing else is taken.
#include "zones/image/policy_plugins.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME(text) ((const uint8_t *)(text))

static const struct policy_name root = {NAME("")};
static const struct policy_name except[] = {{NAME("\7example\3net")}, {NAME("\1a")}};
static const struct policy_upstream to[] = {
	{POLICY_UPSTREAM_DNS, 53, "192.0.2.1", ""},
	{POLICY_UPSTREAM_TLS, 853, "2001:db8::1", "dns.example"},
	{POLICY_UPSTREAM_FILE, 0, "/etc/resolv.conf", ""},
};
static const uint16_t rcodes[] = {2, 5};

static struct policy_forward forward_make(void)
{
	return (struct policy_forward){.from = root,
		.to = {to, 3},
		.except = {except, 2},
		.balance = POLICY_IN_ORDER,
		.max_fails = 3,
		.max_concurrent = UINT32_MAX,
		.expire_ms = UINT64_C(0x123456789a),
		.read_timeout_ms = 2000,
		.health_check_domain = root,
		.prefer_udp = true,
		.failover = {rcodes, 2},
		.tls_cert = "",
		.tls_key = "",
		.tls_ca = "/ca",
		.tls_servername = "",
		.source_address = ""};
}

static const uint8_t *encode(struct arena *a, size_t *size_bytes)
{
	static struct policy_forward forward;
	static const struct policy_cache cache = {.server = "dns://:53",
		.zones = {&root, 1},
		.success = {9984, 3600, 5},
		.keep_ttl = true};
	static struct policy_op ops[] = {
		{POLICY_CACHE, 7, 7, &cache}, {POLICY_FORWARD, 9, 9, &forward}};
	static const struct policy_chain chains[] = {{ops, 2}, {ops + 1, 1}, {NULL, 0}};
	static const struct policy_timeouts timeouts = {53, 3000, 5000, 20000, 100};
	const struct policy_set policy = {chains, 3, {&timeouts, 1}};

	forward = forward_make();
	const uint8_t *bytes = policy_encode(&policy, a, size_bytes);
	assert_non_null(bytes);
	return bytes;
}

static void what_is_encoded_comes_back(void **state)
{
	struct arena a = {0};
	struct policy_set p;
	struct err err = {0};
	size_t size;

	const uint8_t *bytes = encode(&a, &size);
	assert_int_equal(policy_decode(bytes, size, &a, &p, &err), 0);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.chains[0].n, 2);
	assert_int_equal(p.chains[0].ops[1].kind, POLICY_FORWARD);
	assert_int_equal(p.chains[0].ops[1].line, 9);
	assert_int_equal(p.chains[2].n, 0);
	const struct policy_cache *c = p.chains[0].ops[0].data;
	assert_int_equal(c->success.capacity, 9984);
	assert_true(c->keep_ttl);
	assert_int_equal(c->zones.items[0].wire[0], 0);
	const struct policy_forward *f = p.chains[1].ops[0].data;
	assert_int_equal(f->to.n, 3);
	assert_string_equal(f->to.items[1].server_name, "dns.example");
	assert_int_equal(f->to.items[1].port, 853);
	assert_memory_equal(f->except.items[0].wire, except[0].wire, 13);
	assert_int_equal(f->balance, POLICY_IN_ORDER);
	assert_int_equal(f->max_concurrent, UINT32_MAX);
	assert_int_equal(f->expire_ms, UINT64_C(0x123456789a));
	assert_int_equal(f->failover.items[1], 5);
	assert_true(f->prefer_udp && !f->force_tcp);
	assert_string_equal(f->tls_ca, "/ca");
	assert_int_equal(p.timeouts.n, 1);
	assert_int_equal(p.timeouts.items[0].idle_ms, 20000);
	assert_int_equal(p.timeouts.items[0].max_queries, 100);
	arena_fini(&a);
}

static void the_same_policy_gives_the_same_bytes(void **state)
{
	struct arena a = {0};
	size_t n1, n2;

	const uint8_t *first = encode(&a, &n1);
	const uint8_t *second = encode(&a, &n2);
	assert_int_equal(n1, n2);
	assert_memory_equal(first, second, n1);
	arena_fini(&a);
}

static void no_bytes_are_an_empty_policy(void **state)
{
	struct arena a = {0};
	struct policy_set p;

	assert_int_equal(policy_decode(NAME(""), 0, &a, &p, NULL), 0);
	assert_int_equal(p.n, 0);
	arena_fini(&a);
}

static void every_cut_is_refused(void **state)
{
	struct arena a = {0};
	struct policy_set p;
	size_t size;

	const uint8_t *bytes = encode(&a, &size);
	for (size_t n = 1; n < size; n++) {
		struct arena b = {0};
		assert_int_equal(policy_decode(bytes, n, &b, &p, NULL), -EINVAL);
		arena_fini(&b);
	}
	arena_fini(&a);
}

static void random_changes_are_refused_or_encode_to_themselves(void **state)
{
	struct arena a = {0};
	size_t size;
	unsigned accepted = 0;

	const uint8_t *bytes = encode(&a, &size);
	uint8_t *copy = malloc(size + 8);
	assert_non_null(copy);
	srandom(53);
	for (int i = 0; i < 20000; i++) {
		struct arena b = {0};
		struct policy_set p;
		size_t again;
		memcpy(copy, bytes, size);
		for (int k = 0; k < 1 + i % 3; k++)
			copy[(size_t)random() % size] = (uint8_t)random();
		if (policy_decode(copy, size, &b, &p, NULL) == 0) {
			const uint8_t *out = policy_encode(&p, &b, &again);
			assert_non_null(out);
			assert_int_equal(again, size);
			assert_memory_equal(out, copy, size);
			accepted++;
		}
		arena_fini(&b);
	}
	assert_true(accepted > 100 && accepted < 19000);
	free(copy);
	arena_fini(&a);
}

static void a_forward_without_upstreams_is_refused(void **state)
{
	struct policy_forward forward = forward_make();
	const struct policy_op op = {POLICY_FORWARD, 1, 1, &forward};
	const struct policy_chain chain = {&op, 1};
	const struct policy_set policy = {.chains = &chain, .n = 1};
	struct arena a = {0};
	struct policy_set p;
	struct err err = {0};
	size_t size;

	forward.to.n = 0;
	const uint8_t *bytes = policy_encode(&policy, &a, &size);
	assert_int_equal(policy_decode(bytes, size, &a, &p, &err), -EINVAL);
	assert_string_equal(err.text, "policy: malformed");
	arena_fini(&a);
}

// One of each kind that the slow path executes besides cache and forward.
static size_t plugin_ops(struct policy_op ops[static POLICY_KIND_MAX])
{
	static const struct policy_text texts[] = {{"one"}, {""}};
	static const struct policy_rewrite_answer answers[] = {{true, "a(.*)", "b{1}"}};
	static const struct policy_rewrite rewrite = {.go_on = true,
		.field = POLICY_REWRITE_RCODE,
		.match = POLICY_REGEX,
		.from = "x",
		.to = "y",
		.answers = {answers, 1},
		.number_from = 0xffff,
		.ttl_max_s = UINT32_MAX,
		.option_data = "{qname}"};
	static const struct policy_template template = {.qclass = 255,
		.zones = {&root, 1},
		.match = {texts, 2},
		.ede_text = "",
		.fall = {true, {except, 2}}};
	static const struct policy_cidr net = {6, 64, {0xfd}};
	static const struct policy_acl_rule rules[] = {
		{POLICY_DROP, {rcodes, 2}, {&net, 1}}, {POLICY_ALLOW, {NULL, 0}, {NULL, 0}}};
	static const struct policy_acl acl = {{except, 2}, {rules, 2}};
	static const struct policy_dns64 dns64 = {{6, 96, {0, 0x64}}, true, false};
	static const struct policy_header_rule flags[] = {{true, false, 0x100}};
	static const struct policy_header header = {{flags, 1}};
	static const struct policy_local local = {true};
	static const struct policy_plain plain = {0};
	static const struct policy_chaos chaos = {"v", {texts, 1}};
	static const struct policy_loop loop = {{NAME("\1a")}};
	static const struct policy_file file = {.path = "/zone", .zones = {&root, 1}};
	static const struct policy_autopath autopath = {.zones = {&root, 1},
		.from_kubernetes = true,
		.view = 3,
		.cluster_zone = {NAME("\7cluster\5local")},
		.resolv_conf = ""};
	static const struct policy_loadbalance balance = {.weight_file = "", .prefer = {&net, 1}};
	const struct policy_op all[] = {{POLICY_REWRITE, 1, 1, &rewrite},
		{POLICY_TEMPLATE, 2, 2, &template}, {POLICY_ACL, 3, 3, &acl},
		{POLICY_DNS64, 4, 4, &dns64}, {POLICY_HEADER, 5, 5, &header},
		{POLICY_LOCAL, 6, 6, &local}, {POLICY_ANY, 7, 7, &plain},
		{POLICY_CHAOS, 8, 8, &chaos}, {POLICY_WHOAMI, 9, 9, &plain},
		{POLICY_LOOP, 10, 10, &loop}, {POLICY_FILE, 11, 11, &file},
		{POLICY_AUTOPATH, 12, 12, &autopath}, {POLICY_LOADBALANCE, 13, 13, &balance}};
	const size_t n = sizeof(all) / sizeof(all[0]);

	memcpy(ops, all, sizeof(all));
	return n;
}

static void every_kind_comes_back_as_it_was(void **state)
{
	struct policy_op ops[POLICY_KIND_MAX];
	struct arena a = {0};
	struct policy_set p;
	size_t size, again;
	(void)state;

	const struct policy_chain chain = {ops, plugin_ops(ops)};
	assert_int_equal(chain.n, POLICY_KIND_MAX - 2); // all but cache and forward
	const uint8_t *bytes = policy_encode(&(struct policy_set){&chain, 1, {NULL, 0}}, &a, &size);
	assert_non_null(bytes);
	assert_int_equal(policy_decode(bytes, size, &a, &p, NULL), 0);
	const struct policy_acl *acl = p.chains[0].ops[2].data;
	assert_int_equal(acl->rules.n, 2);
	assert_int_equal(acl->rules.items[0].types.items[1], 5);
	assert_int_equal(acl->rules.items[0].sources.items[0].address[0], 0xfd);
	assert_int_equal(acl->rules.items[1].sources.n, 0);
	const struct policy_rewrite *rewrite = p.chains[0].ops[0].data;
	assert_string_equal(rewrite->answers.items[0].to, "b{1}");
	// What was decoded gives the same bytes.
	const uint8_t *second = policy_encode(&p, &a, &again);
	assert_int_equal(again, size);
	assert_memory_equal(second, bytes, size);
	arena_fini(&a);
}

static void changed_bytes_of_every_kind_are_refused_or_harmless(void **state)
{
	struct policy_op ops[POLICY_KIND_MAX];
	struct arena a = {0}, b = {0};
	struct policy_set p;
	size_t size, again, refused = 0;
	(void)state;

	const struct policy_chain chain = {ops, plugin_ops(ops)};
	const uint8_t *bytes = policy_encode(&(struct policy_set){&chain, 1, {NULL, 0}}, &a, &size);
	for (size_t i = 0; i < size; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t *copy = arena_copy(&b, bytes, size);
			copy[i] ^= (uint8_t)(1u << bit);
			if (policy_decode(copy, size, &b, &p, NULL) != 0)
				refused++;
			else
				assert_non_null(policy_encode(&p, &b, &again));
			arena_fini(&b);
		}
	}
	assert_true(refused > size);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_comes_back),
		cmocka_unit_test(the_same_policy_gives_the_same_bytes),
		cmocka_unit_test(no_bytes_are_an_empty_policy),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(random_changes_are_refused_or_encode_to_themselves),
		cmocka_unit_test(a_forward_without_upstreams_is_refused),
		cmocka_unit_test(every_kind_comes_back_as_it_was),
		cmocka_unit_test(changed_bytes_of_every_kind_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
