// SPDX-License-Identifier: Apache-2.0
// k8s_external: services by their outside addresses, in zones of their own; and the places of pods
// that autopath looks up.
#include "tests/unit/objects_fixture.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct external_case {
	const char *options; // of k8s_external
	const char *local; // an address of the server
	const char *objects;
	const char *records; // in example.org, in order
};

static const struct external_case cases[] = {
	// Every outside address, and ports as in the cluster zone.
	{"", NULL,
		"namespace ns\nservice ns/lb ips=10.0.0.1 ports=http/tcp/80 external=192.0.2.1 "
		"external=2001:db8::2\n",
		"_._.lb.ns.example.org. [1] A 192.0.2.1\n"
		"_._.lb.ns.example.org. [1] AAAA 2001:db8::2\n"
		"_._.lb.ns.example.org. [1] SRV 0 50 80 lb.ns.example.org.\n"
		"_._.lb.ns.example.org. [1] SRV+ lb.ns.example.org. 192.0.2.1\n"
		"_._.lb.ns.example.org. [1] SRV+ lb.ns.example.org. 2001:db8::2\n"
		"_._tcp.lb.ns.example.org. [5] A 192.0.2.1\n"
		"_._tcp.lb.ns.example.org. [5] AAAA 2001:db8::2\n"
		"_._tcp.lb.ns.example.org. [5] SRV 0 50 80 lb.ns.example.org.\n"
		"_._tcp.lb.ns.example.org. [5] SRV+ lb.ns.example.org. 192.0.2.1\n"
		"_._tcp.lb.ns.example.org. [5] SRV+ lb.ns.example.org. 2001:db8::2\n"
		"_http._.lb.ns.example.org. [3] A 192.0.2.1\n"
		"_http._.lb.ns.example.org. [3] AAAA 2001:db8::2\n"
		"_http._.lb.ns.example.org. [3] SRV 0 50 80 lb.ns.example.org.\n"
		"_http._.lb.ns.example.org. [3] SRV+ lb.ns.example.org. 192.0.2.1\n"
		"_http._.lb.ns.example.org. [3] SRV+ lb.ns.example.org. 2001:db8::2\n"
		"_http._tcp.lb.ns.example.org. [f] A 192.0.2.1\n"
		"_http._tcp.lb.ns.example.org. [f] AAAA 2001:db8::2\n"
		"_http._tcp.lb.ns.example.org. [f] SRV 0 50 80 lb.ns.example.org.\n"
		"_http._tcp.lb.ns.example.org. [f] SRV+ lb.ns.example.org. 192.0.2.1\n"
		"_http._tcp.lb.ns.example.org. [f] SRV+ lb.ns.example.org. 2001:db8::2\n"
		"lb.ns.example.org. A 192.0.2.1\n"
		"lb.ns.example.org. AAAA 2001:db8::2\n"
		"lb.ns.example.org. SRV 0 50 80 lb.ns.example.org.\n"
		"lb.ns.example.org. SRV+ lb.ns.example.org. 192.0.2.1\n"
		"lb.ns.example.org. SRV+ lb.ns.example.org. 2001:db8::2\n"
		"ns.example.org. -\n"},
	// A load balancer that has a name.
	{"", NULL,
		"namespace ns\nservice ns/h ips=10.0.0.1 ports=http/tcp/80 host=lb.example.net\n",
		"_http._tcp.h.ns.example.org. [f] A=CNAME lb.example.net.\n"
		"_http._tcp.h.ns.example.org. [f] AAAA=CNAME lb.example.net.\n"
		"_http._tcp.h.ns.example.org. [f] SRV 0 100 80 lb.example.net.\n"
		"h.ns.example.org. A=CNAME lb.example.net.\n"
		"h.ns.example.org. AAAA=CNAME lb.example.net.\n"
		"h.ns.example.org. SRV 0 100 80 lb.example.net.\n"
		"ns.example.org. -\n"},
	// One port number of two protocols is one record.
	{"", NULL,
		"namespace ns\nservice ns/h ips=10.0.0.1 ports=dns/udp/53,dns-tcp/tcp/53 "
		"host=lb.example.net\n",
		"_dns-tcp._tcp.h.ns.example.org. [f] A=CNAME lb.example.net.\n"
		"_dns-tcp._tcp.h.ns.example.org. [f] AAAA=CNAME lb.example.net.\n"
		"_dns-tcp._tcp.h.ns.example.org. [f] SRV 0 100 53 lb.example.net.\n"
		"_dns._udp.h.ns.example.org. [f] A=CNAME lb.example.net.\n"
		"_dns._udp.h.ns.example.org. [f] AAAA=CNAME lb.example.net.\n"
		"_dns._udp.h.ns.example.org. [f] SRV 0 100 53 lb.example.net.\n"
		"h.ns.example.org. A=CNAME lb.example.net.\n"
		"h.ns.example.org. AAAA=CNAME lb.example.net.\n"
		"h.ns.example.org. SRV 0 50 53 lb.example.net.\n"
		"ns.example.org. -\n"},
	// Nothing outside, nothing here.
	{"", NULL,
		"namespace ns\nservice ns/web ips=10.0.0.1\nservice ns/hl headless\n"
		"slice ns/hl-1 of=hl ports=p/tcp/1 ep=10.1.0.1;host=a\n",
		"ns.example.org. -\n"},
	// The endpoints of headless services when they are wanted, and those of others by name.
	{"headless", NULL,
		"namespace ns\nservice ns/web ips=10.0.0.1\nservice ns/hl headless\n"
		"slice ns/hl-1 of=hl ep=10.1.0.1;host=a\nslice ns/web-1 of=web "
		"ep=10.1.0.2;host=b\n",
		"_._.hl.ns.example.org. [1] A 10.1.0.1\n"
		"a.hl.ns.example.org. A 10.1.0.1\nb.web.ns.example.org. A 10.1.0.2\n"
		"hl.ns.example.org. A 10.1.0.1\nns.example.org. -\n"},
	// The name server's names are taken.
	{"apex taken", NULL, "namespace ns\nnamespace taken\nservice taken/lb external=192.0.2.1\n",
		"ns.example.org. -\ntaken.example.org. -\n"},
	// Without a namespace there are no services.
	{"", NULL, "service gone/lb external=192.0.2.1\n", ""},
};

static const struct external_case apexes[] = {
	{"", "10.9.9.9", "",
		"dns.example.org. -\n"
		"example.org. NS ns1.dns.example.org.\n"
		"example.org. NS+ ns1.dns.example.org. 10.9.9.9\n"
		"example.org. SOA 7 5\n"
		"ns1.dns.example.org. A 10.9.9.9\n"},
	{"apex top", "10.1.0.1",
		"namespace ns\nservice ns/dns ips=10.0.0.10 external=192.0.2.53\n"
		"slice ns/dns-1 of=dns ports=dns/udp/53 ep=10.1.0.1\n",
		"_._.dns.ns.example.org. [1] A 192.0.2.53\n"
		"dns.ns.example.org. A 192.0.2.53\n"
		"example.org. NS ns1.top.example.org.\n"
		"example.org. NS+ ns1.top.example.org. 192.0.2.53\n"
		"example.org. SOA 7 5\n"
		"ns.example.org. -\n"
		"ns1.top.example.org. A 192.0.2.53\n"
		"top.example.org. -\n"},
};

// The lines whose name lies in the zone.
static char *in_zone(const char *have, const char *zone)
{
	char *out = calloc(1, strlen(have) + 1);

	assert_non_null(out);
	for (const char *l = have; *l != '\0';) {
		size_t len = strcspn(l, "\n");
		size_t name = strcspn(l, " \n");
		size_t n = strlen(zone);
		if (name >= n && strncmp(l + name - n, zone, n) == 0) {
			(void)strncat(out, l, len);
			(void)strcat(out, "\n");
		}
		l += len + (l[len] == '\n');
	}
	return out;
}

static void run_case(const struct external_case *c, enum objects_apex apex)
{
	const struct config_options o = {.skip_file_checks = true};
	struct store *s = store_new(NULL, NULL);
	struct config config = {0};
	struct object_address local;
	struct err e = {0};
	char text[512];
	struct synth y;

	(void)snprintf(text, sizeof(text),
		".:53 {\n k8s_external example.org {\n %s\n }\n kubernetes cluster.local {\n "
		"endpoint http://127.0.0.1:1\n }\n}\n",
		c->options); // fits
	if (config_parse_text("test", text, &o, &config, &e) != 0)
		fail_msg("Corefile: %s", e.text);
	objects_put(s, OBJECT_LIVE, c->objects);
	assert_int_equal(synth_init(&y, s, config.servers[0].kubernetes), 0);
	assert_int_equal(
		synth_add_external(&y, config_find(&config.servers[0], DIR_K8S_EXTERNAL, 0)->data),
		0);
	if (c->local != NULL && object_address_parse(c->local, &local))
		synth_add_local(&y, &local);
	y.serial = 42;
	y.external_serial = 7;
	char *have = objects_records(s, &y, apex);
	char *mine = in_zone(have, "example.org.");
	assert_string_equal(mine, c->records);
	free(mine);
	free(have);
	synth_fini(&y);
	config_free(&config);
	store_free(s);
}

static void services_are_named_by_their_outside_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_case(&cases[i], OBJECTS_WITHOUT_APEX);
}

static void the_zone_has_its_own_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(apexes); i++)
		run_case(&apexes[i], OBJECTS_WITH_APEX);
}

static void zones_and_apexes_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = {
		"k8s_external cluster.local", "k8s_external example.org {\n apex a.b\n }"};
	const struct config_options o = {.skip_file_checks = true};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct config config = {0};
		struct err e = {0};
		char text[512];
		(void)snprintf(text, sizeof(text),
			".:53 {\n %s\n kubernetes cluster.local {\n endpoint http://127.0.0.1:1\n "
			"}\n}\n",
			bad[i]); // fits
		assert_int_not_equal(config_parse_text("test", text, &o, &config, &e), 0);
		assert_int_equal(e.line, 2);
		config_free(&config);
	}
}

static void addresses_of_pods_lead_to_their_namespace(void **state)
{
	struct store *s = store_new(NULL, NULL);
	struct config config;
	struct synth y;
	(void)state;

	objects_put(s, OBJECT_LIVE, "namespace ns\npod ns/a ip=10.1.0.5\npod ns/b ip=fd00::5\n");
	assert_int_equal(synth_init(&y, s, objects_config(&config, NULL, "pods verified")), 0);
	for (int turn = 0; turn < 2; turn++) {
		char *have = objects_records(s, &y, OBJECTS_WITHOUT_APEX);
		char *mine = in_zone(have, "@autopath.");
		assert_string_equal(mine,
			turn == 0 ? ""
				  : "0a010005.@autopath. PTR ns.\n"
				    "fd000000000000000000000000000005.@autopath. PTR ns.\n");
		free(mine);
		free(have);
		y.has_places = true;
	}
	synth_fini(&y);
	config_free(&config);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_are_named_by_their_outside_addresses),
		cmocka_unit_test(the_zone_has_its_own_server),
		cmocka_unit_test(addresses_of_pods_lead_to_their_namespace),
		cmocka_unit_test(zones_and_apexes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
