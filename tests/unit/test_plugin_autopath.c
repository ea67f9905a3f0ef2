// SPDX-License-Identifier: Apache-2.0
// autopath: whose search list is walked, what comes back, and what is counted.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "slowpath/plugin/record_text.h"
#include "zones/base/array.h"
#include "zones/wire/dname.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VIEW = 7 };

static const struct play_reply world[] = {
	{"web.other.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, HEADER_AA,
		{"web.other.svc.cluster.local. 5 IN A 10.0.0.1"}},
	{"www.example.net.", RR_TYPE_A, RCODE_NOERROR, 0,
		{"www.example.net. 60 IN CNAME t.example.net.",
			"t.example.net. 30 IN A 192.0.2.1"}},
	{"near.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, HEADER_AA,
		{"near.ns.svc.cluster.local. 5 IN A 10.0.0.2"}},
	{"empty.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, HEADER_AA, {NULL}},
};

// 10.1.0.5 is a pod of the namespace ns.
static bool find_pod(
	struct job *j, uint16_t view, const struct question *what, struct response *out)
{
	static const uint8_t pod[] = "\0100a010005\011@autopath";
	struct response_rr rr;

	assert_int_equal(view, VIEW);
	assert_int_equal(what->type, RR_TYPE_PTR);
	response_init(out, RCODE_NOERROR, 0);
	if (!dname_is_equal(what->name.wire, pod))
		return false;
	assert_int_equal(record_text_parse(&j->arena, "x. 0 IN PTR ns.", &rr), 0);
	assert_int_equal(response_add(&j->arena, out, RESPONSE_ANSWER, &rr), 0);
	return true;
}

struct one {
	uint8_t from; // last byte of 10.1.0.x
	const char *name, *behind, *reply;
};

static void pods_walk_the_list_of_their_namespace(void **state)
{
	static const struct one cases[] = {
		{5, "near.ns.svc.cluster.local.", "near.ns.svc.cluster.local. A",
			"NOERROR aa | near.ns.svc.cluster.local. 5 IN A 10.0.0.2"},
		{5, "web.other.ns.svc.cluster.local.", "web.other.ns.svc.cluster.local. A",
			"NOERROR aa | web.other.ns.svc.cluster.local. 5 IN CNAME "
			"web.other.svc.cluster.local. | web.other.svc.cluster.local. 5 IN A "
			"10.0.0.1"},
		{5, "WWW.example.net.ns.svc.cluster.local.",
			"www.example.net.ns.svc.cluster.local. A",
			"NOERROR | WWW.example.net.ns.svc.cluster.local. 60 IN CNAME "
			"www.example.net. | www.example.net. 60 IN CNAME t.example.net. | "
			"t.example.net. 30 IN A 192.0.2.1"},
		// Found, though there is nothing of the type.
		{5, "empty.ns.svc.cluster.local.", "empty.ns.svc.cluster.local. A", "NOERROR aa"},
		// Nothing in the whole list: the first reply.
		{5, "no.where.ns.svc.cluster.local.", "no.where.ns.svc.cluster.local. A",
			"NXDOMAIN"},
		// Not below the first element, or no pod that asks.
		{5, "web.other.x.svc.cluster.local.", "web.other.x.svc.cluster.local. A",
			"NXDOMAIN"},
		{6, "web.other.ns.svc.cluster.local.", "web.other.ns.svc.cluster.local. A",
			"NXDOMAIN"},
	};
	const struct policy_name zone = {(const uint8_t *)"\7cluster\5local"};
	const struct policy_autopath rule = {.zones = {&zone, 1},
		.from_kubernetes = true,
		.view = VIEW,
		.cluster_zone = zone,
		.resolv_conf = ""};
	(void)state;

	static struct rule_counters counters; // large
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct play p = {.ops = {{&plugin_autopath, &rule}},
			.n = 1,
			.world = world,
			.n_world = ARRAY_LEN(world),
			.from = {4, {10, 1, 0, cases[i].from}, 1000},
			.counters = &counters,
			.find = find_pod};
		assert_string_equal(play(&p, cases[i].name), cases[i].reply);
		assert_string_equal(p.behind, cases[i].behind);
	}
	assert_int_equal(rule_counters_sum(&counters, RULE_AUTOPATH_SUCCESSES), 4);
	assert_int_equal(rule_counters_sum(&counters, RULE_AUTOPATH_PODS), ARRAY_LEN(cases) - 1);
	assert_int_equal(rule_counters_sum(&counters, RULE_AUTOPATH_STRANGERS), 1);
	assert_string_equal(counters.series[0].values, "dns://:53");
}

static void a_file_that_is_not_there_is_told_and_waited_for(void **state)
{
	const struct policy_name root = {(const uint8_t *)""};
	char path[] = "/tmp/b53-search-XXXXXX";
	const struct policy_autopath rule = {
		.zones = {&root, 1}, .cluster_zone = root, .resolv_conf = path};
	struct err err = {0};
	void *made = NULL;
	(void)state;

	assert_false(plugin_autopath.prepare(&rule, &made, &err));
	assert_non_null(strstr(err.text, path));
	assert_false(plugin_autopath.is_outdated(&rule, NULL));
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs("# lists\nsearch a.test b.test\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_true(plugin_autopath.is_outdated(&rule, NULL));
	assert_true(plugin_autopath.prepare(&rule, &made, &err));
	assert_false(plugin_autopath.is_outdated(&rule, made));
	plugin_autopath.release(made);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_walk_the_list_of_their_namespace),
		cmocka_unit_test(a_file_that_is_not_there_is_told_and_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
