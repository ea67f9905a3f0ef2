// SPDX-License-Identifier: Apache-2.0
// Tests of control/synth: objects in, records out (k8s:2.3-2.9).
// size: tables of cases, one line each
#include "tests/unit/objects_fixture.h"

#include "control/synth/names.h"
#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What is expected is compared as lines in any order. "!X" must not be anywhere, "!^X" at no line's
// beginning.
struct synth_case {
	const char *what;
	const char *zones, *options, *local;
	const char *objects;
	const char *records;
};

#define NS "namespace ns\n"
#define LONG_PORT "p23456789-123456789-123456789-123456789-123456789-123456789-123"
#define NS_NAMES "ns.svc.cluster.local. -\n"

static const struct synth_case cases[] = {
	{"a cluster IP service answers A, SRV and both halves of a port name", NULL, "", "",
		NS "service ns/web ips=10.0.0.1 ports=http/tcp/80\n",
		NS_NAMES "web.ns.svc.cluster.local. A 10.0.0.1\n"
			 "web.ns.svc.cluster.local. SRV 0 100 80 web.ns.svc.cluster.local.\n"
			 "web.ns.svc.cluster.local. SRV+ web.ns.svc.cluster.local. 10.0.0.1\n"
			 "_http._tcp.web.ns.svc.cluster.local. [f] A 10.0.0.1\n"
			 "_http._tcp.web.ns.svc.cluster.local. [f] SRV 0 100 80 "
			 "web.ns.svc.cluster.local.\n"
			 "_http._tcp.web.ns.svc.cluster.local. [f] SRV+ web.ns.svc.cluster.local. "
			 "10.0.0.1\n"
			 "_http._.web.ns.svc.cluster.local. [3] A 10.0.0.1\n"
			 "_._tcp.web.ns.svc.cluster.local. [5] A 10.0.0.1\n"
			 "_._.web.ns.svc.cluster.local. [1] A 10.0.0.1\n"
			 "1.0.0.10.in-addr.arpa. PTR web.ns.svc.cluster.local.\n"},
	{"dual stack halves the weight and merges the SRV (rule W)", NULL, "", "",
		NS "service ns/dual ips=10.0.0.3,fd00::3 ports=http/tcp/80\n",
		"dual.ns.svc.cluster.local. A 10.0.0.3\n"
		"dual.ns.svc.cluster.local. AAAA fd00::3\n"
		"dual.ns.svc.cluster.local. SRV 0 50 80 dual.ns.svc.cluster.local.\n"
		"dual.ns.svc.cluster.local. SRV+ dual.ns.svc.cluster.local. 10.0.0.3\n"
		"dual.ns.svc.cluster.local. SRV+ dual.ns.svc.cluster.local. fd00::3\n"
		"3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. PTR "
		"dual.ns.svc.cluster.local.\n"},
	{"one number under two protocols is one SRV of half weight at the service name", NULL, "",
		"", NS "service ns/dns ips=10.0.0.5 ports=dns/udp/53,dns-tcp/tcp/53\n",
		"dns.ns.svc.cluster.local. SRV 0 50 53 dns.ns.svc.cluster.local.\n"
		"_dns._udp.dns.ns.svc.cluster.local. [f] SRV 0 100 53 dns.ns.svc.cluster.local.\n"
		"_dns-tcp._tcp.dns.ns.svc.cluster.local. [f] SRV 0 100 53 "
		"dns.ns.svc.cluster.local.\n"
		"!_dns._tcp.dns.ns.svc.cluster.local.\n"},
	{"an unnamed port has an SRV at the service name only", NULL, "", "",
		NS "service ns/u ips=10.0.0.6 ports=/tcp/8080\n",
		"u.ns.svc.cluster.local. SRV 0 100 8080 u.ns.svc.cluster.local.\n"
		"_._tcp.u.ns.svc.cluster.local. [5] SRV 0 100 8080 u.ns.svc.cluster.local.\n"
		"_._.u.ns.svc.cluster.local. [1] A 10.0.0.6\n"
		"!_._._\n"},
	{"a port name of 63 octets can be asked without its underscore", NULL, "", "",
		NS "service ns/l ips=10.0.0.8 ports=" LONG_PORT "/tcp/80,web/udp/81\n",
		"l.ns.svc.cluster.local. SRV 0 50 80 l.ns.svc.cluster.local.\n" LONG_PORT
		"._tcp.l.ns.svc.cluster.local. [f] A 10.0.0.8\n"},
	{"a service without ports has addresses and no SRV", NULL, "", "",
		NS "service ns/np ips=10.0.0.7\n",
		"np.ns.svc.cluster.local. A 10.0.0.7\n!^np.ns.svc.cluster.local. SRV\n"},
	{"a service without its namespace is not there, neither is its PTR (quirk 6)", NULL, "", "",
		"service gone/web ips=10.0.0.1 ports=http/tcp/80\n", "!web\n!PTR\n"},
	{"upper case in objects becomes lower case in names", NULL, "", "",
		NS "service ns/web ips=10.0.0.1 ports=HTTP/tcp/80\n",
		"_http._tcp.web.ns.svc.cluster.local. [f] A 10.0.0.1\n"},
	{"a headless service has its ready endpoints, by every kind of name", NULL, "", "",
		NS "service ns/hl headless ports=http/tcp/80\n"
		   "slice ns/hl-1 of=hl ports=http/tcp/8080 ep=10.1.0.1;host=a ep=10.1.0.2 "
		   "ep=fd00:244::\n",
		"hl.ns.svc.cluster.local. A 10.1.0.1\nhl.ns.svc.cluster.local. A 10.1.0.2\n"
		"hl.ns.svc.cluster.local. AAAA fd00:244::\n"
		"hl.ns.svc.cluster.local. SRV 0 33 8080 a.hl.ns.svc.cluster.local.\n"
		"hl.ns.svc.cluster.local. SRV+ a.hl.ns.svc.cluster.local. 10.1.0.1\n"
		"hl.ns.svc.cluster.local. SRV 0 33 8080 10-1-0-2.hl.ns.svc.cluster.local.\n"
		"hl.ns.svc.cluster.local. SRV 0 33 8080 fd00-244--0.hl.ns.svc.cluster.local.\n"
		"a.hl.ns.svc.cluster.local. A 10.1.0.1\n"
		"a.hl.ns.svc.cluster.local. SRV 0 100 8080 a.hl.ns.svc.cluster.local.\n"
		"10-1-0-2.hl.ns.svc.cluster.local. A 10.1.0.2\n"
		"fd00-244--0.hl.ns.svc.cluster.local. AAAA fd00:244::\n"
		"1.0.1.10.in-addr.arpa. PTR a.hl.ns.svc.cluster.local.\n"
		"2.0.1.10.in-addr.arpa. PTR 10-1-0-2.hl.ns.svc.cluster.local.\n"
		"!10-1-0-1.hl\n"},
	{"a headless service without ready endpoints does not exist", NULL, "", "",
		NS "service ns/hl headless ports=http/tcp/80\nslice ns/hl-1 of=hl "
		   "ports=http/tcp/80\n",
		"!hl.ns\n"},
	{"an address in two slices is answered once and counted twice", NULL, "", "",
		NS "service ns/d headless\n"
		   "slice ns/d-1 of=d ports=http/tcp/80 ep=10.1.0.1;host=x ep=10.1.0.2;host=x\n"
		   "slice ns/d-2 of=d ports=http/tcp/80 ep=10.1.0.1;host=x\n",
		"d.ns.svc.cluster.local. SRV 0 33 80 x.d.ns.svc.cluster.local.\n"
		"x.d.ns.svc.cluster.local. A 10.1.0.1\nx.d.ns.svc.cluster.local. A 10.1.0.2\n"
		"1.0.1.10.in-addr.arpa. PTR x.d.ns.svc.cluster.local.\n"},
	{"endpoints of a cluster IP service have names too", NULL, "", "",
		NS "service ns/web ips=10.0.0.1 ports=http/tcp/80\n"
		   "slice ns/web-1 of=web ports=http/tcp/8080 ep=10.1.0.5\n",
		"10-1-0-5.web.ns.svc.cluster.local. A 10.1.0.5\n"
		"10-1-0-5.web.ns.svc.cluster.local. SRV 0 100 8080 "
		"10-1-0-5.web.ns.svc.cluster.local.\n"
		"web.ns.svc.cluster.local. A 10.0.0.1\n!^web.ns.svc.cluster.local. A 10.1\n"
		"5.0.1.10.in-addr.arpa. PTR 10-1-0-5.web.ns.svc.cluster.local.\n"},
	{"several services with an endpoint give several PTR records", NULL, "", "",
		NS "slice ns/a-1 of=a ep=10.1.0.1\nslice ns/b-1 of=b ep=10.1.0.1;host=h\n",
		"1.0.1.10.in-addr.arpa. PTR 10-1-0-1.a.ns.svc.cluster.local.\n"
		"1.0.1.10.in-addr.arpa. PTR h.b.ns.svc.cluster.local.\n"},
	{"a cluster IP wins over an endpoint", NULL, "", "",
		NS "service ns/web ips=10.1.0.1\nslice ns/a-1 of=a ep=10.1.0.1\n",
		"1.0.1.10.in-addr.arpa. PTR web.ns.svc.cluster.local.\n!PTR 10-1\n"},
	{"endpoint_pod_names uses the pod's name, dots and all", NULL, "endpoint_pod_names", "",
		NS "service ns/hl headless\n"
		   "slice ns/hl-1 of=hl ports=p/tcp/1 ep=10.1.0.1;pod=web-0 ep=10.1.0.2;pod=a.b\n",
		"web-0.hl.ns.svc.cluster.local. A 10.1.0.1\n!10-1-0-1\n"
		"hl.ns.svc.cluster.local. SRV 0 50 1 a.b.hl.ns.svc.cluster.local.\n"
		"!^a.b.hl.ns.svc.cluster.local. A\n"},
	{"ignore empty_service hides a service without endpoints but not its PTR", NULL,
		"ignore empty_service", "",
		NS "service ns/web ips=10.0.0.1\nservice ns/full ips=10.0.0.2\n"
		   "slice ns/f of=full ep=10.1.0.1\n",
		"!^web.ns.svc.cluster.local. \nfull.ns.svc.cluster.local. A 10.0.0.2\n"
		"1.0.0.10.in-addr.arpa. PTR web.ns.svc.cluster.local.\n"},
	{"namespaces leaves the others out, in reverse too", NULL, "namespaces ns", "",
		NS "namespace other\nservice other/x ips=10.0.0.9\nservice ns/y ips=10.0.0.8\n",
		"!x.other\n!other.svc\ny.ns.svc.cluster.local. A 10.0.0.8\n!^9.0.0.10\n"},
	{"pods insecure marks the namespaces", NULL, "pods insecure", "", NS,
		"ns.pod.cluster.local. pods -\n" NS_NAMES},
	{"pods disabled have no namespace names", NULL, "", "", NS, NS_NAMES "!ns.pod\n"},
	{"pods verified are names of their own, in canonical text", NULL, "pods verified", "",
		NS "pod ns/a ip=10.1.0.1\npod ns/b ip=fd00::\npod gone/c ip=10.1.0.3\n",
		"10-1-0-1.ns.pod.cluster.local. A 10.1.0.1\n"
		"fd00--.ns.pod.cluster.local. AAAA fd00::\n!10-1-0-3\n"},
	{"pods verified are spelled as their objects spell them", NULL, "pods verified", "",
		NS "pod ns/a ip=fd00::1 to=fd00-0--1\npod ns/b ip=10.1.0.2 to=--ffff-a01-2\n",
		"fd00-0--1.ns.pod.cluster.local. AAAA fd00::1\n"
		"--ffff-a01-2.ns.pod.cluster.local. A 10.1.0.2\n!fd00--1\n!10-1-0-2.\n"},
	{"only addresses in the zones have PTR records", "cluster.local 10.0.0.0/24", "", "",
		NS "service ns/a ips=10.0.0.1\nservice ns/b ips=10.0.1.1\n",
		"1.0.0.10.in-addr.arpa. PTR a.ns.svc.cluster.local.\n!^1.1.0.10\n"},
	{"every forward zone has all names", "cluster.local example.test", "", "",
		NS "service ns/a ips=10.0.0.1\n",
		"a.ns.svc.cluster.local. A 10.0.0.1\na.ns.svc.example.test. A 10.0.0.1\n"
		"!in-addr\n"},
	{"names of a nested zone belong to it", "cluster.local svc.cluster.local", "", "",
		NS "service ns/a ips=10.0.0.1\n",
		"a.ns.svc.svc.cluster.local. A 10.0.0.1\n!^a.ns.svc.cluster.local.\n"},
	{"zonal names pin or prefer a topology zone", NULL, "zonal", "",
		NS "service ns/z headless\n"
		   "slice ns/z-1 of=z ports=p/tcp/1 ep=10.1.0.1;zone=Eu-1 ep=10.1.0.2;zone=eu.2\n",
		"eu-1.pin._zone.z.ns.svc.cluster.local. A 10.1.0.1\n"
		"eu.2.pin._zone.z.ns.svc.cluster.local. A 10.1.0.2\n"
		"eu-1.prefer._zone.z.ns.svc.cluster.local. A 10.1.0.1\n"
		"!^eu-1.prefer._zone.z.ns.svc.cluster.local. A 10.1.0.2\n"
		"pin._zone.z.ns.svc.cluster.local. * -\n"
		"prefer._zone.z.ns.svc.cluster.local. * A 10.1.0.1\n"
		"prefer._zone.z.ns.svc.cluster.local. * A 10.1.0.2\n"},
	{"a zone pinned to a headless service without endpoints is no data", NULL, "zonal", "",
		NS "service ns/z headless\nservice ns/ip ips=10.0.0.1\n",
		"pin._zone.z.ns.svc.cluster.local. * -\n"
		"prefer._zone.z.ns.svc.cluster.local. * -\n!^z.ns\n!pin._zone.ip\n"},
	{"imports live in the clusterset zone, with the cluster in endpoint names",
		"cluster.local set.test", "multicluster set.test", "",
		NS "import ns/m headless\nimport ns/ip ips=10.9.0.1 ports=http/tcp/80\n"
		   "import ns/none ports=http/tcp/80\nimport ns/bare ips=10.9.0.2\nservice ns/web "
		   "ips=10.0.0.1\n"
		   "import-slice ns/m-1 of=m cluster=c1 ports=http/tcp/8080 ep=10.2.0.1;host=w\n"
		   "import-slice ns/m-2 of=m cluster=c2 ports=http/tcp/8080 ep=10.2.1.1;host=w\n",
		"m.ns.svc.set.test. A 10.2.0.1\nm.ns.svc.set.test. A 10.2.1.1\n"
		"m.ns.svc.set.test. SRV 0 50 8080 w.c1.m.ns.svc.set.test.\n"
		"w.c2.m.ns.svc.set.test. A 10.2.1.1\n!w.m.ns\n"
		"_http._tcp.m.ns.svc.set.test. [e] A 10.2.0.1\n"
		"ip.ns.svc.set.test. A 10.9.0.1\nnone.ns.svc.set.test. -\n"
		"_http._tcp.none.ns.svc.set.test. [e] -\n!bare\n"
		"!web.ns.svc.set.test\n!m.ns.svc.cluster.local\nweb.ns.svc.cluster.local. A "
		"10.0.0.1\n"},
};

// One behind a `~` is the node's own beside service addresses.
static void local_add(struct synth *y, const char *local)
{
	char copy[128];
	char *end = NULL;
	struct object_address a;

	strcpy(copy, local);
	for (char *t = strtok_r(copy, ",", &end); t != NULL; t = strtok_r(NULL, ",", &end)) {
		assert_true(object_address_parse(t + (t[0] == '~'), &a));
		synth_add_local(y, &a);
		y->n_unnamed += t[0] == '~';
	}
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line)) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	}
	return false;
}

static bool is_absent(const char *text, const char *what)
{
	if (what[0] != '^')
		return strstr(text, what) == NULL;
	for (const char *at = strstr(text, what + 1); at != NULL; at = strstr(at + 1, what + 1)) {
		if (at == text || at[-1] == '\n')
			return false;
	}
	return true;
}

static void expect(const char *what, const char *have, const char *want)
{
	char *copy = strdup(want);
	char *end = NULL;

	for (char *l = strtok_r(copy, "\n", &end); l != NULL; l = strtok_r(NULL, "\n", &end)) {
		bool ok = l[0] == '!' ? is_absent(have, l + 1) : has_line(have, l);
		if (!ok)
			fail_msg("%s\nwanted: %s\nhave:\n%s", what, l, have);
	}
	free(copy);
}

static void run_case(const struct synth_case *c, enum objects_apex apex)
{
	struct store *s = store_new(NULL, NULL);
	struct config config;
	struct synth y;

	objects_put(s, OBJECT_LIVE, c->objects);
	assert_int_equal(synth_init(&y, s, objects_config(&config, c->zones, c->options)), 0);
	local_add(&y, c->local);
	y.serial = 42;
	char *have = objects_records(s, &y, apex);
	expect(c->what, have, c->records);
	free(have);
	synth_fini(&y);
	config_free(&config);
	store_free(s);
}

static void objects_become_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_case(&cases[i], OBJECTS_WITHOUT_APEX);
}

static const struct synth_case aliases[] = {
	{"a target outside gives the CNAME alone", NULL, "", "",
		NS "service ns/x to=www.example.net\nservice ns/dot to=www.example.net.\n",
		"x.ns.svc.cluster.local. CNAME www.example.net.\n"
		"x.ns.svc.cluster.local. A=CNAME www.example.net.\n"
		"dot.ns.svc.cluster.local. AAAA=CNAME www.example.net.\n"},
	{"a target inside is resolved", NULL, "", "",
		NS "service ns/x to=web.ns.svc.cluster.local\nservice ns/web ips=10.0.0.1\n",
		"x.ns.svc.cluster.local. CNAME web.ns.svc.cluster.local.\n"
		"x.ns.svc.cluster.local. A=CNAME web.ns.svc.cluster.local.\n"
		"x.ns.svc.cluster.local. A> web.ns.svc.cluster.local. ADDR 10.0.0.1\n"
		"!^x.ns.svc.cluster.local. AAAA\n"},
	{"a chain is resolved to its end", NULL, "", "",
		NS "service ns/x to=y.ns.svc.cluster.local\nservice ns/y to=www.example.net\n",
		"x.ns.svc.cluster.local. A> y.ns.svc.cluster.local. CNAME www.example.net.\n"},
	{"a missing target inside is NODATA", NULL, "", "",
		NS "service ns/x to=no.ns.svc.cluster.local\n",
		"x.ns.svc.cluster.local. CNAME no.ns.svc.cluster.local.\n"
		"!^x.ns.svc.cluster.local. A\n"},
	{"loops are NODATA", NULL, "", "",
		NS
		"service ns/me to=me.ns.svc.cluster.local\n"
		"service ns/a to=b.ns.svc.cluster.local\nservice ns/b to=a.ns.svc.cluster.local\n"
		"service ns/c to=x.c.ns.svc.cluster.local\n",
		"me.ns.svc.cluster.local. CNAME me.ns.svc.cluster.local.\n"
		"!A=CNAME\n!AAAA=CNAME\n"},
	{"an address as a target is no name", NULL, "", "",
		NS "service ns/x to=192.0.2.1\nservice ns/y to=2001:db8::1\n", "!x.ns\n!y.ns\n"},
	{"targets are found by every form of a name", NULL, "pods insecure", "",
		NS "service ns/p to=10-1-2-3.ns.pod.cluster.local\n"
		   "service ns/s to=HTTP.tcp.web.ns.svc.cluster.local\n"
		   "service ns/e to=10-1-0-1.web.ns.svc.cluster.local\n"
		   "service ns/web ips=10.0.0.1 ports=http/tcp/80\nslice ns/w of=web ep=10.1.0.1\n",
		"p.ns.svc.cluster.local. A> 10-1-2-3.ns.pod.cluster.local. ADDR 10.1.2.3\n"
		"s.ns.svc.cluster.local. A> HTTP.tcp.web.ns.svc.cluster.local. ADDR 10.0.0.1\n"
		"e.ns.svc.cluster.local. A> 10-1-0-1.web.ns.svc.cluster.local. ADDR 10.1.0.1\n"},
	{"nothing lies below an alias", NULL, "", "",
		NS "service ns/x ports=http/tcp/80 to=www.example.net\n",
		"!_tcp\n!_http\n!_._.x.ns.svc.cluster.local. [1] SRV\n"
		"_._.x.ns.svc.cluster.local. [1] CNAME www.example.net.\n"},
};

static void aliases_become_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		run_case(&aliases[i], OBJECTS_WITHOUT_APEX);
}

// c1 -> c2 -> ... -> cN -> web.
static void a_chain_of_eleven_is_answered_and_of_twelve_not(void **state)
{
	(void)state;
	for (int n = 11; n <= 12; n++) {
		char objects[4096] = NS "service ns/web ips=10.0.0.1\n";
		for (int i = 1; i <= n; i++) {
			char line[128];
			char to[16] = "web";
			if (i < n)
				(void)snprintf(to, sizeof(to), "c%d", i + 1);
			(void)snprintf(line, sizeof(line),
				"service ns/c%d to=%s.ns.svc.cluster.local\n", i, to);
			strcat(objects, line);
		}
		const struct synth_case c = {"chain", NULL, "", "", objects,
			n == 11 ? "c1.ns.svc.cluster.local. A> web.ns.svc.cluster.local. ADDR "
				  "10.0.0.1\n"
				: "!^c1.ns.svc.cluster.local. A\n"};
		run_case(&c, OBJECTS_WITHOUT_APEX);
	}
}

static const struct synth_case apexes[] = {
	{"the fixed names of a zone", "cluster.local", "ttl 400", "", "",
		"cluster.local. SOA 42 400\nsvc.cluster.local. -\npod.cluster.local. -\n"
		"dns-version.cluster.local. TXT \"1.1.0\"\nns.dns.cluster.local. -\n!NS\n"},
	{"without a slice of ours ns.dns has our addresses", NULL, "",
		"10.9.0.53,fd00::53,127.0.0.1", "",
		"cluster.local. NS ns.dns.cluster.local.\n"
		"cluster.local. NS+ ns.dns.cluster.local. 10.9.0.53\n"
		"ns.dns.cluster.local. AAAA fd00::53\n!127.0.0.1\n"
		"in-addr.arpa. NS ns.dns.cluster.local.\n"},
	{"the node's own address beside a service address is not named", NULL, "",
		"10.9.0.53,~10.1.0.1,~fd00::1", "",
		"cluster.local. NS+ ns.dns.cluster.local. 10.9.0.53\n"
		"ns.dns.cluster.local. A 10.9.0.53\n!10.1.0.1\n!fd00::1\n"},
	{"the node's own address finds the service it belongs to", NULL, "", "10.9.0.53,~10.1.0.53",
		"namespace kube-system\nservice kube-system/kube-dns ips=10.96.0.10 "
		"ports=dns/udp/53\nslice kube-system/k of=kube-dns ep=10.1.0.53\n",
		"cluster.local. NS kube-dns.kube-system.svc.cluster.local.\n"
		"ns.dns.cluster.local. A 10.96.0.10\n!10.9.0.53\n"},
	{"the service that our address belongs to is the name server", NULL, "", "10.1.0.53",
		"namespace kube-system\nservice kube-system/kube-dns ips=10.96.0.10 "
		"ports=dns/udp/53\nslice kube-system/k of=kube-dns ep=10.1.0.53\n",
		"cluster.local. NS kube-dns.kube-system.svc.cluster.local.\n"
		"cluster.local. NS+ kube-dns.kube-system.svc.cluster.local. 10.96.0.10\n"
		"ns.dns.cluster.local. A 10.96.0.10\n"
		"ip6.arpa. NS kube-dns.kube-system.svc.cluster.local.\n!NS ns.dns\n!NS+ ns.dns\n"},
	{"a headless name server is named by its endpoints", NULL, "", "10.1.0.53",
		"namespace d\nservice d/dns headless\nslice d/k of=dns ep=10.1.0.53;host=a "
		"ep=10.1.0.54;host=b\n",
		"cluster.local. NS a.dns.d.svc.cluster.local.\n"
		"cluster.local. NS b.dns.d.svc.cluster.local.\n"
		"cluster.local. NS+ b.dns.d.svc.cluster.local. 10.1.0.54\n"
		"ns.dns.cluster.local. A 10.1.0.54\n"},
};

static void zones_have_their_fixed_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(apexes); i++)
		run_case(&apexes[i], OBJECTS_WITH_APEX);
}

static void weights_follow_rule_w(void **state)
{
	static const unsigned want[][2] = {{1, 100}, {2, 50}, {3, 33}, {6, 16}, {7, 14}, {11, 9},
		{13, 7}, {29, 3}, {58, 1}, {101, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		char objects[8192] = NS "service ns/w headless\nslice ns/w-1 of=w ports=p/tcp/1";
		char record[128];
		for (unsigned k = 0; k < want[i][0]; k++)
			(void)snprintf(objects + strlen(objects), 32, " ep=10.1.0.%u", k + 1);
		(void)snprintf(record, sizeof(record),
			"w.ns.svc.cluster.local. SRV 0 %u 1 10-1-0-1.w.ns.svc.cluster.local.\n",
			want[i][1]);
		const struct synth_case c = {"rule W", NULL, "", "", objects, record};
		run_case(&c, OBJECTS_WITHOUT_APEX);
	}
}

static void the_order_of_objects_does_not_matter(void **state)
{
	static const char *const lines[] = {"namespace ns", "service ns/hl headless",
		"slice ns/b of=hl ports=p/tcp/1 ep=10.1.0.2;host=x ep=10.1.0.1",
		"slice ns/a of=hl ports=q/udp/2,p/tcp/1 ep=10.1.0.2;host=x",
		"service ns/al to=hl.ns.svc.cluster.local"};
	char *first = NULL;

	(void)state;
	for (unsigned turn = 0; turn < 30; turn++) {
		struct store *s = store_new(NULL, NULL);
		struct config config;
		struct synth y;
		for (size_t i = 0; i < ARRAY_LEN(lines); i++)
			objects_put(s, OBJECT_LIVE,
				lines[(i * (turn % 4 + 1) + turn) % ARRAY_LEN(lines)]);
		assert_int_equal(synth_init(&y, s, objects_config(&config, NULL, "")), 0);
		char *have = objects_records(s, &y, OBJECTS_WITH_APEX);
		if (first == NULL)
			first = strdup(have);
		assert_string_equal(have, first);
		free(have);
		synth_fini(&y);
		config_free(&config);
		store_free(s);
	}
	free(first);
}

static int count_name(void *user, const struct synth_name *name, uint32_t *id)
{
	(*(size_t *)user)++;
	(void)name;
	*id = 0;
	return 0;
}

// rel:K5: what cannot be served is skipped and counted, the rest is there.
static void bad_objects_are_skipped_one_by_one(void **state)
{
	char big[9000] = NS "service ns/big ips=10.0.0.1 ports=";
	char longer[300];
	struct store *s = store_new(NULL, NULL);
	struct config config;
	struct synth y;
	size_t n = 0;
	const struct synth_sink sink = {&n, count_name};
	struct synth_report report;

	(void)state;
	for (int i = 0; i < 100; i++)
		(void)snprintf(big + strlen(big), 32, "%sp%d/tcp/%d", i == 0 ? "" : ",", i, i + 1);
	strcat(big, ",_bad/tcp/7,a.b/tcp/8\nservice ns/ok ips=10.0.0.2\n");
	objects_put(s, OBJECT_LIVE, big);
	memset(longer, 'x', 70);
	strcpy(longer + 70, "");
	char line[512];
	(void)snprintf(line, sizeof(line), "service ns/%s ips=10.0.0.3\n", longer);
	objects_put(s, OBJECT_LIVE, line);
	objects_put(s, OBJECT_LIVE, "service ns/ext to=..bad..\n");
	assert_int_equal(synth_init(&y, s, objects_config(&config, NULL, "")), 0);
	const struct synth_unit units[] = {
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "big"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = longer},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "ext"},
		{.kind = UNIT_SERVICE, .ns = "ns", .name = "ok"},
	};
	assert_int_equal(synth_emit(&y, &units[0], &sink, &report), 0);
	assert_int_equal(n, 1 + 2 * 100 + 1 + 1);
	assert_true(report.skipped_values > 0);
	n = 0;
	assert_int_equal(synth_emit(&y, &units[1], &sink, &report), 0);
	assert_int_equal(n, 0);
	assert_true(report.skipped_names > 0);
	assert_int_equal(synth_emit(&y, &units[2], &sink, &report), 0);
	assert_int_equal(n, 0);
	assert_int_equal(report.skipped_values, 1);
	assert_int_equal(synth_emit(&y, &units[3], &sink, &report), 0);
	assert_true(n > 0 && report.skipped_names == 0 && report.skipped_values == 0);
	synth_fini(&y);
	config_free(&config);
	store_free(s);
}

// rel:K5: an address has no name, so the report says whose name is none.
static void a_bad_name_of_an_address_is_its_owners(void **state)
{
	static const struct {
		const char *objects, *owner; // NULL: nothing is wrong
	} owners[] = {
		{NS "service ns/a..b ips=10.0.0.1\n", "a..b"},
		{NS "slice ns/s-1 of=a..b ep=10.0.0.1\n", "s-1"},
		{NS "service ns/ok ips=10.0.0.1\nservice ns/zz..b ips=10.0.0.1\n", NULL},
	};
	const struct synth_unit unit = {
		.kind = UNIT_REVERSE, .ns = "", .name = "", .addr = {OBJECT_IPV4, {10, 0, 0, 1}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		struct store *s = store_new(NULL, NULL);
		size_t n = 0;
		const struct synth_sink sink = {&n, count_name};
		struct synth_report report;
		struct config config;
		struct synth y;

		objects_put(s, OBJECT_LIVE, owners[i].objects);
		assert_int_equal(synth_init(&y, s, objects_config(&config, NULL, "")), 0);
		assert_int_equal(synth_emit(&y, &unit, &sink, &report), 0);
		assert_int_equal(n, owners[i].owner == NULL);
		if (owners[i].owner == NULL) {
			assert_null(report.owner);
		} else {
			assert_non_null(report.owner);
			assert_string_equal(report.owner->name, owners[i].owner);
		}
		synth_fini(&y);
		config_free(&config);
		store_free(s);
	}
}

static void addresses_print_as_go_prints_them(void **state)
{
	static const char *const texts[] = {"10.0.0.1", "0.0.0.0", "::", "::1",
		"1::", "fd00:244::", "1:2:3:4:5:6:7:8", "1:0:0:2::3", "2001:db8::1:0:0:1",
		"1:0:2:3:4:5:6:7", "::fffe:0:1"};
	char buf[NAMES_ADDRESS_MAX_BYTES];
	struct object_address a;
	struct object_address b;
	struct dname name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(object_address_parse(texts[i], &a));
		assert_string_equal(names_address(&a, buf), texts[i]);
		names_reverse(&a, &name);
		assert_true(names_reverse_parse(name.wire, &b));
		assert_true(object_address_is_equal(&a, &b));
		(void)names_pod(&a, buf);
		assert_true(names_pod_parse(buf, strlen(buf), &b));
		assert_true(object_address_is_equal(&a, &b));
	}
	assert_int_equal(dname_parse("0.96.10.in-addr.arpa", &name), 0);
	assert_false(names_reverse_parse(name.wire, &b));
	assert_int_equal(dname_parse("01.0.0.10.in-addr.arpa", &name), 0);
	assert_false(names_reverse_parse(name.wire, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_become_records),
		cmocka_unit_test(aliases_become_chains),
		cmocka_unit_test(a_chain_of_eleven_is_answered_and_of_twelve_not),
		cmocka_unit_test(zones_have_their_fixed_names),
		cmocka_unit_test(weights_follow_rule_w),
		cmocka_unit_test(the_order_of_objects_does_not_matter),
		cmocka_unit_test(bad_objects_are_skipped_one_by_one),
		cmocka_unit_test(a_bad_name_of_an_address_is_its_owners),
		cmocka_unit_test(addresses_print_as_go_prints_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
