// SPDX-License-Identifier: Apache-2.0
// Names inside answers and questions that CoreDNS spells in its own way: CNAME chains compressed
// against the question, and the colons of pod names.
#include "tests/unit/image_fixture.h"
#include "zones/answer/answer.h"
#include "zones/wire/message.h"

#include "zones/base/array.h"
#include "zones/base/be.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VIEW = 1, TTL_S = 30, LINKS = 11 };

static struct image_fixture fixture;

// `cluster.local` as `pods verified` has it: pods are names like all others.
static void add_policy(struct image_build *b)
{
	struct dname zone = image_fixture_name("cluster.local.");
	struct record_soa soa = {1, 7200, 1800, 86400, TTL_S, NULL};
	struct image_build_step step = {.kind = STEP_LOOKUP, .view = VIEW, .plugin = "kubernetes"};
	struct image_build_rule rule = {
		.zone = zone.wire, .steps = &step, .n_steps = 1, .metric_zone = "."};
	struct image_listener any = {.family = 0, .port = 53};

	assert_int_equal(image_build_soa(b, &zone, TTL_S, &soa, &step.soa), 0);
	assert_int_equal(image_build_server(b, "dns://:53", DNS_UDP_MAX_BYTES), 0);
	assert_int_equal(image_build_listener(b, &any, &rule, 1), 0);
}

static void add_sets(
	struct image_build *b, const char *text, const struct record_set *sets, size_t n_sets)
{
	struct dname name = image_fixture_name(text);
	struct image_build_name n = {.view = VIEW,
		.wire = name.wire,
		.us_mask = RECORD_US_EXACT,
		.sets = sets,
		.n_sets = n_sets,
		.alias_of = IMAGE_NONE};

	assert_int_equal(image_build_name(b, &n, NULL), 0);
}

static void add_pod(struct image_build *b, const char *text, struct record_addr addr)
{
	struct record_data d = {.addr = addr};
	struct record_set set = {.type = addr.family == 4 ? RR_TYPE_A : RR_TYPE_AAAA,
		.ttl_s = TTL_S,
		.data = &d,
		.n = 1};

	add_sets(b, text, &set, 1);
}

// link-10 -> link-11 -> ... -> link-20 -> g.alpha, which has n_addrs addresses.
static void add_chain(struct image_build *b, const char *first, size_t n_addrs)
{
	struct dname links[LINKS];
	struct record_chain chain[LINKS + 32];
	size_t n = 0;
	char text[64];

	assert_true(n_addrs <= 32);
	for (size_t i = 0; i + 1 < LINKS; i++) {
		(void)snprintf(text, sizeof(text), "link-%zu.space.svc.cluster.local.", i + 11);
		links[i] = image_fixture_name(text);
	}
	links[LINKS - 1] = image_fixture_name("g.alpha.svc.cluster.local.");
	for (size_t i = 1; i < LINKS; i++)
		chain[n++] = (struct record_chain){.owner = &links[i - 1],
			.type = RR_TYPE_CNAME,
			.ttl_s = TTL_S,
			.data = {.target = links[i]}};
	for (size_t i = 0; i < n_addrs; i++)
		chain[n++] = (struct record_chain){.owner = &links[LINKS - 1],
			.type = RR_TYPE_A,
			.ttl_s = TTL_S,
			.data = {.addr = {4, {10, 0, 0, (uint8_t)i}}}};
	struct record_data to = {.target = links[0]};
	struct record_set set = {.type = RR_TYPE_A,
		.rr_type = RR_TYPE_CNAME,
		.ttl_s = TTL_S,
		.data = &to,
		.n = 1,
		.chain = chain,
		.n_chain = n};
	add_sets(b, first, &set, 1);
}

static int setup(void **state)
{
	struct image_build_id id = {.kind = IMAGE_BASE, .generation = 1, .serial = 1};
	struct err err = {0};
	struct image_build *b = image_build_new(&id);

	(void)state;
	assert_non_null(b);
	add_policy(b);
	add_chain(b, "link-10.space.svc.cluster.local.", 13);
	add_chain(b, "long-1.space.svc.cluster.local.", 14);
	add_pod(b, "10-1-2-3.ns.pod.cluster.local.", (struct record_addr){4, {10, 1, 2, 3}});
	add_pod(b, "fd00-1--5.ns.pod.cluster.local.",
		(struct record_addr){6, {0xfd, 0, 0, 1, [15] = 5}});
	assert_int_equal(image_build_seal(b, &fixture.size_bytes, &err), 0);
	fixture.bytes = aligned_alloc(64, fixture.size_bytes);
	assert_non_null(fixture.bytes);
	image_build_write(b, fixture.bytes);
	image_build_free(b);
	if (image_check(fixture.bytes, fixture.size_bytes, &fixture.image, &err) !=
		IMAGE_REFUSED_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_fixture_free(&fixture);
	return 0;
}

struct reply_bytes {
	uint8_t bytes[1500];
	size_t size;
};

// Without EDNS over UDP: at most 512 bytes.
static void ask(const char *text, uint16_t type, struct reply_bytes *out)
{
	const struct snapshot s = {.base = &fixture.image};
	const struct server_address to = {.family = 4, .bytes = {198, 18, 0, 53}, .port = 53};
	struct answer_env env = {.udp_max_bytes = DNS_UDP_MAX_BYTES};
	struct answer_result result;
	struct dname name = {0};
	enum query_verdict v;
	struct query q;
	uint8_t msg[512];
	struct wrbuf m = wrbuf_of(msg, sizeof(msg));

	assert_int_equal(dname_parse(text, &name), 0);
	wrbuf_u32(&m, 0x12340000);
	wrbuf_u16(&m, 1);
	wrbuf_u32(&m, 0);
	wrbuf_u16(&m, 0);
	wrbuf_bytes(&m, name.wire, name.size_bytes);
	wrbuf_u16(&m, type);
	wrbuf_u16(&m, RR_CLASS_IN);
	struct answer_call call = {&s, &to, msg, m.pos};
	struct wrbuf w = wrbuf_of(out->bytes, sizeof(out->bytes));
	assert_int_equal(answer_query(&call, &env, &q, &v, &w, &result), ANSWER_REPLY);
	out->size = w.pos;
}

// The answer section as text, one line a record.
static const char *answers(const struct reply_bytes *reply)
{
	static char text[4096];
	struct rdbuf r = rdbuf_of(reply->bytes, reply->size);
	uint16_t n = be16_get(reply->bytes + 6);
	struct dname asked;
	size_t len = 0;

	(void)rdbuf_take(&r, DNS_HEADER_BYTES);
	message_name(&r, r.size_bytes, &asked);
	(void)rdbuf_take(&r, 4);
	text[0] = '\0';
	for (uint16_t i = 0; i < n; i++) {
		char line[600];
		struct message_rr rr;
		message_rr(&r, &rr);
		assert_false(r.bad);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
			message_rr_print(&r, &rr, line, sizeof(line)));
	}
	return text;
}

// 12 + 44 of the question, 11 CNAMEs of 22 bytes, 13 addresses of 16: CoreDNS' reply is as long.
static void a_chain_points_to_the_labels_of_the_question(void **state)
{
	struct reply_bytes reply;

	(void)state;
	ask("link-10.space.svc.cluster.local.", RR_TYPE_A, &reply);
	assert_int_equal(be16_get(reply.bytes + 2) & HEADER_TC, 0);
	assert_int_equal(be16_get(reply.bytes + 6), LINKS + 13);
	assert_int_equal(reply.size, 12 + 37 + 11 * 22 + 13 * 16);
	const char *text = answers(&reply);
	assert_non_null(strstr(text,
		"link-10.space.svc.cluster.local. 30 IN CNAME link-11.space.svc.cluster.local.\n"));
	assert_non_null(strstr(
		text, "link-20.space.svc.cluster.local. 30 IN CNAME g.alpha.svc.cluster.local.\n"));
	assert_non_null(strstr(text, "g.alpha.svc.cluster.local. 30 IN A 10.0.0.12\n"));
}

static void a_chain_that_does_not_fit_is_cut_by_whole_records(void **state)
{
	struct reply_bytes reply;

	(void)state;
	ask("LONG-1.Space.SVC.cluster.local.", RR_TYPE_A, &reply);
	assert_int_equal(be16_get(reply.bytes + 2) & HEADER_TC, HEADER_TC);
	assert_int_equal(be16_get(reply.bytes + 6), LINKS + 13);
	const char *text = answers(&reply);
	assert_non_null(strstr(text, "LONG-1.Space.SVC.cluster.local. 30 IN CNAME link-11."));
	assert_non_null(strstr(text, "30 IN A 10.0.0.12\n"));
}

// An image whose pointer leads into the middle of a label of the question is refused.
static void a_pointer_between_the_questions_labels_is_refused(void **state)
{
	const struct image_header *h = fixture.image.header;
	uint8_t *copy = aligned_alloc(64, fixture.size_bytes);
	unsigned refused = 0;
	unsigned n = 0;

	(void)state;
	assert_non_null(copy);
	for (size_t at = 0; at + 10 < h->part[IMAGE_SECTIONS].bytes; at++) {
		struct image img;
		size_t pos = h->part[IMAGE_SECTIONS].offset + at;
		memcpy(copy, fixture.bytes, fixture.size_bytes);
		if (memcmp(copy + pos, "\7link-11\xc0", 9) != 0)
			continue;
		n++;
		copy[pos + 9]++; // one byte behind the length of `space`
		((struct image_header *)(void *)copy)->hash = image_hash(copy, fixture.size_bytes);
		refused += image_check(copy, fixture.size_bytes, &img, NULL) ==
			IMAGE_REFUSED_SECTION_RR;
	}
	assert_int_equal(n, 2);
	assert_int_equal(refused, 2);
	free(copy);
}

static void a_pod_is_found_by_colons_too(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		enum rcode rcode;
		unsigned n;
	} rows[] = {
		{"fd00-1--5.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 1},
		{"fd00:1::5.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 1},
		{"FD00:1-:5.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NOERROR, 1},
		{"fd00-1::5.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 0},
		{"fd00:1:0:5.ns.pod.cluster.local.", RR_TYPE_AAAA, RCODE_NXDOMAIN, 0},
		{"10-1-2-3.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NOERROR, 1},
		{"10:1:2:3.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0},
		{"::ffff:10-1-2-3.ns.pod.cluster.local.", RR_TYPE_A, RCODE_NXDOMAIN, 0},
		{"fd00:1::5.ns.svc.cluster.local.", RR_TYPE_AAAA, RCODE_NXDOMAIN, 0},
	};
	struct reply_bytes reply;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask(rows[i].name, rows[i].type, &reply);
		if ((be16_get(reply.bytes + 2) & HEADER_RCODE) != rows[i].rcode ||
			be16_get(reply.bytes + 6) != rows[i].n)
			fail_msg("%s: rcode %d", rows[i].name,
				be16_get(reply.bytes + 2) & HEADER_RCODE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_points_to_the_labels_of_the_question),
		cmocka_unit_test(a_chain_that_does_not_fit_is_cut_by_whole_records),
		cmocka_unit_test(a_pointer_between_the_questions_labels_is_refused),
		cmocka_unit_test(a_pod_is_found_by_colons_too),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
