// SPDX-License-Identifier: Apache-2.0
// Tests of what a Corefile becomes: keys, binds, order and repetition of directives.
#include "zones/corefile/cluster.h"
#include "zones/corefile/config.h"
#include "zones/corefile/plugins.h"
#include "zones/corefile/service.h"
#include "zones/corefile/upstream.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config parsed;

static const struct config *parse(const char *text, uint16_t port)
{
	const struct config_options o = {.port = port, .skip_file_checks = true};
	struct err e = {0};
	char message[512];

	config_free(&parsed);
	if (config_parse_text("Corefile", text, &o, &parsed, &e) != 0)
		fail_msg("%s: %s", text, err_print(&e, message, sizeof(message)));
	return &parsed;
}

static int clean(void **state)
{
	(void)state;
	config_free(&parsed);
	return 0;
}

// The options of the n-th directive of a kind in the first block that `line` makes.
static const void *options(const char *line, enum config_kind kind, size_t n)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "cluster.local .:53 {\n%s\n}\n", line);
	const struct config_directive *d = config_find(&parse(text, 0)->servers[0], kind, n);
	assert_non_null(d);
	return d->data;
}

static void keys_become_zones_and_ports(void **state)
{
	static const struct {
		const char *keys;
		const char *zones; // "zone:port ..."
	} cases[] = {
		{".", ".:53"}, {".:8053", ".:8053"}, {"dns://.:5353", ".:5353"},
		{"dns://Example.ORG", "example.org.:53"},
		{"example.org. a:1", "example.org.:53 a.:1"},
		{"10.0.0.0/24", "0.0.10.in-addr.arpa.:53"},
		{"10.0.0.0/24:5300", "0.0.10.in-addr.arpa.:5300"},
		{"10.0.0.0/15", "0.10.in-addr.arpa.:53 1.10.in-addr.arpa.:53"},
		{"10.3.4.5/15", "2.10.in-addr.arpa.:53 3.10.in-addr.arpa.:53"},
		{"10.0.0.8/30",
			"8.0.0.10.in-addr.arpa.:53 9.0.0.10.in-addr.arpa.:53 "
			"10.0.0.10.in-addr.arpa.:53 11.0.0.10.in-addr.arpa.:53"},
		{"0.0.0.0/0", "in-addr.arpa.:53"}, {"10.0.0.1/32", "1.0.0.10.in-addr.arpa.:53"},
		{"fd00::/8", "d.f.ip6.arpa.:53"}, {"fd00::/7", "c.f.ip6.arpa.:53 d.f.ip6.arpa.:53"},
		{"2001:db8::/32:5300", "8.b.d.0.1.0.0.2.ip6.arpa.:5300"},
		{"10.0.0.0", "10.0.0.0.:53"}, // no mask: a name like any other
		{"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa.:53"}, // RFC 2317
	};
	char text[512];
	char got[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(text, sizeof(text), "%s {\n}\n", cases[i].keys);
		const struct config_server *s = &parse(text, 0)->servers[0];
		got[0] = '\0';
		for (size_t k = 0; k < s->n_keys; k++) {
			size_t len = strlen(got);
			(void)snprintf(got + len, sizeof(got) - len, "%s%s:%u", k == 0 ? "" : " ",
				s->keys[k].zone.text, s->keys[k].port);
		}
		assert_string_equal(got, cases[i].zones);
	}
}

static void a_wide_range_gives_as_many_zones_as_it_has_labels(void **state)
{
	const struct config_server *s = NULL;

	(void)state;
	s = &parse("10.0.0.0/25 {\n}\n", 0)->servers[0];
	assert_int_equal(s->n_keys, 128);
	assert_string_equal(s->keys[127].zone.text, "127.0.0.10.in-addr.arpa.");
	s = &parse("10.0.0.0/9 {\n}\n", 0)->servers[0];
	assert_int_equal(s->n_keys, 128);
}

static void zones_come_in_wire_form_too(void **state)
{
	const struct config_zone *z = &parse("Ab.c {\n}\n", 0)->servers[0].keys[0].zone;

	(void)state;
	assert_int_equal(z->wire_bytes, 6);
	assert_memory_equal(z->wire,
		"\x02"
		"ab\x01"
		"c",
		6);
}

static void the_default_port_is_an_option(void **state)
{
	const struct config *c = parse("a {\n}\nb:1 {\n}\n", 5310);

	(void)state;
	assert_int_equal(c->servers[0].keys[0].port, 5310);
	assert_int_equal(c->servers[1].keys[0].port, 1);
}

static void binds_add_up(void **state)
{
	const struct config_server *s =
		&parse(". {\nbind 127.0.0.1 ::1\nbind eth0 {\nexcept 10.0.0.1\n}\n}\n", 0)
			 ->servers[0];

	(void)state;
	assert_int_equal(s->n_binds, 4);
	assert_string_equal(s->binds[1].text, "::1");
	assert_false(s->binds[1].is_interface);
	assert_true(s->binds[2].is_interface);
	assert_true(s->binds[3].is_except);
}

static void one_zone_may_be_served_on_two_addresses(void **state)
{
	(void)state;
	assert_int_equal(
		parse("a {\nbind 127.0.0.1\n}\na {\nbind 127.0.0.2\n}\n", 0)->n_servers, 2);
	assert_int_equal(parse("a:1 {\n}\na:2 {\n}\n", 0)->n_servers, 2);
}

static void directives_stand_in_order_of_execution(void **state)
{
	static const char *const expected[] = {"reload", "errors", "log", "rewrite", "rewrite",
		"cache", "kubernetes", "forward", "forward"};
	const struct config_server *s = &parse(
		"a {\nforward b 1.1.1.1\nforward . 2.2.2.2\nkubernetes\ncache\nrewrite name x y\n"
		"rewrite name z w\nlog\nerrors\nreload\n}\n",
		0)
						 ->servers[0];

	(void)state;
	assert_int_equal(s->n_directives, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(s->directives[i].name, expected[i]);
	const struct config_forward *f = config_find(s, DIR_FORWARD, 0)->data;
	assert_string_equal(f->from.text, "b.");
	assert_int_equal(config_find(s, DIR_CACHE, 0)->pos.line, 5);
	assert_null(config_find(s, DIR_CACHE, 1));
	assert_null(config_find(s, DIR_HOSTS, 0));
}

static void of_repeated_directives_one_counts_as_in_coredns(void **state)
{
	(void)state;
	const struct config_reload *r = options("reload 10s\nreload 20s", DIR_RELOAD, 0);
	assert_int_equal(r->interval_ms, 10000);
	assert_null(config_find(&parsed.servers[0], DIR_RELOAD, 1));
	const struct config_health *h = options("health :1\nhealth :2", DIR_HEALTH, 0);
	assert_int_equal(h->listen.port, 2);
	assert_null(config_find(&parsed.servers[0], DIR_HEALTH, 1));
}

static void without_a_corefile_there_is_the_built_in_one(void **state)
{
	char dir[] = "/tmp/b53-empty-XXXXXX";
	char old[4096];
	struct config c = {0};
	struct err e = {0};

	(void)state;
	assert_non_null(getcwd(old, sizeof(old)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(config_parse_file(NULL, NULL, &c, &e), 0);
	assert_int_equal(chdir(old), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_true(c.is_builtin);
	assert_non_null(config_find(&c.servers[0], DIR_WHOAMI, 0));
	assert_non_null(config_find(&c.servers[0], DIR_LOG, 0));
	config_free(&c);
	assert_int_equal(config_parse_file("/nonexistent/Corefile", NULL, &c, &e), -ENOENT);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_become_zones_and_ports),
		cmocka_unit_test(a_wide_range_gives_as_many_zones_as_it_has_labels),
		cmocka_unit_test(zones_come_in_wire_form_too),
		cmocka_unit_test(the_default_port_is_an_option),
		cmocka_unit_test(binds_add_up),
		cmocka_unit_test(one_zone_may_be_served_on_two_addresses),
		cmocka_unit_test(directives_stand_in_order_of_execution),
		cmocka_unit_test(of_repeated_directives_one_counts_as_in_coredns),
		cmocka_unit_test(without_a_corefile_there_is_the_built_in_one),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
