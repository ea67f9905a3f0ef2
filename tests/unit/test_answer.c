// SPDX-License-Identifier: Apache-2.0
// Tests of zones/snapshot and zones/answer on the fixture image: hits, NODATA, NXDOMAIN,
// fallthrough, pods, aliases, overlays, truncation, rotation, EDNS, case.
#include "tests/unit/image_fixture.h"
#include "zones/answer/answer.h"
#include "zones/answer/pod.h"
#include "zones/wire/message.h"

#include "zones/base/array.h"
#include "zones/base/be.h"
#include "zones/base/rdbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct asked {
	uint8_t reply[65535];
	size_t size;
	enum answer_verdict verdict;
	enum query_verdict query;
	struct answer_result result;
	uint16_t flags, qd, an, ns, ar;
};

struct ask_spec {
	const char *name;
	uint16_t type, id, edns_bytes; // edns_bytes 0: no OPT
	enum transport transport;
	bool is_do;
};

static size_t make_query(uint8_t *msg, const struct ask_spec *spec)
{
	struct wrbuf w = wrbuf_of(msg, 512);
	struct dname name = {0};

	assert_int_equal(dname_parse(spec->name, &name), 0);
	wrbuf_u16(&w, spec->id);
	wrbuf_u16(&w, HEADER_RD);
	wrbuf_u16(&w, 1);
	wrbuf_u32(&w, 0);
	wrbuf_u16(&w, spec->edns_bytes != 0);
	wrbuf_bytes(&w, name.wire, name.size_bytes);
	wrbuf_u16(&w, spec->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	if (spec->edns_bytes != 0) {
		wrbuf_u8(&w, 0);
		wrbuf_u16(&w, RR_TYPE_OPT);
		wrbuf_u16(&w, spec->edns_bytes);
		wrbuf_u16(&w, 0);
		wrbuf_u16(&w, spec->is_do ? 0x8000 : 0);
		wrbuf_u16(&w, 0);
	}
	return w.pos;
}

// The reply must parse to its last byte, whatever it is.
static void walk_reply(const struct asked *a)
{
	struct rdbuf r = rdbuf_of(a->reply, a->size);
	unsigned n = (unsigned)a->an + a->ns + a->ar;

	(void)rdbuf_take(&r, 12);
	for (unsigned i = 0; i < a->qd; i++) {
		assert_non_null(rdbuf_take(&r, dname_size(r.base + r.pos, rdbuf_left(&r))));
		(void)rdbuf_take(&r, 4);
	}
	for (unsigned i = 0; i < n; i++) {
		struct message_rr rr;
		message_rr(&r, &rr);
	}
	assert_false(r.bad);
	assert_int_equal(rdbuf_left(&r), 0);
}

static void ask(const struct snapshot *s, const struct ask_spec *spec, struct asked *a)
{
	uint8_t msg[512];
	struct server_address to = {.family = 4, .bytes = {198, 18, 0, 53}, .port = 53};
	struct answer_call call = {.snapshot = s, .to = &to, .msg = msg};
	struct answer_env env = {.transport = spec->transport, .udp_max_bytes = DNS_UDP_MAX_BYTES};
	struct query q;
	struct wrbuf w = wrbuf_of(a->reply, sizeof(a->reply));

	call.size_bytes = make_query(msg, spec);
	a->verdict = answer_query(&call, &env, &q, &a->query, &w, &a->result);
	if (a->verdict != ANSWER_REPLY)
		return;
	a->size = w.pos;
	assert_false(w.full);
	a->flags = be16_get(a->reply + 2);
	a->qd = be16_get(a->reply + 4);
	a->an = be16_get(a->reply + 6);
	a->ns = be16_get(a->reply + 8);
	a->ar = be16_get(a->reply + 10);
	walk_reply(a);
}

static struct image_fixture fixture;

static struct snapshot base_snapshot(void)
{
	return (struct snapshot){.base = &fixture.image};
}

static int setup(void **state)
{
	(void)state;
	image_fixture_make(&fixture,
		&(struct image_fixture_spec){
			.n_services = 50, .n_endpoints = 300, .generation = 7});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_fixture_free(&fixture);
	return 0;
}

struct answer_case {
	const char *name;
	uint16_t type;
	enum rcode rcode;
	uint16_t an, ns, ar;
	bool aa;
};

static const struct answer_case answer_cases[] = {
	{"svc1.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 1, 0, 0, true},
	{"svc1.ns.svc.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 0, 1, 0, true},
	{"svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"svc1.ns.svc.cluster.local.", RR_TYPE_ANY, RCODE_NOERROR, 0, 1, 0, true},
	{"SVC1.ns.svc.Cluster.LOCAL.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"ipv6.ns.svc.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 1, 0, 0, true},
	{"_http._tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"http._tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"_http.tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"http.tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"_._tcp.svc0.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 1, true},
	{"_svc1.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"_https._tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"nosuch.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"nosuch.ns.svc.cluster.local.", RR_TYPE_SOA, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"svc.cluster.local.", RR_TYPE_TXT, RCODE_NOERROR, 0, 1, 0, true},
	{"cluster.local.", RR_TYPE_SOA, RCODE_NOERROR, 1, 0, 0, true},
	{"Cluster.local.", RR_TYPE_NS, RCODE_NOERROR, 1, 0, 1, true},
	{"cluster.local.", RR_TYPE_A, RCODE_NOERROR, 0, 1, 0, true},
	{"dns-version.cluster.local.", RR_TYPE_TXT, RCODE_NOERROR, 1, 0, 0, true},
	{"strict.cluster.local.", RR_TYPE_TXT, RCODE_NOERROR, 1, 0, 0, true},
	{"strict.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"strict.cluster.local.", RR_TYPE_SOA, RCODE_NOERROR, 0, 1, 0, true},
	{"ns.dns.cluster.local.", RR_TYPE_PTR, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"ns.dns.cluster.local.", RR_TYPE_MX, RCODE_NOERROR, 0, 1, 0, true},
	{"in.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 2, 0, 0, true},
	{"in.ns.svc.cluster.local.", RR_TYPE_CNAME, RCODE_NOERROR, 1, 0, 0, true},
	{"1.0.103.10.in-addr.arpa.", RR_TYPE_PTR, RCODE_NOERROR, 1, 0, 0, true},
	{"1.0.103.10.in-addr.arpa.", RR_TYPE_A, RCODE_NOERROR, 0, 1, 0, true},
	{"10-244-1-2.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 1, 0, 0, true},
	{"10-244-1-2.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 0, 1, 0, true},
	{"10-244-1-2.ns.pod.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 0, 1, 0, true},
	{"fd00--5.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 1, 0, 0, true},
	{"10-244-1-2.none.pod.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"x.10-244-1-2.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"300-1-1-1.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	{"hl.ns.svc.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 0, 1, 0, true},
	{"h7.hl.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 1, 0, 0, true},
};

static void names_answer_as_the_image_says(void **state)
{
	struct snapshot s = base_snapshot();
	static struct asked a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answer_cases); i++) {
		const struct answer_case *c = &answer_cases[i];
		for (int edns = 0; edns < 2; edns++) {
			ask(&s,
				&(struct ask_spec){.name = c->name,
					.type = c->type,
					.edns_bytes = edns ? 1232 : 0},
				&a);
			bool ok = a.verdict == ANSWER_REPLY &&
				(a.flags & 15) == (unsigned)c->rcode && a.an == c->an &&
				a.ns == c->ns && a.ar == c->ar + edns &&
				!!(a.flags & HEADER_AA) == c->aa && !(a.flags & HEADER_RA) &&
				(a.flags & HEADER_RD) && a.qd == 1;
			if (!ok)
				fail_msg("%s type %u: flags %04x an %u ns %u ar %u", c->name,
					c->type, a.flags, a.an, a.ns, a.ar);
		}
	}
}

static void names_for_others_are_punted(void **state)
{
	static const char *const names[] = {"www.example.com.", ".", "9.9.9.9.in-addr.arpa.",
		"mycluster.local.", "local.", "out.ns.svc.cluster.local."};
	struct snapshot s = base_snapshot();
	static struct asked a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ask(&s, &(struct ask_spec){.name = names[i], .type = RR_TYPE_A}, &a);
		assert_int_equal(a.verdict, ANSWER_PUNT);
	}
}

static void without_a_snapshot_the_answer_is_servfail(void **state)
{
	struct snapshot none = {0};
	static struct asked a;

	(void)state; // proto:S11
	ask(&none, &(struct ask_spec){.name = "a.", .type = 1, .edns_bytes = 512}, &a);
	assert_int_equal(a.flags & 15, RCODE_SERVFAIL);
	assert_int_equal(be16_get(a.reply + a.size - 6), EDNS_EDE);
	assert_int_equal(be16_get(a.reply + a.size - 2), EDE_NOT_READY);
}

static void the_clients_spelling_is_kept(void **state)
{
	struct snapshot s = base_snapshot();
	static struct asked a;

	(void)state;
	ask(&s, &(struct ask_spec){.name = "sVC1.ns.svc.ClusteR.LocaL.", .type = RR_TYPE_SRV}, &a);
	assert_memory_equal(a.reply + 12, "\4sVC1", 5); // proto:H15
	// k8s:2.2: labels of the object as they are, the zone as the client spelled it.
	assert_memory_equal(a.reply + 12 + 27 + 4 + 18, "\4svc1\2ns\3svc\7ClusteR\5LocaL", 27);
}

static void answers_are_cut_by_whole_records(void **state)
{
	// k8s:2.11: 300 A of a name of 26 bytes; proto:S1, S2.
	static const struct {
		uint16_t edns, type, an;
	} rows[] = {{0, 1, 29}, {512, 1, 28}, {1232, 1, 73}, {4096, 1, 73}, {0, 33, 10},
		{1232, 33, 25}};
	struct snapshot s = base_snapshot();
	static struct asked a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask(&s,
			&(struct ask_spec){.name = "hl.ns.svc.cluster.local.",
				.type = rows[i].type,
				.edns_bytes = rows[i].edns},
			&a);
		assert_true(a.flags & HEADER_TC);
		assert_in_range(a.an, rows[i].an - 1, rows[i].an + 1);
		assert_true(a.size <= (rows[i].edns == 0                    ? 512u
						      : rows[i].edns > 1232 ? 1232u
									    : rows[i].edns));
	}
	ask(&s,
		&(struct ask_spec){
			.name = "hl.ns.svc.cluster.local.", .type = 1, .transport = TRANSPORT_TCP},
		&a);
	assert_int_equal(a.an, 300);
	assert_false(a.flags & HEADER_TC);
	ask(&s,
		&(struct ask_spec){
			.name = "hl.ns.svc.cluster.local.", .type = 33, .transport = TRANSPORT_TCP},
		&a);
	assert_int_equal(a.an, 300);
	assert_int_equal(a.ar, 300);
}

static void minimal_leaves_out_additional_records(void **state)
{
	static const struct answer_case cases[] = {
		{"svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 0, true},
		{"_http._tcp.svc1.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 0,
			true},
		{"SVC1.ns.svc.cluster.LOCAL.", RR_TYPE_SRV, RCODE_NOERROR, 1, 0, 0, true},
		{"hl.ns.svc.cluster.local.", RR_TYPE_SRV, RCODE_NOERROR, 300, 0, 0, true},
		{"svc1.ns.svc.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 0, 1, 0, true},
		{"nosuch.ns.svc.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0, 1, 0, true},
	};
	struct snapshot s = base_snapshot();
	uint8_t *bytes = fixture.bytes; // the test's own
	struct image_rule *rules = (void *)(bytes + fixture.image.header->part[IMAGE_RULES].offset);
	static struct asked a;

	(void)state;
	for (unsigned i = 0; i < fixture.image.n_rules; i++)
		rules[i].flags |= RULE_MINIMAL;
	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const struct answer_case *c = &cases[i / 2];
		if (i % 2 == 0 && c->an == 300)
			continue; // too large for UDP
		ask(&s,
			&(struct ask_spec){.name = c->name,
				.type = c->type,
				.transport = i % 2 == 0 ? TRANSPORT_UDP : TRANSPORT_TCP},
			&a);
		assert_int_equal(a.result.rcode, c->rcode);
		assert_int_equal(a.an, c->an);
		assert_int_equal(a.ns, c->ns);
		assert_int_equal(a.ar, c->ar);
	}
	for (unsigned i = 0; i < fixture.image.n_rules; i++)
		rules[i].flags &= (uint16_t)~RULE_MINIMAL;
}

static void rotation_follows_the_query_id(void **state)
{
	struct snapshot s = base_snapshot();
	uint8_t seen[300] = {0};
	static struct asked a;

	(void)state;
	for (uint16_t id = 0; id < 300; id++) {
		ask(&s,
			&(struct ask_spec){.name = "hl.ns.svc.cluster.local.",
				.type = 1,
				.id = id,
				.transport = TRANSPORT_TCP},
			&a);
		assert_int_equal(a.an, 300);
		const uint8_t *first = a.reply + 12 + 25 + 4 + 12;
		seen[first[2] * 256 + first[3]] = 1;
	}
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(seen[i], 1);
}

static void an_overlay_hides_and_adds(void **state)
{
	struct image_fixture over;
	struct image_fixture_spec spec = {
		.n_services = 60, .generation = 8, .base = &fixture.image};
	static struct asked a;
	char name[64];

	(void)state;
	image_fixture_make(&over, &spec);
	assert_true(snapshot_is_pair(&fixture.image, &over.image));
	assert_false(snapshot_is_pair(&over.image, &fixture.image));
	struct snapshot s = {.base = &fixture.image, .overlay = &over.image};
	for (unsigned n = 0; n < 60; n++) {
		(void)snprintf(name, sizeof(name), "svc%u.ns.svc.cluster.local.", n);
		ask(&s, &(struct ask_spec){.name = name, .type = 1}, &a);
		bool gone = n % 5 == 0 || (n >= 50 && n % 2 != 0);
		assert_int_equal(a.flags & 15, gone ? RCODE_NXDOMAIN : RCODE_NOERROR);
		if (!gone) // generation in the second byte of the address
			assert_int_equal(a.reply[a.size - 3], 96 + (n % 2 == 0 ? 8 : 7));
	}
	image_fixture_free(&over);
}

static void pod_labels_spell_addresses(void **state)
{
	static const struct {
		const char *label;
		unsigned family;
		uint8_t addr[16];
	} rows[] = {
		{"10-244-1-2", 4, {10, 244, 1, 2}},
		{"0-0-0-0", 4, {0}},
		{"01-2-3-4", 0, {0}},
		{"1-2-3", 0, {0}},
		{"1-2-3-4-5", 0, {0}},
		{"256-2-3-4", 0, {0}},
		{"-1-2-3", 0, {0}},
		{"1-2-3-", 0, {0}},
		{"p1", 0, {0}},
		{"", 0, {0}},
		{"--", 6, {0}},
		{"--1", 6, {[15] = 1}},
		{"1--", 6, {[1] = 1}},
		{"fd00-244--5", 6, {0xfd, 0, 2, 0x44, [15] = 5}},
		{"1-2-3-4-5-6-7-8", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
		{"1-2-3-4-5-6-7-8-9", 0, {0}},
		{"1--2--3", 0, {0}},
		{"::1", 6, {[15] = 1}},
		{"fd00::1-2", 6, {0xfd, [13] = 1, [15] = 2}},
		{"1:2:3:4", 0, {0}},
		{":", 0, {0}},
		{"1---2", 0, {0}},
		{"12345--", 0, {0}},
		{"--ffff-a00-1", 4, {10, 0, 0, 1}},
		{"::ffff:1-2-3-4", 4, {1, 2, 3, 4}},
		{"::1-2-3-4", 6, {[12] = 1, [13] = 2, [14] = 3, [15] = 4}},
		{"1:2:3:4:5:6:17-2-3-255", 6, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 17, 2, 3, 255}},
		{"1:2:3:4:5:6:7:1-2-3-4", 0, {0}},
		{"1:2:3:4:5:6::1-2-3-4", 0, {0}},
		{"::ffff:01-2-3-4", 0, {0}},
		{"::ffff:256-2-3-4", 0, {0}},
		{"::ffff:1-2-3-", 0, {0}},
		{":1-2-3-4", 0, {0}},
		{"1-2-3-4:5", 0, {0}},
		{"::ffff:1-2-3", 6, {[9] = 0xff, [8] = 0xff, [11] = 1, [13] = 2, [15] = 3}},
		{"1-2-3-4-5-6-7-8-", 0, {0}},
		{"1-2-3-4-5-6-7-", 0, {0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t addr[16] = {0};
		unsigned family =
			pod_address((const uint8_t *)rows[i].label, strlen(rows[i].label), addr);
		if (family != rows[i].family ||
			(family != 0 && memcmp(addr, rows[i].addr, family == 4 ? 4 : 16) != 0))
			fail_msg("%s: family %u", rows[i].label, family);
	}
}

static void the_same_names_in_any_order_give_the_same_bytes(void **state)
{
	static const char *const names[] = {"a.", "b.c.", "_x._y.z.", "w."};
	size_t size[2];
	uint8_t *bytes[2];

	(void)state;
	for (int k = 0; k < 2; k++) { // rel:S5
		struct image_build_id id = {.kind = IMAGE_BASE, .generation = 1};
		struct image_build *b = image_build_new(&id);
		image_fixture_policy(b, 1);
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			struct dname n =
				image_fixture_name(names[k == 0 ? i : ARRAY_LEN(names) - 1 - i]);
			struct record_data d = {.addr = {4, {n.wire[1], 2, 3, 4}}};
			struct record_set set = {.type = 1, .ttl_s = 5, .data = &d, .n = 1};
			struct image_build_name name = {.view = 1,
				.wire = n.wire,
				.sets = &set,
				.n_sets = 1,
				.alias_of = IMAGE_NONE};
			assert_int_equal(image_build_name(b, &name, NULL), 0);
		}
		assert_int_equal(image_build_seal(b, &size[k], NULL), 0);
		bytes[k] = aligned_alloc(64, size[k]);
		image_build_write(b, bytes[k]);
		image_build_free(b);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(bytes[0], bytes[1], size[0]);
	free(bytes[0]);
	free(bytes[1]);
}

static void an_oversized_service_is_capped_by_rotation_over_tcp(void **state)
{
	struct image_fixture big;
	static struct asked a;

	(void)state; // DESIGN 3: 5,000 addresses do not fit 65,535 bytes
	image_fixture_make(&big,
		&(struct image_fixture_spec){
			.n_services = 1, .n_endpoints = 5000, .generation = 1});
	struct snapshot s = {.base = &big.image};
	for (uint16_t id = 0; id < 5; id++) {
		ask(&s,
			&(struct ask_spec){.name = "hl.ns.svc.cluster.local.",
				.type = 1,
				.id = id * 999,
				.transport = TRANSPORT_TCP},
			&a);
		assert_in_range(a.an, 4089, 4094);
		ask(&s,
			&(struct ask_spec){.name = "hl.ns.svc.cluster.local.",
				.type = 33,
				.id = id * 999,
				.transport = TRANSPORT_TCP,
				.edns_bytes = 4096},
			&a);
		assert_in_range(a.an, 1300, 1450);
		assert_true(a.size > 65000);
	}
	image_fixture_free(&big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_answer_as_the_image_says),
		cmocka_unit_test(names_for_others_are_punted),
		cmocka_unit_test(without_a_snapshot_the_answer_is_servfail),
		cmocka_unit_test(the_clients_spelling_is_kept),
		cmocka_unit_test(answers_are_cut_by_whole_records),
		cmocka_unit_test(minimal_leaves_out_additional_records),
		cmocka_unit_test(rotation_follows_the_query_id),
		cmocka_unit_test(an_overlay_hides_and_adds),
		cmocka_unit_test(pod_labels_spell_addresses),
		cmocka_unit_test(the_same_names_in_any_order_give_the_same_bytes),
		cmocka_unit_test(an_oversized_service_is_capped_by_rotation_over_tcp),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
