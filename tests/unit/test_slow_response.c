// SPDX-License-Identifier: Apache-2.0
// Tests of replies as records: what is read is written again, what does not fit is cut by the
// rules, and malformed messages are refused.
#include "slowpath/message/response.h"

#include "zones/base/array.h"
#include "zones/wire/dname.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define QUESTION "\1a\2xy\0\0\1\0\1"
#define RR(type, ttl, size) type "\0\1\0\0\0" ttl "\0" size
#define BYTES(text) ((const uint8_t *)(text)), sizeof(text) - 1

static struct arena arena;
static uint8_t out[DNS_MSG_MAX_BYTES];

static int teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	arena = (struct arena){0};
	return 0;
}

// Header and QUESTION in out, and the query that they are.
static struct wrbuf begin(struct query *q)
{
	struct dname name;
	struct wrbuf w = wrbuf_of(out, sizeof(out));

	assert_int_equal(dname_parse("a.xy.", &name), 0);
	query_make(q, name.wire, RR_TYPE_A);
	memset(out, 0, DNS_HEADER_BYTES);
	memcpy(out + DNS_HEADER_BYTES, QUESTION, sizeof(QUESTION) - 1);
	return w;
}

static size_t write_reply(
	const struct response *r, const struct query *q, struct wrbuf *w, enum transport transport)
{
	const struct answer_env env = {.transport = transport, .udp_max_bytes = DNS_UDP_MAX_BYTES};

	response_write(r, q, &env, DNS_UDP_MAX_BYTES, w);
	assert_false(w->full);
	return w->pos;
}

static struct response_rr address(const char *owner, uint8_t last)
{
	static uint8_t data[256][4];

	memcpy(data[last], (const uint8_t[]){192, 0, 2, last}, 4);
	return (struct response_rr){.owner = (const uint8_t *)owner,
		.type = RR_TYPE_A,
		.class = RR_CLASS_IN,
		.ttl_s = 30,
		.rdata = data[last],
		.rdata_size = 4};
}

static void add(struct response *r, enum response_part part, const struct response_rr *rr)
{
	assert_int_equal(response_add(&arena, r, part, rr), 0);
}

struct message {
	const char *what;
	const uint8_t *rest; // behind flags: the counts, QUESTION and records
	size_t size;
	int rc;
	size_t n[RESPONSE_PARTS];
};

#define COUNTS(an, ns, ar) "\0\1\0" an "\0" ns "\0" ar

static const struct message messages[] = {
	{"nothing but the question", BYTES(COUNTS("\0", "\0", "\0") QUESTION), 0, {0}},
	{"a record in each part",
		BYTES(COUNTS("\1", "\1", "\1") QUESTION "\xc0\x0c" RR("\0\1", "\5",
			"\4") "abcd"
			      "\xc0\x0e" RR("\0\2", "\5", "\2") "\xc0\x0c"
								"\xc0\x0c" RR(
									"\0\1", "\5", "\4") "efgh"),
		0, {1, 1, 1}},
	{"OPT is no record", BYTES(COUNTS("\0", "\0", "\1") QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\0"),
		0, {0}},
	{"MX without room for its number",
		BYTES(COUNTS("\1", "\0", "\0") QUESTION "\xc0\x0c" RR("\0\17", "\5", "\1") "a"),
		-EINVAL, {0}},
	{"a name that ends before its rdata",
		BYTES(COUNTS("\1", "\0", "\0") QUESTION "\xc0\x0c" RR("\0\5", "\5", "\3") "\xc0\x0c"
											  "x"),
		-EINVAL, {0}},
	{"a name that ends behind its rdata",
		BYTES(COUNTS("\1", "\0", "\0") QUESTION "\xc0\x0c" RR("\0\5", "\5", "\2") "\1"
											  "b\0"),
		-EINVAL, {0}},
	{"SOA without its numbers",
		BYTES(COUNTS("\1", "\0", "\0") QUESTION
			"\xc0\x0c" RR("\0\6", "\5", "\4") "\xc0\x0c"
							  "\xc0\x0c"),
		-EINVAL, {0}},
	{"a pointer to itself",
		BYTES(COUNTS("\1", "\0", "\0") QUESTION "\xc0\x15" RR("\0\1", "\5", "\4") "abcd"),
		-EINVAL, {0}},
	{"fewer records than it says", BYTES(COUNTS("\2", "\0", "\0") QUESTION), -EINVAL, {0}},
};

static void messages_come_apart_or_are_refused(void **state)
{
	uint8_t msg[512] = {0x12, 0x34, 0x84};
	struct response r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const struct message *m = &messages[i];
		memcpy(msg + 4, m->rest, m->size);
		int rc = response_read(&arena, msg, 4 + m->size, &r);
		if (rc != m->rc)
			fail_msg("%s: %d", m->what, rc);
		for (unsigned part = 0; rc == 0 && part < RESPONSE_PARTS; part++)
			assert_int_equal(r.part[part].n, m->n[part]);
		// Whatever is missing at the end, nothing behind it is read (ASan looks).
		for (size_t n = 0; n < 4 + m->size; n++) {
			uint8_t *part = arena_copy(&arena, msg, n);
			assert_non_null(part);
			assert_int_equal(response_read(&arena, part, n, &r), -EINVAL);
		}
	}
}

// The rdata of each type with names, in full.
static const struct {
	uint16_t type;
	const uint8_t *rdata;
	uint16_t size;
	bool is_compressed; // RFC 3597 4
} kinds[] = {
	{RR_TYPE_NS, BYTES("\2ns\1a\2xy\0"), true},
	{RR_TYPE_CNAME, BYTES("\1b\2xy\0"), true},
	{RR_TYPE_PTR, BYTES("\1b\1a\2xy\0"), true},
	{RR_TYPE_DNAME, BYTES("\1b\1a\2xy\0"), false},
	{RR_TYPE_MX, BYTES("\0\12\1b\1a\2xy\0"), true},
	{RR_TYPE_SRV, BYTES("\0\1\0\2\0\3\1b\1a\2xy\0"), false},
	{RR_TYPE_SOA, BYTES("\1n\2xy\0\1h\1n\2xy\0abcdefghijklmnopqrst"), true},
	{RR_TYPE_TXT, BYTES("\3\1ax"), false},
	{65280, BYTES("\xc0\x0c"), false},
};

static void what_is_written_reads_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct response_rr rr = {.owner = (const uint8_t *)"\1a\2xy",
			.type = kinds[i].type,
			.class = RR_CLASS_IN,
			.ttl_s = 77,
			.rdata = kinds[i].rdata,
			.rdata_size = kinds[i].size};
		struct response r, again;
		struct query q;
		struct wrbuf w = begin(&q);
		response_init(&r, RCODE_NXDOMAIN, HEADER_AA | HEADER_RA);
		for (enum response_part part = 0; part < RESPONSE_PARTS; part++)
			add(&r, part, &rr);
		size_t n = write_reply(&r, &q, &w, TRANSPORT_UDP);
		size_t whole = query_question_end(&q) + 3 * (2 + 10 + (size_t)rr.rdata_size);
		assert_int_equal(n < whole, kinds[i].is_compressed);
		assert_int_equal(response_read(&arena, out, n, &again), 0);
		assert_int_equal(again.rcode, RCODE_NXDOMAIN);
		assert_int_equal(again.flags, HEADER_AA | HEADER_RA);
		for (unsigned part = 0; part < RESPONSE_PARTS; part++) {
			const struct response_rr *got = again.part[part].items;
			assert_int_equal(again.part[part].n, 1);
			assert_int_equal(got->ttl_s, 77);
			assert_true(dname_is_equal(got->owner, rr.owner));
			assert_int_equal(got->rdata_size, rr.rdata_size);
			assert_memory_equal(got->rdata, rr.rdata, rr.rdata_size);
		}
	}
}

static void add_addresses(struct response *r, enum response_part part, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		const struct response_rr rr = address("\1a\2xy", (uint8_t)k);
		add(r, part, &rr);
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	static const struct {
		const char *what;
		unsigned n[RESPONSE_PARTS];
		enum transport transport;
		bool is_cut;
	} cases[] = {
		{"all fits", {20, 1, 1}, TRANSPORT_UDP, false},
		{"too many answers", {40, 0, 0}, TRANSPORT_UDP, true},
		{"too many additional records: quirk 25", {1, 0, 40}, TRANSPORT_UDP, false},
		{"too much authority behind an answer", {1, 40, 0}, TRANSPORT_UDP, false},
		{"too much authority without one", {0, 40, 0}, TRANSPORT_UDP, true},
		{"TCP", {200, 40, 40}, TRANSPORT_TCP, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct response r, again;
		struct query q;
		struct wrbuf w = begin(&q);
		response_init(&r, RCODE_NOERROR, 0);
		for (enum response_part part = 0; part < RESPONSE_PARTS; part++)
			add_addresses(&r, part, cases[i].n[part]);
		size_t n = write_reply(&r, &q, &w, cases[i].transport);
		assert_true(cases[i].transport == TRANSPORT_TCP || n <= DNS_UDP_MIN_BYTES);
		assert_int_equal(response_read(&arena, out, n, &again), 0); // whole records only
		if (((again.flags & HEADER_TC) != 0) != cases[i].is_cut)
			fail_msg("%s: TC", cases[i].what);
	}
}

static void who_asks_decides_about_ad_and_opt(void **state)
{
	static const struct {
		uint16_t flags;
		bool has_edns, is_do, has_ad, has_ede;
	} cases[] = {
		{0, false, false, false, false},
		{HEADER_AD, false, false, true, false},
		{0, true, false, false, true},
		{0, true, true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct response r, again;
		struct query q;
		struct wrbuf w = begin(&q);
		q.flags = cases[i].flags;
		q.edns.present = cases[i].has_edns;
		q.edns.is_do = cases[i].is_do;
		q.edns.udp_bytes = DNS_UDP_MAX_BYTES;
		response_init(&r, RCODE_BADVERS, HEADER_AD);
		r.ede = EDE_BLOCKED;
		r.ede_text = "not here";
		size_t n = write_reply(&r, &q, &w, TRANSPORT_UDP);
		assert_int_equal(response_read(&arena, out, n, &again), 0);
		assert_int_equal((again.flags & HEADER_AD) != 0, cases[i].has_ad);
		assert_int_equal(again.ede, cases[i].has_ede ? EDE_BLOCKED : EDE_NONE);
		assert_int_equal(again.rcode, cases[i].has_edns ? RCODE_BADVERS : RCODE_NOERROR);
		assert_int_equal(
			n > 8 && memcmp(out + n - 8, "not here", 8) == 0, cases[i].has_ede);
	}
}

static void entries_come_apart_as_they_are_shown(void **state)
{
	static const uint8_t msg[] =
		"\x12\x34\x81\x80\0\1\0\2\0\0\0\0" QUESTION
		"\xc0\x0c" RR("\0\1", "\x3c", "\4") "abcd"
						    "\xc0\x0c" RR("\0\1", "\x1e", "\4") "efgh";
	struct ask ask = {.type = RR_TYPE_A};
	struct response r;

	(void)state;
	assert_int_equal(dname_parse("a.xy.", &ask.name), 0);
	struct entry *e = entry_read(&ask, msg, sizeof(msg) - 1);
	assert_non_null(e);
	entry_clamp(e, 5, 3600);
	const struct entry_view view = {.age_s = 10,
		.fixed_ttl_s = -1,
		.is_cached = true,
		.udp_max_bytes = DNS_UDP_MAX_BYTES,
		.ede = EDE_STALE_ANSWER};
	assert_int_equal(response_from_entry(&arena, e, &ask, &view, &r), 0);
	assert_int_equal(r.part[RESPONSE_ANSWER].n, 2);
	assert_int_equal(r.part[RESPONSE_ANSWER].items[0].ttl_s, 50); // quirk 22
	assert_int_equal(r.part[RESPONSE_ANSWER].items[1].ttl_s, 20);
	assert_int_equal(r.ede, EDE_STALE_ANSWER);
	entry_drop(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(messages_come_apart_or_are_refused, teardown),
		cmocka_unit_test_teardown(what_is_written_reads_the_same, teardown),
		cmocka_unit_test_teardown(what_does_not_fit_is_cut, teardown),
		cmocka_unit_test_teardown(who_asks_decides_about_ad_and_opt, teardown),
		cmocka_unit_test_teardown(entries_come_apart_as_they_are_shown, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
