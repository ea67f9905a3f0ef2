// SPDX-License-Identifier: Apache-2.0
// Tests of control/kube/decode and control/object: what is kept of an object, what is skipped and
// counted, and that a packed object stands alone.
#include "control/kube/decode.h"
#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

// A text under construction.
struct out {
	FILE *file;
	char *text;
	size_t len;
};

static void out_open(struct out *o)
{
	o->file = open_memstream(&o->text, &o->len);
	assert_non_null(o->file);
}

static void out_free(struct out *o)
{
	(void)fclose(o->file);
	free(o->text);
}

static void add_addresses(struct out *o, const struct object_address *a, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++)
		(void)fprintf(o->file, " %s",
			inet_ntop(a[i].family == OBJECT_IPV4 ? AF_INET : AF_INET6, a[i].bytes, text,
				sizeof(text)));
}

static void add_ports(struct out *o, const struct object_port *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(
			o->file, " %s:%d/%d", p[i].name, (int)p[i].number, (int)p[i].protocol);
}

static void add_slice(struct out *o, const struct object_slice *s)
{
	(void)fprintf(o->file, " of %s", s->service_name);
	if (*s->source_cluster != '\0')
		(void)fprintf(o->file, " in %s", s->source_cluster);
	add_ports(o, s->ports, s->n_ports);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct object_endpoint *e = &s->endpoints[i];

		(void)fprintf(o->file, " [%s,%s,%s,%s", e->hostname, e->target_name, e->node_name,
			e->zone);
		add_addresses(o, e->addresses, e->n_addresses);
		(void)fprintf(o->file, "]");
	}
}

static void add_object(struct out *o, const struct object_meta *m)
{
	const struct object_service *s = (const struct object_service *)m;
	const struct object_import *i = (const struct object_import *)m;

	(void)fprintf(
		o->file, "%s/%s %llu", m->ns, m->name, (unsigned long long)m->resource_version);
	if (m->kind == OBJECT_SERVICE) {
		(void)fprintf(o->file, " type %d%s %s", (int)s->type,
			s->headless ? " headless" : "", s->external_name);
		add_addresses(o, s->cluster_ips, s->n_cluster_ips);
		add_ports(o, s->ports, s->n_ports);
		(void)fprintf(o->file, "%s", s->n_external_ips != 0 ? " external" : "");
		add_addresses(o, s->external_ips, s->n_external_ips);
		for (size_t k = 0; k < s->n_ingress_hosts; k++)
			(void)fprintf(o->file, " %s", s->ingress_hosts[k]);
	} else if (m->kind == OBJECT_SLICE || m->kind == OBJECT_IMPORT_SLICE) {
		add_slice(o, (const struct object_slice *)m);
	} else if (m->kind == OBJECT_POD) {
		add_addresses(o, &((const struct object_pod *)m)->ip,
			((const struct object_pod *)m)->ip.family != 0);
		(void)fprintf(o->file, "%s%s",
			((const struct object_pod *)m)->label[0] ? " as " : "",
			((const struct object_pod *)m)->label);
	} else if (m->kind == OBJECT_IMPORT) {
		(void)fprintf(o->file, "%s", i->headless ? " headless" : "");
		add_addresses(o, i->ips, i->n_ips);
		add_ports(o, i->ports, i->n_ports);
	}
}

#define META "'metadata':{'name':'n','namespace':'s','resourceVersion':'7'"
#define OWNED META ",'labels':{'kubernetes.io/service-name':'svc'}}"

static const struct {
	enum object_kind kind;
	const char *json; // with ' for "
	const char *want; // NULL: DECODE_BAD; "": DECODE_IRRELEVANT
	unsigned skipped;
} cases[] = {
	{OBJECT_NAMESPACE, "{'metadata':{'name':'n','namespace':'x','resourceVersion':'12'}}",
		"/n 12", 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':'n'}}", "/n 0", 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':'n','resourceVersion':'x12'}}", "/n 0", 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':'n','resourceVersion':'99999999999999999999999'}}",
		"/n 0", 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':''}}", NULL, 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':7}}", NULL, 0},
	{OBJECT_NAMESPACE, "{'metadata':{'name':'a\\u0000b'}}", NULL, 0},
	{OBJECT_NAMESPACE, "{'metadata':[]}", NULL, 0},
	{OBJECT_NAMESPACE, "{}", NULL, 0},
	{OBJECT_SERVICE, "{'metadata':{'name':'n'}}", NULL, 0},
	{OBJECT_SERVICE, "{" META "}}", "s/n 7 type 0 ", 0},
	{OBJECT_SERVICE, "{" META "},'spec':null,'status':7}", "s/n 7 type 0 ", 0},
	{OBJECT_SERVICE,
		"{" META "},'spec':{'type':'ClusterIP','clusterIPs':['10.0.0.1','fd00::1'],"
		"'clusterIP':'10.0.0.1','ports':[{'name':'a','port':80,'protocol':'TCP'},"
		"{'port':53,'protocol':'UDP'},{'port':1,'protocol':'SCTP'},{'port':2}]}}",
		"s/n 7 type 0  10.0.0.1 fd00::1 a:80/1 :53/2 :1/3 :2/0", 0},
	{OBJECT_SERVICE, "{" META "},'spec':{'clusterIP':'10.0.0.1'}}", "s/n 7 type 0  10.0.0.1",
		0},
	{OBJECT_SERVICE, "{" META "},'spec':{'clusterIP':'None'}}", "s/n 7 type 0 headless ", 0},
	{OBJECT_SERVICE, "{" META "},'spec':{'clusterIPs':['None'],'clusterIP':'10.0.0.1'}}",
		"s/n 7 type 0 headless ", 0},
	{OBJECT_SERVICE,
		"{" META "},'spec':{'clusterIPs':['x','10.0.0.300',7,'10.0.0.1/8','10.0.0.2']}}",
		"s/n 7 type 0  10.0.0.2", 4},
	{OBJECT_SERVICE, "{" META "},'spec':{'clusterIPs':'10.0.0.1','ports':{}}}", "s/n 7 type 0 ",
		2},
	{OBJECT_SERVICE,
		"{" META "},'spec':{'ports':[{'port':65536},{'port':-1},{'port':'80'},{'port':1.5},"
		"7,{'port':0},{'port':1,'protocol':'ICMP'},{'port':2,'name':[]}]}}",
		"s/n 7 type 0  :0/0 :1/0 :2/0", 7},
	{OBJECT_SERVICE, "{" META "},'spec':{'type':'ExternalName','externalName':'x.example'}}",
		"s/n 7 type 3 x.example", 0},
	{OBJECT_SERVICE,
		"{" META "},'spec':{'type':'LoadBalancer','externalIPs':['1.1.1.1']},"
		"'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},{'hostname':'h'},"
		"{'ip':'x'},7]}}}",
		"s/n 7 type 2  external 1.1.1.1 2.2.2.2 h", 1},
	{OBJECT_SERVICE, "{" META "},'spec':{'type':'NodePort'}}", "s/n 7 type 1 ", 0},
	{OBJECT_SLICE, "{" META "}}", "", 0},
	{OBJECT_SLICE, "{" META ",'labels':{'kubernetes.io/service-name':''}}}", "", 0},
	{OBJECT_SLICE, "{" OWNED "}", "s/n 7 of svc", 0},
	{OBJECT_SLICE,
		"{" OWNED ",'ports':[{'name':'http','port':80,'protocol':'TCP'},{'port':null}],"
		"'endpoints':[{'addresses':['10.0.0.1'],'conditions':{'ready':true},'hostname':'h',"
		"'targetRef':{'name':'p'},'nodeName':'no','zone':'z'},"
		"{'addresses':['10.0.0.2'],'conditions':{'ready':false}},"
		"{'addresses':['fd00::1','fd00::2'],'conditions':{}},"
		"{'addresses':['10.0.0.3'],'conditions':{'ready':null}},"
		"{'addresses':['10.0.0.4']}]}",
		"s/n 7 of svc http:80/1 :-1/0 [h,p,no,z 10.0.0.1] [,,, fd00::1 fd00::2] [,,, "
		"10.0.0.3]"
		" [,,, 10.0.0.4]",
		0},
	{OBJECT_SLICE,
		"{" OWNED ",'endpoints':[{'addresses':['x.example']},7,null,{},"
		"{'addresses':['10.0.0.1'],'conditions':{'ready':'true'}},"
		"{'addresses':['::ffff:10.0.0.9'],'hostname':7}]}",
		"s/n 7 of svc [,,, 10.0.0.9]", 5},
	{OBJECT_IMPORT_SLICE, "{" OWNED "}", "", 0},
	{OBJECT_IMPORT_SLICE,
		"{" META ",'labels':{'multicluster.kubernetes.io/service-name':'i',"
		"'multicluster.kubernetes.io/source-cluster':'c'}}}",
		"s/n 7 of i in c", 0},
	{OBJECT_POD, "{" META "},'status':{'podIP':'10.0.0.1','phase':'Running'}}",
		"s/n 7 10.0.0.1", 0},
	{OBJECT_POD, "{" META "},'status':{}}", "s/n 7", 0},
	{OBJECT_POD, "{" META "},'status':{'podIP':'x'}}", "s/n 7", 1},
	// k8s:2.6: what a question is compared with is the text
	{OBJECT_POD, "{" META "},'status':{'podIP':'fd00::1'}}", "s/n 7 fd00::1", 0},
	{OBJECT_POD, "{" META "},'status':{'podIP':'fd00:0::1'}}", "s/n 7 fd00::1 as fd00-0--1", 0},
	{OBJECT_POD, "{" META "},'status':{'podIP':'::ffff:a00:1'}}",
		"s/n 7 10.0.0.1 as --ffff-a00-1", 0},
	{OBJECT_POD, "{" META "},'status':{'podIP':'::ffff:10.0.0.1'}}", "s/n 7", 1},
	{OBJECT_POD, "{" META "},'status':{'podIP':'FD00::1'}}", "s/n 7", 1},
	{OBJECT_POD, "{" META "},'status':{'podIP':'10.0.0.1','phase':'Failed'}}", "", 0},
	{OBJECT_POD, "{" META ",'deletionTimestamp':'2026-01-01T00:00:00Z'}}", "", 0},
	{OBJECT_IMPORT,
		"{" META "},'spec':{'type':'Headless','ips':['10.0.0.1'],'ports':[{'port':1}]}}",
		"s/n 7 headless 10.0.0.1 :1/0", 0},
	{OBJECT_IMPORT, "{" META "},'spec':{'type':'ClusterSetIP'}}", "s/n 7", 0},
};

static json_t *parse(const char *text)
{
	char buf[2048];
	size_t n = strlen(text);
	json_t *json;

	assert_true(n < sizeof(buf));
	for (size_t i = 0; i <= n; i++)
		buf[i] = text[i];
	for (size_t i = 0; i < n; i++)
		if (buf[i] == '\'')
			buf[i] = '"';
	json = json_loadb(buf, n, JSON_ALLOW_NUL, NULL);
	assert_non_null(json);
	return json;
}

static void each_kind_keeps_what_it_consumes_and_counts_what_it_cannot_use(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct kube_spec spec = {
			.kind = cases[i].kind, .keep_target_names = true, .keep_zones = true};
		json_t *json = parse(cases[i].json);
		struct decoded d;
		struct out o;
		enum decode_result result = decode_object(&spec, json, NULL, &d);

		json_decref(json); // the object must not need it any more
		out_open(&o);
		if (d.object != NULL)
			add_object(&o, d.object);
		(void)fflush(o.file);
		object_free(d.object);
		if (cases[i].want == NULL)
			assert_int_equal(result, DECODE_BAD);
		else if (*cases[i].want == '\0')
			assert_int_equal(result, DECODE_IRRELEVANT);
		else if (strcmp(o.text, cases[i].want) != 0 || d.values_skipped != cases[i].skipped)
			fail_msg("case %zu: \"%s\", %u skipped", i, o.text, d.values_skipped);
		out_free(&o);
	}
}

static void the_first_value_that_is_skipped_names_its_field(void **state)
{
	static const struct {
		enum object_kind kind;
		const char *json;
		const char *field; // NULL: nothing is skipped
	} fields[] = {
		{OBJECT_SERVICE, "{" META "},'spec':{'clusterIP':'10.0.0.1'}}", NULL},
		{OBJECT_SERVICE, "{" META "},'spec':{'clusterIP':'999.1.1.1'}}", "clusterIP"},
		{OBJECT_SERVICE, "{" META "},'spec':{'clusterIPs':['999.1.1.1']}}", "clusterIPs"},
		{OBJECT_SERVICE, "{" META "},'spec':{'ports':'notalist','externalIPs':7}}",
			"ports"},
		{OBJECT_SERVICE, "{" META "},'spec':{'ports':[{'port':-5}]}}", "ports"},
		{OBJECT_SERVICE, "{" META "},'spec':{'ports':[{'port':1,'protocol':'x'}]}}",
			"protocol"},
		{OBJECT_SERVICE, "{" META "},'spec':{'externalIPs':['x']}}", "externalIPs"},
		{OBJECT_SLICE, "{" OWNED ",'endpoints':[7]}", "endpoints"},
		{OBJECT_SLICE, "{" OWNED ",'endpoints':[{'addresses':['x']}]}", "addresses"},
		{OBJECT_POD, "{" META "},'status':{'podIP':'x'}}", "podIP"},
		{OBJECT_IMPORT, "{" META "},'spec':{'ips':['x']}}", "ips"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct kube_spec spec = {.kind = fields[i].kind};
		json_t *json = parse(fields[i].json);
		struct decoded d;

		assert_int_equal(decode_object(&spec, json, NULL, &d), DECODE_OK);
		if (fields[i].field == NULL)
			assert_null(d.skipped_field);
		else
			assert_string_equal(d.skipped_field, fields[i].field);
		object_free(d.object);
		json_decref(json);
	}
}

static void ports_of_a_manifest_are_tcp_unless_they_say_otherwise(void **state)
{
	struct kube_spec spec = {.kind = OBJECT_SERVICE};
	json_t *json = parse("{" META "},'spec':{'ports':[{'port':1},{'port':2,'protocol':null},"
			     "{'port':3,'protocol':'UDP'},{'port':4,'protocol':7}]}}");
	static const enum object_protocol want[] = {
		OBJECT_TCP, OBJECT_TCP, OBJECT_UDP, OBJECT_PROTOCOL_NONE};
	struct decoded d;

	(void)state;
	assert_int_equal(decode_object(&spec, json, "default", &d), DECODE_OK);
	const struct object_service *s = (const void *)d.object;
	assert_int_equal(s->n_ports, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(s->ports[i].protocol, want[i]);
	object_free(d.object);
	json_decref(json);
}

static void optional_fields_take_no_memory_unless_they_are_asked_for(void **state)
{
	json_t *json =
		parse("{" OWNED ",'endpoints':[{'addresses':['10.0.0.1'],'hostname':'h',"
		      "'targetRef':{'name':'a-long-name-of-a-pod-0123456789'},"
		      "'nodeName':'a-long-name-of-a-node','zone':'a-long-name-of-a-zone'}]}");
	struct kube_spec lean = {.kind = OBJECT_SLICE};
	struct kube_spec full = {
		.kind = OBJECT_SLICE, .keep_target_names = true, .keep_zones = true};
	struct decoded a;
	struct decoded b;
	const struct object_slice *s;

	(void)state;
	assert_int_equal(decode_object(&lean, json, NULL, &a), DECODE_OK);
	assert_int_equal(decode_object(&full, json, NULL, &b), DECODE_OK);
	s = (const struct object_slice *)a.object;
	assert_string_equal(s->endpoints[0].hostname, "h");
	assert_string_equal(s->endpoints[0].target_name, "");
	assert_string_equal(s->endpoints[0].zone, "");
	assert_true(object_size_bytes(a.object) + 60 < object_size_bytes(b.object));
	json_decref(json);
	object_free(a.object);
	object_free(b.object);
}

static void equal_names_of_nodes_are_kept_once(void **state)
{
	struct object_address address = {.family = OBJECT_IPV4, .bytes = {10, 0, 0, 1}};
	char node[] = "the-node-that-all-are-on";
	struct object_endpoint ends[100];
	struct object_slice slice = {
		.meta = {.ns = "s", .name = "n", .kind = OBJECT_SLICE},
		.service_name = "svc",
		.source_cluster = "",
		.endpoints = ends,
		.n_endpoints = ARRAY_LEN(ends),
	};
	struct object_slice *packed;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		ends[i] = (struct object_endpoint){.addresses = &address,
			.n_addresses = 1,
			.hostname = "",
			.target_name = "",
			.node_name = node,
			.zone = ""};
	packed = object_slice_pack(&slice);
	assert_non_null(packed);
	node[0] = 'X';
	assert_string_equal(packed->endpoints[99].node_name, "the-node-that-all-are-on");
	assert_ptr_equal(packed->endpoints[0].node_name, packed->endpoints[99].node_name);
	assert_true(
		object_size_bytes(&packed->meta) < 100 * (sizeof(ends[0]) + sizeof(address)) + 300);
	object_free(&packed->meta);
}

static void addresses_are_read_as_go_reads_them(void **state)
{
	static const struct {
		const char *text;
		const char *want; // NULL: none
	} addresses[] = {
		{"10.0.0.1", "10.0.0.1"},
		{"fd00::0:1", "fd00::1"},
		{"::ffff:1.2.3.4", "1.2.3.4"},
		{"::1.2.3.4", "::1.2.3.4"},
		{"", NULL},
		{"10.0.0", NULL},
		{"010.0.0.1", NULL},
		{"10.0.0.1 ", NULL},
		{"fe80::1%eth0", NULL},
		{"fd00::/8", NULL},
		{"None", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct object_address a = {0};
		struct out o;
		bool found = object_address_parse(addresses[i].text, &a);

		assert_int_equal(found, addresses[i].want != NULL);
		if (!found)
			continue;
		out_open(&o);
		add_addresses(&o, &a, 1);
		(void)fflush(o.file);
		assert_string_equal(o.text + 1, addresses[i].want);
		out_free(&o);
		assert_true(object_address_is_equal(&a, &a));
	}
}

static void times_are_read_with_fractions_and_zones(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
		{"1970-01-01T00:00:01Z", 1000},
		{"1970-01-01T00:00:01.5Z", 1500},
		{"1970-01-01T00:00:01.123456789Z", 1123},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1970-01-01T01:00:01+01:00", 1000},
		{"1969-12-31T23:00:01-01:00", 1000},
		{"1970-01-01T00:00:01", 0},
		{"1970-01-01", 0},
		{"yesterday", 0},
		{"", 0},
		{"1970-01-01T00:00:01+1", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (decode_time_ms(times[i].text) != times[i].ms)
			fail_msg("%s is %lld", times[i].text,
				(long long)decode_time_ms(times[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_keeps_what_it_consumes_and_counts_what_it_cannot_use),
		cmocka_unit_test(the_first_value_that_is_skipped_names_its_field),
		cmocka_unit_test(ports_of_a_manifest_are_tcp_unless_they_say_otherwise),
		cmocka_unit_test(optional_fields_take_no_memory_unless_they_are_asked_for),
		cmocka_unit_test(equal_names_of_nodes_are_kept_once),
		cmocka_unit_test(addresses_are_read_as_go_reads_them),
		cmocka_unit_test(times_are_read_with_fractions_and_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
