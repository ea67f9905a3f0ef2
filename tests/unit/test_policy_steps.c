// SPDX-License-Identifier: Apache-2.0
// Tests of control/policy: from a Corefile to listeners, rules and steps.
#include "control/policy.h"
#include "control/publish/sealed.h"
#include "zones/base/array.h"
#include "zones/image/image.h"
#include "zones/link/publish.h"
#include "zones/wire/dname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct policy_case {
	const char *what;
	const char *corefile;
	const char *policy; // as print_policy prints it
};

#define K "kubernetes cluster.local in-addr.arpa {\n"

static const struct policy_case cases[] = {
	{"a zone without fallthrough ends there, the rest is forwarded",
		".:53 {\n " K " }\n forward . 192.0.2.1\n}\n",
		"listener any:53\n cluster.local.: lookup1\n in-addr.arpa.: lookup1\n .: "
		"punt(forward)\n"},
	{"fallthrough goes on to what follows",
		".:53 {\n " K " fallthrough in-addr.arpa\n }\n forward . 192.0.2.1\n}\n",
		"listener any:53\n cluster.local.: lookup1\n in-addr.arpa.: lookup1+fall "
		"punt(forward)\n .: punt(forward)\n"},
	{"without forward a miss behind fallthrough is SERVFAIL",
		".:53 {\n " K " fallthrough\n }\n}\n",
		"listener any:53\n cluster.local.: lookup1+fall servfail\n in-addr.arpa.: "
		"lookup1+fall servfail\n .: servfail\n"},
	{"a block without plugins refuses", ".:53 {\n}\n", "listener any:53\n .: refuse\n"},
	{"the longest key decides, whatever other blocks' plugins say",
		".:53 {\n " K " }\n}\nlocal:53 {\n forward . 192.0.2.1\n}\n",
		"listener any:53\n in-addr.arpa.: lookup1\n local.: punt(forward)\n .: servfail\n"},
	{"a deeper block takes its names out of another's zone",
		".:53 {\n " K " }\n}\nprod.cluster.local:53 {\n forward . 192.0.2.1\n}\n",
		"listener any:53\n prod.cluster.local.: punt(forward)\n cluster.local.: lookup1\n "
		"in-addr.arpa.: lookup1\n .: servfail\n"},
	{"ports and addresses are listeners of their own",
		".:53 {\n bind 10.0.0.1\n " K " }\n}\n.:5353 {\n whoami\n}\n",
		"listener 10.0.0.1:53\n cluster.local.: lookup1\n in-addr.arpa.: lookup1\n .: "
		"servfail\nlistener any:5353\n .: punt(whoami)\nblock 2\n .: punt(whoami) "
		"servfail\n"},
	{"the unspecified address is every address", ".:53 {\n bind 0.0.0.0\n " K " }\n}\n",
		"listener any:53\n cluster.local.: lookup1\n in-addr.arpa.: lookup1\n .: "
		"servfail\n"},
	{"two instances have two views",
		".:53 {\n bind 10.0.0.1\n kubernetes a.test\n}\n.:53 {\n bind 10.0.0.2\n "
		"kubernetes a.test\n}\n",
		"listener 10.0.0.1:53\n a.test.: lookup1\n .: servfail\nlistener 10.0.0.2:53\n "
		"a.test.: lookup2\n .: servfail\n"},
	{"forward leaves out what it excepts",
		".:53 {\n forward . 192.0.2.1 {\n except corp.test\n }\n}\n",
		"listener any:53\n corp.test.: servfail\n .: punt(forward)\n"},
	{"a rewrite of one name sends only that name to the slow path",
		".:53 {\n rewrite name db.test web.ns.svc.cluster.local\n " K " }\n}\n",
		"listener any:53\n cluster.local.: lookup1\n in-addr.arpa.: lookup1\n db.test.: "
		"punt(rewrite)\n .: servfail\nblock 1\n cluster.local.: lookup1\n "
		"in-addr.arpa.: lookup1\n db.test.: punt(rewrite) servfail\n .: servfail\n"},
	{"a rewrite of patterns sends everything there",
		".:53 {\n rewrite name regex (.*)\\.a\\.test {1}.b.test\n " K " }\n}\n",
		"listener any:53\n cluster.local.: punt(rewrite)\n in-addr.arpa.: punt(rewrite)\n "
		".: punt(rewrite)\nblock 1\n cluster.local.: punt(rewrite) lookup1\n "
		"in-addr.arpa.: punt(rewrite) lookup1\n .: punt(rewrite) servfail\n"},
	{"directives for one type leave the others to the workers",
		".:53 {\n any\n " K " }\n template IN MX a.test\n forward . 192.0.2.1\n}\n",
		"listener any:53\n cluster.local.: punt(any ANY) lookup1\n in-addr.arpa.: "
		"punt(any ANY) lookup1\n a.test.: punt(any ANY) punt(template MX) "
		"punt(forward)\n .: punt(any ANY) punt(forward)\nblock 1\n cluster.local.: "
		"punt(any ANY) lookup1\n in-addr.arpa.: punt(any ANY) lookup1\n a.test.: "
		"punt(any ANY) punt(template MX) punt(forward) servfail\n .: punt(any ANY) "
		"punt(forward) servfail\n"},
	{"pods and zones are flags of the step",
		".:53 {\n kubernetes cluster.local {\n pods insecure\n zonal\n }\n}\n",
		"listener any:53\n cluster.local.: lookup1+pods+zonal\n .: servfail\n"},
	{"hosts are looked up first, where they have names",
		".:53 {\n hosts /nonexistent {\n 10.0.0.1 a.test\n fallthrough\n }\n " K " }\n "
		"forward . 192.0.2.1\n}\n",
		"listener any:53\n cluster.local.: lookup1\n in-addr.arpa.: static2 lookup1\n .: "
		"static2 punt(forward)\n"},
	{"hosts leave types that they cannot hold to others only where they fall through",
		".:53 {\n hosts /nonexistent {\n 10.0.0.1 a.test\n fallthrough a.test\n "
		"fallthrough_unsupported\n }\n forward . 192.0.2.1\n}\n",
		"listener any:53\n a.test.: static1+types punt(forward)\n .: static1 servfail+ptr "
		"punt(forward)\n"},
	{"hosts without fallthrough end with SERVFAIL",
		".:53 {\n hosts /nonexistent a.test {\n 10.0.0.1 x.a.test\n }\n forward . "
		"192.0.2.1\n}\n",
		"listener any:53\n a.test.: static1 servfail+ptr punt(forward)\n .: static1 "
		"punt(forward)\n"},
	{"addresses are known in every zone",
		".:53 {\n hosts /nonexistent a.test {\n 10.0.0.1 x.a.test\n no_reverse\n }\n "
		"forward . 192.0.2.1\n}\n",
		"listener any:53\n a.test.: static1 servfail+ptr punt(forward)\n .: "
		"punt(forward)\n"},
	{"an order of the slow path's is not rotated again",
		".:53 {\n loadbalance {\n prefer 10.0.0.0/8\n }\n forward . 192.0.2.1\n}\n",
		"listener any:53\n .: punt(loadbalance)\nblock 1\n .: punt(loadbalance) "
		"punt(forward) servfail\n"},
	{"loadbalance rotates, minimal strips, bufsize lowers",
		".:53 {\n loadbalance\n minimal\n bufsize 600\n " K " }\n}\n",
		"listener any:53\n cluster.local.: rotate minimal 600 lookup1\n in-addr.arpa.: "
		"rotate minimal 600 lookup1\n .: rotate minimal 600 servfail\n"},
};

static void print_step(const struct image *img, const struct image_step *s, FILE *f)
{
	static const char *const kinds[] = {"", "lookup", "static", "punt", "refuse", "servfail"};
	char type[16];

	(void)fprintf(f, " %s", kinds[s->kind]);
	if (s->kind == STEP_LOOKUP || s->kind == STEP_STATIC)
		(void)fprintf(f, "%u", s->view);
	if (s->kind == STEP_PUNT)
		(void)fprintf(f, "(%.*s%s%s)", s->plugin_size,
			(const char *)img->text + s->plugin_off, s->view == 0 ? "" : " ",
			s->view == 0 ? "" : rr_type_print(s->view, type, sizeof(type)));
	if (s->flags & STEP_FALLTHROUGH)
		(void)fputs("+fall", f);
	if (s->flags & STEP_PODS_INSECURE)
		(void)fputs("+pods", f);
	if (s->flags & STEP_ZONAL)
		(void)fputs("+zonal", f);
	if (s->flags & STEP_FALLS_BY_TYPE)
		(void)fputs("+types", f);
	if (s->flags & STEP_PASSES_PTR)
		(void)fputs("+ptr", f);
	if (s->flags & STEP_UNSYNCED)
		(void)fputs("+unsynced", f);
}

static void print_rule(const struct image *img, const struct image_rule *r, FILE *f)
{
	char zone[DNAME_TEXT_MAX_BYTES];
	uint16_t udp = img->servers[r->server].udp_max_bytes;

	(void)fprintf(f, " %s:", dname_print(img->text + r->zone_off, zone, sizeof(zone)));
	if (r->flags & RULE_ROTATE)
		(void)fputs(" rotate", f);
	if (r->flags & RULE_MINIMAL)
		(void)fputs(" minimal", f);
	if (udp != 1232)
		(void)fprintf(f, " %u", udp);
	for (uint16_t i = 0; i < r->n_steps; i++)
		print_step(img, &img->steps[r->first_step + i], f);
	(void)fputc('\n', f);
}

static char *print_policy(const struct image *img)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	for (uint32_t i = 0; i < img->n_listeners; i++) {
		const struct image_listener *l = &img->listeners[i];
		if (l->family == IMAGE_FAMILY_BLOCK)
			(void)fprintf(f, "block %u\n", l->port);
		else if (l->family == 0)
			(void)fprintf(f, "listener any:%u\n", l->port);
		else
			(void)fprintf(f, "listener %u.%u.%u.%u:%u\n", l->address[0], l->address[1],
				l->address[2], l->address[3], l->port);
		for (uint32_t k = 0; k < l->n_rules; k++)
			print_rule(img, &img->rules[l->first_rule + k], f);
	}
	(void)fclose(f);
	return out;
}

static char *policy_of(const char *corefile, bool is_synced)
{
	const struct config_options o = {.skip_file_checks = true};
	const struct image_build_id id = {.kind = IMAGE_BASE, .generation = 1};
	struct config c = {0};
	struct policy_view views[8];
	struct err e = {0};
	struct sealed sealed;
	const void *bytes;
	struct image img;

	if (config_parse_text("test", corefile, &o, &c, &e) != 0)
		fail_msg("%s: %s", corefile, e.text);
	size_t n = policy_views(&c, views, ARRAY_LEN(views));
	for (size_t i = 0; i < n; i++)
		views[i].is_synced = is_synced;
	struct hosts hosts[4] = {{0}};
	for (size_t i = 0; i < c.n_servers; i++) {
		const struct config_directive *d = config_find(&c.servers[i], DIR_HOSTS, 0);
		if (d != NULL)
			assert_int_equal(hosts_load(&hosts[i], d->data), 0);
	}
	struct policy *p = policy_new(&c, hosts, &e);
	assert_non_null(p);
	struct image_build *b = image_build_new(&id);
	assert_int_equal(policy_write(p, b, views), 0);
	assert_int_equal(sealed_make(b, &sealed, &e), 0);
	assert_int_equal(publish_map(sealed.fd, sealed.size_bytes, &bytes, &e), 0);
	if (image_check(bytes, sealed.size_bytes, &img, &e) != IMAGE_REFUSED_OK)
		fail_msg("%s", e.text);
	char *text = print_policy(&img);
	publish_unmap(bytes, sealed.size_bytes);
	sealed_close(&sealed);
	policy_free(p);
	for (size_t i = 0; i < c.n_servers; i++)
		hosts_fini(&hosts[i]);
	config_free(&c);
	return text;
}

static void corefiles_become_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = policy_of(cases[i].corefile, true);
		if (strcmp(text, cases[i].policy) != 0)
			fail_msg(
				"%s\nwanted:\n%s\nhave:\n%s", cases[i].what, cases[i].policy, text);
		free(text);
	}
}

static void an_unsynced_cluster_shows_in_its_steps(void **state)
{
	(void)state;
	char *text = policy_of(".:53 {\n kubernetes cluster.local\n}\n", false);
	assert_string_equal(
		text, "listener any:53\n cluster.local.: lookup1+unsynced\n .: servfail\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corefiles_become_rules),
		cmocka_unit_test(an_unsynced_cluster_shows_in_its_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
