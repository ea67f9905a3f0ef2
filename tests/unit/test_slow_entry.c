// SPDX-License-Identifier: Apache-2.0
// Tests of questions to upstreams and of what is kept of their answers.
#include "tests/unit/answer_maker.h"

#include "slowpath/message/compress.h"

#include "zones/wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put_soa(const char *owner)
{
	struct dname d = name_of("h.example.");

	put_rr(2, owner, RR_TYPE_SOA, 900);
	wrbuf_u16(&made.w, (uint16_t)(2 * d.size_bytes + 20));
	wrbuf_bytes(&made.w, d.wire, d.size_bytes);
	wrbuf_bytes(&made.w, d.wire, d.size_bytes);
	for (int i = 0; i < 5; i++)
		wrbuf_u32(&made.w, 7);
}

// The reply that a client with EDNS gets, as text of its records; "" for none.
static const char *written(
	const struct entry *e, const struct ask *a, const struct entry_view *view, uint8_t *out)
{
	static char text[65536];
	struct query q;
	struct answer_env env = {.transport = TRANSPORT_TCP};
	struct wrbuf w = wrbuf_of(out, 65535);
	struct message_rr rr;
	size_t pos = 0;

	query_make(&q, a->name.wire, a->type);
	memcpy(out + 12, a->name.wire, a->name.size_bytes);
	be16_put(out + 12 + a->name.size_bytes, a->type);
	be16_put(out + 14 + a->name.size_bytes, RR_CLASS_IN);
	entry_write(e, &q, &env, view, &w);
	struct rdbuf r = rdbuf_of(out, w.pos);
	r.pos = query_question_end(&q);
	text[0] = 0;
	unsigned n = (unsigned)be16_get(out + 6) + be16_get(out + 8) + be16_get(out + 10);
	for (unsigned i = 0; i < n; i++) {
		char line[2048];
		message_rr(&r, &rr);
		assert_false(r.bad);
		(void)message_rr_print(&r, &rr, line, sizeof(line));
		pos += (size_t)snprintf(text + pos, sizeof(text) - pos, "%s\n", line);
	}
	assert_int_equal(r.pos, w.pos);
	return text;
}

static const struct entry_view fresh = {
	.fixed_ttl_s = -1, .udp_max_bytes = DNS_UDP_MAX_BYTES, .ede = EDE_NONE};
static uint8_t reply[65535];

static void a_question_parses_as_what_was_asked(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_AAAA);
	uint8_t out[ASK_MAX_BYTES];
	struct query q;

	(void)state;
	a.is_do = true;
	size_t n = ask_write(&a, 0xbeef, ASK_WITH_EDNS, out);
	assert_int_equal(query_parse(out, n, TRANSPORT_UDP, &q), QUERY_OK);
	assert_int_equal(q.id, 0xbeef);
	assert_int_equal(q.flags, HEADER_RD | HEADER_AD);
	assert_int_equal(q.qtype, RR_TYPE_AAAA);
	assert_true(q.edns.present && q.edns.is_do);
	assert_int_equal(q.edns.udp_bytes, 1232);
	n = ask_write(&a, 1, ASK_WITHOUT_EDNS, out);
	assert_int_equal(query_parse(out, n, TRANSPORT_UDP, &q), QUERY_OK);
	assert_false(q.edns.present);
}

static void only_the_answer_to_the_question_matches(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_A);
	struct ask other = ask_for("wwx.example.", RR_TYPE_A);

	(void)state; // proto:F1
	begin(&a, 0);
	assert_int_equal(ask_judge(&a, 0x1234, made.bytes, made.w.pos), ASK_ANSWER);
	assert_int_equal(ask_judge(&a, 0x1235, made.bytes, made.w.pos), ASK_WRONG_ID);
	assert_int_equal(ask_judge(&other, 0x1234, made.bytes, made.w.pos), ASK_OTHER);
	other = a;
	other.type = RR_TYPE_AAAA;
	assert_int_equal(ask_judge(&other, 0x1234, made.bytes, made.w.pos), ASK_OTHER);
	for (size_t n = 0; n < made.w.pos; n++)
		assert_int_not_equal(ask_judge(&a, 0x1234, made.bytes, n), ASK_ANSWER);
	static const struct {
		size_t at;
		uint8_t bits;
	} changes[] = {{2, 0x80}, {2, 0x08}, {5, 3}, {13, 0x20}, {28, 1}};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		made.bytes[changes[i].at] ^= changes[i].bits;
		assert_int_equal(ask_judge(&a, 0x1234, made.bytes, made.w.pos), ASK_OTHER);
		made.bytes[changes[i].at] ^= changes[i].bits;
	}
}

static void an_answer_keeps_its_chain_and_nothing_else(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_A);

	(void)state; // proto:F7
	begin(&a, 0);
	put_target(1, "www.example.", RR_TYPE_CNAME, "a.example.");
	put_a(1, "victim.test.", 60, 66);
	put_target(1, "a.example.", RR_TYPE_CNAME, "b.other.");
	put_a(1, "b.other.", 40, 1);
	put_target(2, "example.", RR_TYPE_NS, "ns.example.");
	put_target(2, "victim.test.", RR_TYPE_NS, "ns.evil.");
	put_a(3, "ns.example.", 60, 9);
	struct entry *e = read_it(&a);
	assert_non_null(e);
	assert_int_equal(e->kind, ENTRY_SUCCESS);
	assert_string_equal(written(e, &a, &fresh, reply),
		"www.example. 60 IN CNAME a.example.\n"
		"a.example. 60 IN CNAME b.other.\n"
		"b.other. 40 IN A 198.51.100.1\n"
		"example. 60 IN NS ns.example.\n");
	struct entry_view cached = fresh;
	cached.is_cached = true;
	cached.age_s = 15;
	assert_string_equal(written(e, &a, &cached, reply),
		"www.example. 45 IN CNAME a.example.\n"
		"a.example. 45 IN CNAME b.other.\n"
		"b.other. 25 IN A 198.51.100.1\n");
	cached.age_s = 50;
	assert_non_null(strstr(written(e, &a, &cached, reply), "b.other. 0 IN A"));
	entry_drop(e);
}

static void kinds_follow_rcode_and_soa(void **state)
{
	static const struct {
		const char *what;
		uint16_t flags;
		bool has_soa, has_alias, has_answer;
		enum entry_kind kind;
	} cases[] = {
		{"an answer", 0, false, false, true, ENTRY_SUCCESS},
		{"an alias of an answer", 0, false, true, true, ENTRY_SUCCESS},
		{"an alias of nothing", 0, true, true, false, ENTRY_SUCCESS},
		{"an alias of nothing without SOA", 0, false, true, false, ENTRY_UNCACHEABLE},
		{"NXDOMAIN", RCODE_NXDOMAIN, true, false, false, ENTRY_NXDOMAIN},
		{"NXDOMAIN without SOA", RCODE_NXDOMAIN, false, false, false, ENTRY_UNCACHEABLE},
		{"NODATA", 0, true, false, false, ENTRY_NODATA},
		{"NODATA without SOA", 0, false, false, false, ENTRY_UNCACHEABLE},
		{"SERVFAIL", RCODE_SERVFAIL, false, false, false, ENTRY_FAILURE},
		{"NOTIMP", RCODE_NOTIMP, false, false, false, ENTRY_FAILURE},
		{"REFUSED", RCODE_REFUSED, false, false, false, ENTRY_UNCACHEABLE},
		{"a truncated answer", HEADER_TC, false, false, true, ENTRY_UNCACHEABLE},
	};
	struct ask a = ask_for("www.example.", RR_TYPE_A);

	(void)state; // k8s:2.13 cache
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&a, cases[i].flags);
		if (cases[i].has_alias)
			put_target(1, "www.example.", RR_TYPE_CNAME, "a.example.");
		if (cases[i].has_answer)
			put_a(1, cases[i].has_alias ? "a.example." : "www.example.", 60, 1);
		if (cases[i].has_soa)
			put_soa("example.");
		struct entry *e = read_it(&a);
		assert_non_null(e);
		if (e->kind != cases[i].kind)
			fail_msg("%s: %d", cases[i].what, e->kind);
		entry_drop(e);
	}
	begin(&a, RCODE_NXDOMAIN); // a SOA of elsewhere is no SOA
	put_soa("victim.test.");
	struct entry *e = read_it(&a);
	assert_int_equal(e->kind, ENTRY_UNCACHEABLE);
	entry_drop(e);
}

static void ttls_are_bounded_one_by_one(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_A);

	(void)state; // proto:S4; quirk 22, RFC 2181 8
	begin(&a, 0);
	put_a(1, "www.example.", 3, 1);
	put_a(1, "www.example.", 40, 2);
	put_a(1, "www.example.", 90000, 3);
	put_a(1, "www.example.", 0x80000001, 4);
	struct entry *e = read_it(&a);
	entry_clamp(e, 5, 3600);
	assert_int_equal(e->lifetime_s, 5);
	assert_string_equal(written(e, &a, &fresh, reply),
		"www.example. 5 IN A 198.51.100.1\nwww.example. 40 IN A 198.51.100.2\n"
		"www.example. 3600 IN A 198.51.100.3\nwww.example. 5 IN A 198.51.100.4\n");
	entry_drop(e);
}

static void rotation_keeps_the_set(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_A);
	struct entry_view view = fresh;
	struct query q;
	struct answer_env env = {.transport = TRANSPORT_TCP};
	unsigned first = 0;

	(void)state;
	begin(&a, 0);
	put_target(1, "www.example.", RR_TYPE_CNAME, "b.other.");
	for (uint8_t i = 1; i <= 3; i++)
		put_a(1, "b.other.", 40, i);
	struct entry *e = read_it(&a);
	view.is_rotated = true;
	assert_int_equal(e->n_rotated, 3);
	query_make(&q, a.name.wire, a.type);
	for (uint16_t id = 0; id < 3; id++) {
		struct wrbuf w = wrbuf_of(reply, sizeof(reply));
		unsigned sum = 0;
		q.id = id;
		entry_write(e, &q, &env, &view, &w);
		for (int i = 0; i < 3; i++)
			sum += 1u << w.base[w.pos - 1 - 16u * (unsigned)i];
		assert_int_equal(sum, 2 + 4 + 8);
		first |= 1u << w.base[w.pos - 1 - 32];
	}
	assert_int_equal(first, 2 + 4 + 8);
	entry_drop(e);
}

static void compressed_rdata_is_taken_apart(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_MX);

	(void)state; // RFC 3597 4
	begin(&a, 0);
	put_rr(1, "www.example.", RR_TYPE_MX, 60);
	wrbuf_u16(&made.w, 4);
	wrbuf_u16(&made.w, 10);
	wrbuf_u16(&made.w, 0xc010); // example.
	struct entry *e = read_it(&a);
	assert_string_equal(written(e, &a, &fresh, reply), "www.example. 60 IN MX 10 example.\n");
	entry_drop(e);
	a.type = RR_TYPE_SRV;
	begin(&a, 0);
	put_rr(1, "www.example.", RR_TYPE_SRV, 60);
	wrbuf_u16(&made.w, 8);
	wrbuf_u32(&made.w, 0);
	wrbuf_u16(&made.w, 80);
	wrbuf_u16(&made.w, 0xc00c);
	e = read_it(&a);
	assert_string_equal(
		written(e, &a, &fresh, reply), "www.example. 60 IN SRV 0 0 80 www.example.\n");
	entry_drop(e);
}

static void compression_remembers_so_many_names_only(void **state)
{
	static uint8_t out[65535];
	static struct compress c;
	struct wrbuf w = wrbuf_of(out, sizeof(out));
	char text[32];

	(void)state; // proto:N9
	wrbuf_bytes(&w, "123456789012", 12); // no name stands in the header
	compress_init(&c, &w);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 10 * COMPRESS_NAMES_MAX; i++) {
			size_t before = w.pos;
			(void)snprintf(text, sizeof(text), "n%04d.example.", i);
			struct dname name = name_of(text);
			compress_name(&c, name.wire);
			bool is_whole = round == 0 && i == 0;
			bool is_known = round == 1 && i < COMPRESS_NAMES_MAX - 1;
			assert_int_equal(w.pos - before, is_whole ? 15 : is_known ? 2 : 8);
		}
		assert_int_equal(c.n, COMPRESS_NAMES_MAX);
	}
}

static void malformed_answers_are_refused(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_CNAME);

	(void)state; // proto:N4: the target ends before its record does
	begin(&a, 0);
	put_rr(1, "www.example.", RR_TYPE_CNAME, 60);
	wrbuf_u16(&made.w, 5);
	wrbuf_bytes(&made.w, "\1a\0xx", 5);
	assert_null(read_it(&a));
	begin(&a, 0);
	put_target(1, "www.example.", RR_TYPE_CNAME, "a.example.");
	for (size_t n = 12u + a.name.size_bytes + 4u; n < made.w.pos; n++)
		assert_null(entry_read(&a, made.bytes, n));
	begin(&a, HEADER_TC); // cut where the upstream's limit was: as far as it goes
	made.bytes[7] = 9;
	struct entry *e = read_it(&a);
	assert_non_null(e);
	assert_true(e->is_truncated);
	entry_drop(e);
}

static void an_alias_is_joined_with_the_answer_for_its_target(void **state)
{
	struct ask a = ask_for("ext.ns.svc.cluster.local.", RR_TYPE_A);
	struct ask target = ask_for("www.example.", RR_TYPE_A);
	static uint8_t alias[512];

	(void)state; // k8s:2.5 ExternalName
	begin(&a, 0);
	put_target(1, "ext.ns.svc.cluster.local.", RR_TYPE_CNAME, "www.example.");
	size_t n = made.w.pos;
	memcpy(alias, made.bytes, n);
	begin(&target, 0);
	put_target(1, "www.example.", RR_TYPE_CNAME, "b.other.");
	put_a(1, "b.other.", 40, 1);
	put_a(1, "victim.test.", 40, 66);
	struct entry *e = entry_join(&a, alias, n, made.bytes, made.w.pos);
	assert_true(e->has_aa);
	assert_string_equal(written(e, &a, &fresh, reply),
		"ext.ns.svc.cluster.local. 60 IN CNAME www.example.\n"
		"www.example. 60 IN CNAME b.other.\nb.other. 40 IN A 198.51.100.1\n");
	entry_drop(e);
	begin(&target, RCODE_NXDOMAIN);
	put_soa("example.");
	e = entry_join(&a, alias, n, made.bytes, made.w.pos);
	assert_int_equal(e->rcode, RCODE_NOERROR);
	assert_string_equal(written(e, &a, &fresh, reply),
		"ext.ns.svc.cluster.local. 60 IN CNAME www.example.\n");
	entry_drop(e);
}

static void random_changes_never_break_a_reply(void **state)
{
	struct ask a = ask_for("www.example.", RR_TYPE_A);
	static uint8_t good[2048];
	unsigned taken = 0;

	(void)state;
	a.is_do = true;
	begin(&a, 0);
	put_target(1, "www.example.", RR_TYPE_CNAME, "a.b.c.example.");
	put_a(1, "a.b.c.example.", 60, 1);
	put_soa("example.");
	put_target(2, "example.", RR_TYPE_NS, "ns.example.");
	size_t n = made.w.pos;
	memcpy(good, made.bytes, n);
	srandom(53);
	for (int i = 0; i < 50000; i++) {
		memcpy(made.bytes, good, n);
		for (int k = 0; k < 1 + i % 4; k++)
			made.bytes[2 + (size_t)random() % (n - 2)] = (uint8_t)random();
		if (ask_judge(&a, 0x1234, made.bytes, n) != ASK_ANSWER)
			continue;
		struct entry *e = entry_read(&a, made.bytes, n - (size_t)(random() % 3 == 0));
		if (e == NULL)
			continue;
		taken++;
		(void)written(e, &a, &fresh, reply); // parses again, or fails the test
		entry_drop(e);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_parses_as_what_was_asked),
		cmocka_unit_test(only_the_answer_to_the_question_matches),
		cmocka_unit_test(an_answer_keeps_its_chain_and_nothing_else),
		cmocka_unit_test(kinds_follow_rcode_and_soa),
		cmocka_unit_test(ttls_are_bounded_one_by_one),
		cmocka_unit_test(rotation_keeps_the_set),
		cmocka_unit_test(compressed_rdata_is_taken_apart),
		cmocka_unit_test(compression_remembers_so_many_names_only),
		cmocka_unit_test(malformed_answers_are_refused),
		cmocka_unit_test(an_alias_is_joined_with_the_answer_for_its_target),
		cmocka_unit_test(random_changes_never_break_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
