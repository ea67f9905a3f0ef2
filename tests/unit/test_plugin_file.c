// SPDX-License-Identifier: Apache-2.0
// `file`: what CoreDNS 1.14.7 answers from the same zone file, and when a file is read again.
#include "tests/unit/plugin_fixture.h"

#include "slowpath/plugin/plugins.h"
#include "zones/base/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOA " | !ftest. 300 IN SOA ns.ftest. admin.ftest. 7 7200 3600 1209600 600"
#define NS " | !ftest. 300 IN NS ns.ftest. | !ftest. 300 IN NS ns2.ftest."

static const char text[] =
	"$ORIGIN ftest.\n"
	"$TTL 300\n"
	"@ IN SOA ns.ftest. admin.ftest. 7 7200 3600 1209600 600\n"
	"@ IN NS ns.ftest.\n"
	"@ IN NS ns2.ftest.\n"
	"ns A 192.0.2.53\n"
	"ns AAAA 2001:db8::53\n"
	"ns2 A 192.0.2.54\n"
	"www A 192.0.2.1\n"
	"www A 192.0.2.2\n"
	"al CNAME www\n"
	"al2 CNAME al\n"
	"ext CNAME outside.example.\n"
	"dang CNAME nothere\n"
	"loop1 CNAME loop2\n"
	"loop2 CNAME loop1\n"
	"mx MX 10 www\n"
	"mx MX 20 mail.other.\n"
	"_s._tcp SRV 0 0 80 www\n"
	"txt TXT \"hello\" \"world\"\n"
	"*.wild A 192.0.2.9\n"
	"*.wild TXT \"w\"\n"
	"*.wc CNAME www\n"
	"a.b.ent A 192.0.2.10\n"
	"del NS ns.del\n"
	"del NS ns.elsewhere.\n"
	"del DS 1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"ns.del A 192.0.2.77\n"
	"dn DNAME target.ftest.\n"
	"x.target A 192.0.2.88\n"
	"sfx CNAME sf.v6.test.\n"
	"nxx CNAME nx.v6.test.\n"
	"blx CNAME blk.test.\n"
	"okx CNAME a.v6.test.\n"
	"tocname CNAME al.v6.test.\n"
	"wc2 CNAME foo.wild\n"
	"deepdel CNAME x.del\n";

static const struct play_reply world[] = {
	{"outside.example.", RR_TYPE_A, RCODE_NOERROR, 0, {NULL}},
	{"sf.v6.test.", RR_TYPE_A, RCODE_SERVFAIL, 0, {NULL}},
	{"foo.wild.ftest.", RR_TYPE_A, RCODE_NOERROR, 0, {"foo.wild.ftest. 300 IN A 192.0.2.9"}},
	{"a.v6.test.", RR_TYPE_A, RCODE_NOERROR, 0, {"a.v6.test. 60 IN A 192.0.2.1"}},
};

static const struct {
	const char *name;
	uint16_t type;
	const char *reply;
} cases[] = {
	{"ftest.", RR_TYPE_SOA,
		"NOERROR aa | ftest. 300 IN SOA ns.ftest. admin.ftest. 7 7200 3600 1209600 600" NS},
	{"ftest.", RR_TYPE_NS,
		"NOERROR aa | ftest. 300 IN NS ns.ftest. | ftest. 300 IN NS ns2.ftest. | "
		"+ns.ftest. 300 IN A 192.0.2.53 | +ns.ftest. 300 IN AAAA 2001:db8::53 | "
		"+ns2.ftest. 300 IN A 192.0.2.54"},
	{"ftest.", RR_TYPE_A, "NOERROR aa" SOA},
	{"www.ftest.", RR_TYPE_A,
		"NOERROR aa | www.ftest. 300 IN A 192.0.2.1 | www.ftest. 300 IN A 192.0.2.2" NS},
	{"www.ftest.", RR_TYPE_MX, "NOERROR aa" SOA},
	{"al.ftest.", RR_TYPE_A,
		"NOERROR aa | al.ftest. 300 IN CNAME www.ftest. | www.ftest. 300 IN A 192.0.2.1 | "
		"www.ftest. 300 IN A 192.0.2.2" NS},
	{"al2.ftest.", RR_TYPE_A,
		"NOERROR aa | al2.ftest. 300 IN CNAME al.ftest. | al.ftest. 300 IN CNAME "
		"www.ftest. | www.ftest. 300 IN A 192.0.2.1 | www.ftest. 300 IN A 192.0.2.2" NS},
	{"deepdel.ftest.", RR_TYPE_A,
		"NOERROR aa | deepdel.ftest. 300 IN CNAME x.del.ftest. | !del.ftest. 300 IN NS "
		"ns.del.ftest. | !del.ftest. 300 IN NS ns.elsewhere. | +ns.del.ftest. 300 IN A "
		"192.0.2.77"},
	{"al.ftest.", RR_TYPE_CNAME, "NOERROR aa | al.ftest. 300 IN CNAME www.ftest." NS},
	{"ext.ftest.", RR_TYPE_A, "NOERROR aa | ext.ftest. 300 IN CNAME outside.example." SOA},
	{"dang.ftest.", RR_TYPE_A, "NXDOMAIN aa | dang.ftest. 300 IN CNAME nothere.ftest." SOA},
	{"loop1.ftest.", RR_TYPE_A,
		"NOERROR aa | loop1.ftest. 300 IN CNAME loop2.ftest. | loop2.ftest. 300 IN CNAME "
		"loop1.ftest. | loop1.ftest. 300 IN CNAME loop2.ftest. | loop2.ftest. 300 IN CNAME "
		"loop1.ftest. | loop1.ftest. 300 IN CNAME loop2.ftest. | loop2.ftest. 300 IN CNAME "
		"loop1.ftest. | loop1.ftest. 300 IN CNAME loop2.ftest. | loop2.ftest. 300 IN CNAME "
		"loop1.ftest. | loop1.ftest. 300 IN CNAME loop2.ftest. | loop2.ftest. 300 IN CNAME "
		"loop1.ftest." NS},
	{"mx.ftest.", RR_TYPE_MX,
		"NOERROR aa | mx.ftest. 300 IN MX 10 www.ftest. | mx.ftest. 300 IN MX 20 "
		"mail.other." NS
		" | +www.ftest. 300 IN A 192.0.2.1 | +www.ftest. 300 IN A 192.0.2.2"},
	{"_s._tcp.ftest.", RR_TYPE_SRV,
		"NOERROR aa | _s._tcp.ftest. 300 IN SRV 0 0 80 www.ftest." NS
		" | +www.ftest. 300 IN A 192.0.2.1 | +www.ftest. 300 IN A 192.0.2.2"},
	{"txt.ftest.", RR_TYPE_TXT, "NOERROR aa | txt.ftest. 300 IN TXT \"hello\" \"world\"" NS},
	{"x.wild.ftest.", RR_TYPE_A, "NOERROR aa | x.wild.ftest. 300 IN A 192.0.2.9" NS},
	{"x.wild.ftest.", RR_TYPE_MX, "NOERROR aa" SOA},
	{"y.x.wild.ftest.", RR_TYPE_TXT, "NOERROR aa | y.x.wild.ftest. 300 IN TXT \"w\"" NS},
	{"q.wc.ftest.", RR_TYPE_A,
		"NOERROR aa | q.wc.ftest. 300 IN CNAME www.ftest. | www.ftest. 300 IN A 192.0.2.1 "
		"| www.ftest. 300 IN A 192.0.2.2" NS},
	{"q.wc.ftest.", RR_TYPE_CNAME, "NOERROR aa | q.wc.ftest. 300 IN CNAME www.ftest." NS},
	{"b.ent.ftest.", RR_TYPE_A, "NOERROR aa" SOA},
	{"a.b.ent.ftest.", RR_TYPE_A, "NOERROR aa | a.b.ent.ftest. 300 IN A 192.0.2.10" NS},
	{"ent.ftest.", RR_TYPE_A, "NOERROR aa" SOA},
	{"z.ent.ftest.", RR_TYPE_A, "NXDOMAIN aa" SOA},
	{"del.ftest.", RR_TYPE_A,
		"NOERROR | !del.ftest. 300 IN NS ns.del.ftest. | !del.ftest. 300 IN NS "
		"ns.elsewhere. | +ns.del.ftest. 300 IN A 192.0.2.77"},
	{"del.ftest.", RR_TYPE_DS,
		"NOERROR aa | del.ftest. 300 IN DS 1 8 2 "
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" NS},
	{"x.del.ftest.", RR_TYPE_AAAA,
		"NOERROR | !del.ftest. 300 IN NS ns.del.ftest. | !del.ftest. 300 IN NS "
		"ns.elsewhere. | +ns.del.ftest. 300 IN A 192.0.2.77"},
	{"x.del.ftest.", RR_TYPE_DS,
		"NOERROR | !del.ftest. 300 IN NS ns.del.ftest. | !del.ftest. 300 IN NS "
		"ns.elsewhere. | +ns.del.ftest. 300 IN A 192.0.2.77"},
	{"ns.del.ftest.", RR_TYPE_A,
		"NOERROR | !del.ftest. 300 IN NS ns.del.ftest. | !del.ftest. 300 IN NS "
		"ns.elsewhere. | +ns.del.ftest. 300 IN A 192.0.2.77"},
	{"x.dn.ftest.", RR_TYPE_A,
		"NOERROR aa | dn.ftest. 300 IN DNAME target.ftest. | x.dn.ftest. 300 IN CNAME "
		"x.target.ftest. | x.target.ftest. 300 IN A 192.0.2.88" NS},
	{"dn.ftest.", RR_TYPE_A, "NOERROR aa" SOA},
	{"dn.ftest.", RR_TYPE_DNAME, "NOERROR aa | dn.ftest. 300 IN DNAME target.ftest." NS},
	{"nope.ftest.", RR_TYPE_A, "NXDOMAIN aa" SOA},
	{"WWW.fTest.", RR_TYPE_A,
		"NOERROR aa | www.ftest. 300 IN A 192.0.2.1 | www.ftest. 300 IN A 192.0.2.2" NS},
	{"wild.ftest.", RR_TYPE_A, "NOERROR aa" SOA},
	{"sfx.ftest.", RR_TYPE_A, "SERVFAIL aa | sfx.ftest. 300 IN CNAME sf.v6.test." NS},
	{"nxx.ftest.", RR_TYPE_A, "NXDOMAIN aa | nxx.ftest. 300 IN CNAME nx.v6.test." SOA},
	{"okx.ftest.", RR_TYPE_A,
		"NOERROR aa | okx.ftest. 300 IN CNAME a.v6.test. | a.v6.test. 60 IN A "
		"192.0.2.1" NS},
	{"wc2.ftest.", RR_TYPE_A,
		"NOERROR aa | wc2.ftest. 300 IN CNAME foo.wild.ftest. | foo.wild.ftest. 300 IN A "
		"192.0.2.9" NS},
	{"ftest.", RR_TYPE_AXFR, "REFUSED"},
	{"ftest.", RR_TYPE_ANY, "NOERROR aa" SOA},
	{"a.x.dn.ftest.", RR_TYPE_A,
		"NXDOMAIN aa | dn.ftest. 300 IN DNAME target.ftest. | a.x.dn.ftest. 300 IN CNAME "
		"a.x.target.ftest." SOA},
	{"*.wild.ftest.", RR_TYPE_A, "NOERROR aa | *.wild.ftest. 300 IN A 192.0.2.9" NS},
};

struct place {
	char path[32];
	struct policy_name zone;
	struct policy_file rule;
};

static void write_zone(const char *path, const char *zone)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(zone, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void setup(struct place *p, const char *zone)
{
	strcpy(p->path, "/tmp/b53-zone-XXXXXX");
	int fd = mkstemp(p->path);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	write_zone(p->path, zone);
	p->zone.wire = play_wire("ftest.");
	p->rule = (struct policy_file){.path = p->path, .zones = {&p->zone, 1}, .reload_ms = 1000};
}

static const char *ask(const struct place *p, const char *name, uint16_t type)
{
	static struct play play_one;

	play_one = (struct play){.ops = {{&plugin_file, &p->rule}},
		.n = 1,
		.world = world,
		.n_world = ARRAY_LEN(world),
		.type = type};
	return play(&play_one, name);
}

static void answers_are_those_of_coredns(void **state)
{
	struct place p;
	(void)state;

	setup(&p, text);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reply = ask(&p, cases[i].name, cases[i].type);
		if (strcmp(reply, cases[i].reply) != 0)
			fail_msg("%s: \"%s\" is not \"%s\"", cases[i].name, reply, cases[i].reply);
	}
	assert_int_equal(unlink(p.path), 0);
}

static void names_that_are_missing_go_on_where_fallthrough_says(void **state)
{
	struct policy_name below = {play_wire("wild2.ftest.")};
	struct place p;
	(void)state;

	setup(&p, text);
	p.rule.fall = (struct policy_fall){true, {&below, 1}};
	assert_string_equal(ask(&p, "x.ftest.", RR_TYPE_A), "NXDOMAIN aa" SOA);
	assert_string_equal(ask(&p, "x.wild2.ftest.", RR_TYPE_A), "NXDOMAIN"); // of the world
	assert_string_equal(ask(&p, "ftest2.", RR_TYPE_A), "NXDOMAIN");
	assert_int_equal(unlink(p.path), 0);
}

static void files_with_mistakes_are_refused_with_the_line(void **state)
{
	static const struct {
		const char *zone, *reason;
	} bad[] = {
		{"@ 5 IN NS ns\n", "no SOA record"},
		{"@ 5 IN SOA a b 1 2 3 4 5\nwww 5 IN A 192.0.2.300\n", ":2: "},
		{"@ 5 IN SOA a b 1 2 3\n", ":1: "},
		{"@ 5 IN SOA a b 1 2 3 4 5\nwww 5 IN NOTHING x\n", ":2: "},
		{"@ 5 IN SOA a b 1 2 3 4 5\n@ 5 IN NSEC3PARAM 1 0 0 -\n", "NSEC3"},
	};
	struct place p;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		void *made = NULL;
		setup(&p, bad[i].zone);
		assert_false(plugin_file.prepare(&p.rule, &made, &err));
		assert_null(made);
		if (strstr(err.text, bad[i].reason) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].reason);
		assert_int_equal(unlink(p.path), 0);
	}
}

static void a_file_is_read_again_when_its_serial_moves(void **state)
{
	struct err err = {0};
	void *made = NULL;
	struct place p;
	(void)state;

	setup(&p, "@ 5 IN SOA a b 1 2 3 4 5\n");
	assert_true(plugin_file.prepare(&p.rule, &made, &err));
	assert_false(plugin_file.is_outdated(&p.rule, made));
	write_zone(p.path, "@ 5 IN SOA a b 1 2 3 4 5\nnew 5 IN A 192.0.2.1\n");
	assert_false(plugin_file.is_outdated(&p.rule, made));
	write_zone(p.path, "@ 5 IN SOA a b 2 2 3 4 5\nbroken 5 IN A\n");
	assert_false(plugin_file.is_outdated(&p.rule, made));
	write_zone(p.path, "@ 5 IN SOA a b 2 2 3 4 5\nnewer.x 5 IN A 192.0.2.1\n");
	assert_true(plugin_file.is_outdated(&p.rule, made));
	p.rule.reload_ms = 0;
	assert_false(plugin_file.is_outdated(&p.rule, made));
	plugin_file.release(made);
	// One that could not be read at first is waited for.
	assert_true(plugin_file.is_outdated(&p.rule, NULL));
	assert_int_equal(unlink(p.path), 0);
	assert_false(plugin_file.is_outdated(&p.rule, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_coredns),
		cmocka_unit_test(names_that_are_missing_go_on_where_fallthrough_says),
		cmocka_unit_test(files_with_mistakes_are_refused_with_the_line),
		cmocka_unit_test(a_file_is_read_again_when_its_serial_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
