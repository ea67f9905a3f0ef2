// SPDX-License-Identifier: Apache-2.0
// What a name is about, and what --explain says of each shape.
#include "tests/unit/image_fixture.h"

#include "cli/explain.h"
#include "cli/explain_object.h"
#include "cli/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void zones_of_texts(struct subject_zones *zones)
{
	static const char *const texts[] = {
		"local.", "cluster.local.", "in-addr.arpa.", "168.192.in-addr.arpa.", "ip6.arpa."};

	*zones = (struct subject_zones){0};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dname zone = image_fixture_name(texts[i]);
		assert_int_equal(subject_zones_add(zones, zone.wire), 0);
		assert_int_equal(subject_zones_add(zones, zone.wire), 0);
	}
	assert_int_equal(zones->n, 5);
}

static void names_are_split_by_their_shape(void **state)
{
	static const struct {
		const char *name;
		enum subject_shape shape;
		const char *ns, *service, *endpoint, *port, *protocol;
	} cases[] = {
		{"www.example.org.", SUBJECT_OUTSIDE, "", "", "", "", ""},
		{"Cluster.LOCAL.", SUBJECT_APEX, "", "", "", "", ""},
		{"svc.cluster.local.", SUBJECT_SVC, "", "", "", "", ""},
		{"pod.cluster.local.", SUBJECT_POD, "", "", "", "", ""},
		{"dns-version.cluster.local.", SUBJECT_DNS_VERSION, "", "", "", "", ""},
		{"ns.dns.cluster.local.", SUBJECT_NS_DNS, "", "", "", "", ""},
		{"x.dns.cluster.local.", SUBJECT_OTHER, "", "", "", "", ""},
		{"Kube-System.svc.cluster.local.", SUBJECT_NS_SVC, "kube-system", "", "", "", ""},
		{"web.a.svc.cluster.local.", SUBJECT_SERVICE, "a", "web", "", "", ""},
		{"svc.svc.svc.cluster.local.", SUBJECT_SERVICE, "svc", "svc", "", "", ""},
		{"h0.web.a.svc.cluster.local.", SUBJECT_ENDPOINT, "a", "web", "h0", "", ""},
		{"_http._tcp.web.a.svc.cluster.local.", SUBJECT_PORT, "a", "web", "", "_http",
			"_tcp"},
		{"x._http._tcp.web.a.svc.cluster.local.", SUBJECT_DEEP, "a", "web", "", "", ""},
		{"a.pod.cluster.local.", SUBJECT_NS_POD, "a", "", "", "", ""},
		{"10-0-0-1.a.pod.cluster.local.", SUBJECT_POD_NAME, "a", "", "10-0-0-1", "", ""},
		{"x.10-0-0-1.a.pod.cluster.local.", SUBJECT_POD_EXTRA, "a", "", "10-0-0-1", "", ""},
		{"z.y.x.10-0-0-1.a.pod.cluster.local.", SUBJECT_POD_DEEP, "a", "", "10-0-0-1", "",
			""},
		{"svc.local.", SUBJECT_SVC, "", "", "", "", ""},
		{"in-addr.arpa.", SUBJECT_REVERSE_APEX, "", "", "", "", ""},
		{"ns.dns.in-addr.arpa.", SUBJECT_NS_DNS, "", "", "", "", ""},
	};
	struct subject_zones zones;
	struct subject s;

	(void)state;
	zones_of_texts(&zones);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dname name;
		assert_int_equal(dname_parse(cases[i].name, &name), 0);
		subject_of(&zones, name.wire, &s);
		if (s.shape != cases[i].shape)
			fail_msg("%s: %s", cases[i].name, subject_shape_text(s.shape));
		assert_string_equal(s.ns, cases[i].ns);
		assert_string_equal(s.service, cases[i].service);
		assert_string_equal(s.endpoint, cases[i].endpoint);
		assert_string_equal(s.port, cases[i].port);
		assert_string_equal(s.protocol, cases[i].protocol);
	}
	subject_zones_fini(&zones);
}

static void only_whole_reverse_names_are_addresses(void **state)
{
	static const struct {
		const char *name;
		uint8_t family, first, last;
	} cases[] = {
		{"4.3.2.1.in-addr.arpa.", 4, 1, 4},
		{"4.3.168.192.in-addr.arpa.", 4, 192, 4},
		{"3.2.1.in-addr.arpa.", 0, 0, 0},
		{"256.3.2.1.in-addr.arpa.", 0, 0, 0},
		{"x.3.2.1.in-addr.arpa.", 0, 0, 0},
		{"5.4.3.2.1.in-addr.arpa.", 0, 0, 0},
		{"3.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa.", 6,
			0xfd, 0x53},
		{"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa.", 0, 0,
			0},
		{"g.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa.", 0, 0,
			0},
	};
	struct subject_zones zones;
	struct subject s;

	(void)state;
	zones_of_texts(&zones);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dname name;
		assert_int_equal(dname_parse(cases[i].name, &name), 0);
		subject_of(&zones, name.wire, &s);
		assert_int_equal(s.shape, SUBJECT_REVERSE);
		assert_int_equal(s.family, cases[i].family);
		if (s.family == 0)
			continue;
		assert_int_equal(s.address[0], cases[i].first);
		assert_int_equal(s.address[s.family == 4 ? 3 : 15], cases[i].last);
	}
	subject_zones_fini(&zones);
}

static void the_zones_of_a_snapshot_are_those_with_kubernetes_data(void **state)
{
	struct image_fixture f;
	const struct image_fixture_spec spec = {.n_services = 1, .generation = 1};
	struct subject_zones zones = {0};

	(void)state;
	image_fixture_make(&f, &spec);
	const struct snapshot s = {.base = &f.image};
	assert_int_equal(subject_zones_of(&s, &zones), 0);
	assert_int_equal(zones.n, 2); // not the root, which is forwarded
	assert_true(dname_is_equal(zones.items[0].wire, image_fixture_name("cluster.local.").wire));
	assert_true(dname_is_equal(zones.items[1].wire, image_fixture_name("in-addr.arpa.").wire));
	subject_zones_fini(&zones);
	image_fixture_free(&f);
}

// The explanation of one question put to the fixture.
static json_t *explain(const struct snapshot *s, const char *name, uint16_t type)
{
	static struct ask_reply reply;
	static struct dname wire;
	static struct ask a;

	assert_int_equal(dname_parse(name, &wire), 0);
	a = (struct ask){.to = ask_first_listener(s), .name = wire.wire, .type = type};
	ask_snapshot(s, &a, &reply);
	const struct reply_text t = {.snapshot = s, .ask = &a, .reply = &reply};
	return explain_json(&t);
}

static void every_shape_is_explained(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *answer, *object, *rule, *by;
	} cases[] = {
		{"cluster.local.", RR_TYPE_SOA, "the name has these records", "the zone itself",
			"kubernetes at line 2", "workers"},
		{"dns-version.cluster.local.", RR_TYPE_TXT, "the name has these records",
			"version of the DNS specification", "kubernetes at line 2", "workers"},
		{"svc0.ns.svc.cluster.local.", RR_TYPE_A, "the name has these records",
			"service ns/svc0", "kubernetes at line 2", "workers"},
		{"svc0.ns.svc.cluster.local.", RR_TYPE_MX, "the name has no records of this type",
			"service ns/svc0", "kubernetes at line 2", "workers"},
		{"hl.ns.svc.cluster.local.", RR_TYPE_A, "the name has these records",
			"service ns/hl (headless)", "kubernetes at line 2", "workers"},
		{"h1.hl.ns.svc.cluster.local.", RR_TYPE_A, "the name has these records",
			"endpoint h1 of service ns/hl", "kubernetes at line 2", "workers"},
		{"_http._tcp.svc0.ns.svc.cluster.local.", RR_TYPE_SRV, "the name has these records",
			"port http over tcp of service ns/svc0", "kubernetes at line 2", "workers"},
		{"in.ns.svc.cluster.local.", RR_TYPE_A, "the name has these records",
			"service ns/in (ExternalName)", "kubernetes at line 2", "workers"},
		{"out.ns.svc.cluster.local.", RR_TYPE_A,
			"an alias to a name outside: the slow path follows it", "service ns/out",
			"kubernetes at line 2", "slow path"},
		{"gone.ns.svc.cluster.local.", RR_TYPE_A, "there is no such name",
			"none; it would be service ns/gone", "kubernetes at line 2", "workers"},
		{"web.nowhere.svc.cluster.local.", RR_TYPE_A, "there is no such name",
			"none; there is no namespace nowhere, or it is not served",
			"kubernetes at line 2", "workers"},
		{"ns.svc.cluster.local.", RR_TYPE_A, "the name has no records of this type",
			"namespace ns", "kubernetes at line 2", "workers"},
		{"1-2-3-4.ns.pod.cluster.local.", RR_TYPE_A, "the name has these records",
			"made from the name; pods insecure looks at namespace ns only",
			"kubernetes at line 2", "workers"},
		{"0.0.97.10.in-addr.arpa.", RR_TYPE_PTR, "the name has these records",
			"address 10.97.0.0 of service ns/svc0", "kubernetes at line 2", "workers"},
		{"4.3.2.1.in-addr.arpa.", RR_TYPE_PTR, "the slow path asks for it",
			"address 1.2.3.4",
			"kubernetes at line 2, falls through to forward at line 5", "slow path"},
		{"www.example.org.", RR_TYPE_A, "the slow path asks for it", NULL,
			"forward at line 5", "slow path"},
		{"svc0.ns.svc.cluster.local.", RR_TYPE_AXFR, "zones are not transferred",
			"service ns/svc0", NULL, NULL},
	};
	struct image_fixture f;
	const struct image_fixture_spec spec = {.n_services = 2, .n_endpoints = 3, .generation = 1};

	(void)state;
	image_fixture_make(&f, &spec);
	const struct snapshot s = {.base = &f.image};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const keys[] = {"answer", "object", "rule", "executed_by"};
		const char *const want[] = {
			cases[i].answer, cases[i].object, cases[i].rule, cases[i].by};
		json_t *why = explain(&s, cases[i].name, cases[i].type);
		for (size_t k = 0; k < 4; k++) {
			const char *got = json_string_value(json_object_get(why, keys[k]));
			if ((got == NULL) != (want[k] == NULL) ||
				(got != NULL && strcmp(got, want[k]) != 0))
				fail_msg("%s %s: %s", cases[i].name, keys[k],
					got == NULL ? "nothing" : got);
		}
		assert_int_equal(json_integer_value(json_object_get(why, "generation")), 1);
		json_decref(why);
	}
	image_fixture_free(&f);
}

static void assert_text(json_t *why, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(why, key));

	assert_non_null(got);
	assert_string_equal(got, want);
}

static struct image_step *steps_of(struct image_fixture *f)
{
	uint8_t *bytes = f->bytes; // the test's own

	return (void *)(bytes + f->image.header->part[IMAGE_STEPS].offset);
}

static void a_rewrite_in_front_of_the_cluster_hides_its_objects(void **state)
{
	static const char *const names[] = {
		"svc0.ns.svc.cluster.local.", "nope.ns.svc.cluster.local."};
	static const char *const objects[] = {
		"not looked up; by its name it would be service ns/svc0",
		"not looked up; by its name it would be service ns/nope"};
	struct image_fixture f;
	const struct image_fixture_spec spec = {.n_services = 2, .n_endpoints = 3, .generation = 1};

	(void)state;
	image_fixture_make(&f, &spec);
	const struct snapshot s = {.base = &f.image};
	struct image_step *steps = steps_of(&f);
	struct image_step *first = steps, *forward = steps;
	for (unsigned i = 0; i < f.image.n_rules; i++) {
		const struct image_rule *rule = &f.image.rules[i];
		if (rule->flags & RULE_ROTATE) // cluster.local
			first = &steps[rule->first_step];
	}
	for (unsigned i = 0; i < f.image.n_steps; i++) {
		if (steps[i].line == 5)
			forward = &steps[i];
	}
	assert_int_equal(first->kind, STEP_LOOKUP);
	assert_int_equal(forward->line, 5);
	struct subject_zones zones = {0};
	assert_int_equal(subject_zones_of(&s, &zones), 0);
	uint8_t *text = f.bytes;
	memcpy(text + ((const uint8_t *)f.image.text - text) + forward->plugin_off, "rewrite", 7);
	first->kind = STEP_PUNT;
	first->view = 0; // for each type
	first->plugin_off = forward->plugin_off;
	first->plugin_size = forward->plugin_size;
	for (size_t i = 0; i < 2; i++) {
		json_t *why = explain(&s, names[i], RR_TYPE_A);
		assert_text(why, "answer",
			"the rewrite at line 2 runs in the slow path: ask an address that is "
			"served");
		struct dname wire = image_fixture_name(names[i]);
		static struct ask_reply reply;
		static struct subject u;
		struct ask a = {.to = ask_first_listener(&s), .name = wire.wire, .type = RR_TYPE_A};
		char object[256];
		ask_snapshot(&s, &a, &reply);
		subject_of(&zones, wire.wire, &u);
		const struct explain_question q = {&s, &zones, &a, &reply};
		assert_string_equal(explain_object(&q, &u, object, sizeof(object)), objects[i]);
		json_decref(why);
	}
	subject_zones_fini(&zones);
	image_fixture_free(&f);
}

static void a_step_without_a_directive_is_no_plugin(void **state)
{
	struct image_fixture f;
	const struct image_fixture_spec spec = {.n_services = 2, .n_endpoints = 3, .generation = 1};

	(void)state;
	image_fixture_make(&f, &spec);
	const struct snapshot s = {.base = &f.image};
	for (unsigned i = 0; i < f.image.n_steps; i++) {
		if (steps_of(&f)[i].line != 5)
			continue;
		steps_of(&f)[i].kind = STEP_SERVFAIL;
		steps_of(&f)[i].plugin_size = 0;
		steps_of(&f)[i].line = 0;
	}
	json_t *why = explain(&s, "4.3.2.1.in-addr.arpa.", RR_TYPE_PTR);
	assert_text(why, "rule", "kubernetes at line 2, falls through to no other plugin");
	assert_null(json_object_get(why, "plugin"));
	json_decref(why);
	why = explain(&s, "www.example.org.", RR_TYPE_A);
	assert_text(why, "rule", "no plugin");
	json_decref(why);
	image_fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_split_by_their_shape),
		cmocka_unit_test(only_whole_reverse_names_are_addresses),
		cmocka_unit_test(the_zones_of_a_snapshot_are_those_with_kubernetes_data),
		cmocka_unit_test(every_shape_is_explained),
		cmocka_unit_test(a_rewrite_in_front_of_the_cluster_hides_its_objects),
		cmocka_unit_test(a_step_without_a_directive_is_no_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
