// SPDX-License-Identifier: Apache-2.0
// The parts of compare that judge: reading replies, how they differ, which quirk explains it.
#include "cli/compare_quirks.h"

#include "zones/base/wrbuf.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// One record of a reply that a test makes up; data is a name for PTR, NS, CNAME and SRV (behind
// zeros), an address otherwise, and for an SOA its serial.
struct rr {
	const char *owner;
	uint16_t type;
	uint32_t ttl_s;
	const char *data;
};

struct reply {
	const char *name; // of the question
	uint16_t type, flags;
	int opt_bytes; // -1: no OPT
	const char *options; // of OPT, hex
	struct rr an[4], ns[2], ar[2];
};

static void put_name(struct wrbuf *w, const char *text)
{
	struct dname name;

	assert_int_equal(dname_parse(text, &name), 0);
	wrbuf_bytes(w, name.wire, name.size_bytes);
}

static void put_data(struct wrbuf *w, const struct rr *rr)
{
	uint8_t address[16];

	if (rr->type == RR_TYPE_SOA) {
		put_name(w, "ns.dns.cluster.local.");
		put_name(w, "hostmaster.cluster.local.");
		wrbuf_u32(w, (uint32_t)atoi(rr->data));
		for (unsigned i = 0; i < 4; i++)
			wrbuf_u32(w, 30);
	} else if (inet_pton(AF_INET, rr->data, address) == 1) {
		wrbuf_bytes(w, address, 4);
	} else if (inet_pton(AF_INET6, rr->data, address) == 1) {
		wrbuf_bytes(w, address, 16);
	} else {
		if (rr->type == RR_TYPE_SRV) {
			wrbuf_u32(w, 0);
			wrbuf_u16(w, 80);
		}
		put_name(w, rr->data);
	}
}

static unsigned put_section(struct wrbuf *w, const struct rr *rrs, unsigned max)
{
	unsigned n = 0;

	for (; n < max && rrs[n].owner != NULL; n++) {
		put_name(w, rrs[n].owner);
		wrbuf_u16(w, rrs[n].type);
		wrbuf_u16(w, RR_CLASS_IN);
		wrbuf_u32(w, rrs[n].ttl_s);
		size_t at = w->pos;
		wrbuf_u16(w, 0);
		put_data(w, &rrs[n]);
		be16_put(w->base + at, (uint16_t)(w->pos - at - 2));
	}
	return n;
}

static void put_opt(struct wrbuf *w, const struct reply *r)
{
	unsigned byte;

	wrbuf_u8(w, 0);
	wrbuf_u16(w, RR_TYPE_OPT);
	wrbuf_u16(w, (uint16_t)r->opt_bytes);
	wrbuf_u32(w, 0);
	wrbuf_u16(w, r->options == NULL ? 0 : (uint16_t)(strlen(r->options) / 2));
	for (const char *p = r->options; p != NULL && *p != 0; p += 2) {
		assert_int_equal(sscanf(p, "%2x", &byte), 1);
		wrbuf_u8(w, (uint8_t)byte);
	}
}

static size_t build(const struct reply *r, uint8_t *out, size_t size_bytes)
{
	struct wrbuf w = wrbuf_of(out, size_bytes);

	wrbuf_u16(&w, 0x1234);
	wrbuf_u16(&w, (uint16_t)(HEADER_QR | r->flags));
	wrbuf_u16(&w, 1);
	(void)wrbuf_claim(&w, 6);
	put_name(&w, r->name);
	wrbuf_u16(&w, r->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	be16_put(out + 6, (uint16_t)put_section(&w, r->an, 4));
	be16_put(out + 8, (uint16_t)put_section(&w, r->ns, 2));
	unsigned n = put_section(&w, r->ar, 2);
	if (r->opt_bytes >= 0)
		put_opt(&w, r);
	be16_put(out + 10, (uint16_t)(n + (r->opt_bytes >= 0)));
	assert_false(w.full);
	return w.pos;
}

static void no_fetch(void *user, struct facts *a, struct facts *b)
{
	(void)user;
	*a = *b = (struct facts){.is_silent = true};
}

static bool gone_if_gone(void *user, const struct subject *target)
{
	(void)user;
	return strcmp(target->ns, "gone") == 0;
}

#define APEX_SOA \
	{ \
		"cluster.local.", RR_TYPE_SOA, 30, "1" \
	}
#define WEB "web.a.svc.cluster.local."
#define OUT "www.example.org."
#define PTR "1.0.0.10.in-addr.arpa."
enum { AA = HEADER_AA, NX = HEADER_AA | RCODE_NXDOMAIN, RA = HEADER_RA, TC = HEADER_TC };

// The fields that differ, each with the number of its quirk or `?`.
static void judge(const struct reply *a, const struct reply *b, char *out, size_t size_bytes)
{
	static const char *const zone_texts[] = {"cluster.local.", "in-addr.arpa."};
	static uint8_t msg[2][4096];
	const struct reply *both[] = {a, b};
	struct subject_zones zones = {0};
	struct arena arena = {0};
	struct differences all;
	struct subject subject;
	struct facts facts[2];
	struct dname name;
	size_t len = 0;

	for (unsigned i = 0; i < 2; i++) {
		size_t n = both[i] == NULL ? 0 : build(both[i], msg[i], sizeof(msg[i]));
		assert_int_equal(facts_read(msg[i], n, &arena, &facts[i]), 0);
		assert_int_equal(facts[i].is_silent, both[i] == NULL);
		assert_int_equal(dname_parse(zone_texts[i], &name), 0);
		assert_int_equal(subject_zones_add(&zones, name.wire), 0);
	}
	assert_int_equal(dname_parse(b->name, &name), 0);
	const struct compare_question q = {.name = name.wire,
		.type = b->type,
		.edns_bytes = b->opt_bytes >= 0 ? 4096 : -1,
		.our_limit = DNS_UDP_MAX_BYTES};
	subject_of(&zones, name.wire, &subject);
	compare_replies(&q, &facts[0], &facts[1], no_fetch, NULL, &all);
	const struct quirk_case c = {
		&q, &subject, &facts[0], &facts[1], gone_if_gone, NULL, &zones};
	out[0] = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct quirk *quirk = quirk_explain(&all.items[i], &c);
		len += (size_t)snprintf(out + len, size_bytes - len, "%s%s=%s", i == 0 ? "" : " ",
			compare_field_text(all.items[i].field),
			quirk == NULL ? "?" : quirk->number);
	}
	subject_zones_fini(&zones);
	arena_fini(&arena);
}

// size: a table of cases
// Text of the expected differences, then the two replies; -1 is "no OPT".
static const struct {
	const char *want;
	struct reply a, b;
} cases[] = {
	{"", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	// Order and the case of owners and data mean nothing, the serial neither.
	{"",
		{WEB, RR_TYPE_SRV, AA, -1, NULL,
			.an = {{WEB, RR_TYPE_SRV, 30, "A.a.svc.cluster.local."},
				{"WEB.a.svc.cluster.local.", RR_TYPE_SRV, 30,
					"b.a.svc.cluster.local."}},
			.ns = {APEX_SOA}},
		{WEB, RR_TYPE_SRV, AA, -1, NULL,
			.an = {{WEB, RR_TYPE_SRV, 30, "b.a.svc.cluster.local."},
				{WEB, RR_TYPE_SRV, 30, "a.a.svc.cluster.local."}},
			.ns = {{"cluster.local.", RR_TYPE_SOA, 30, "99"}}}},
	{"answer=?", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.2"}}}},
	{"answer=?",
		{WEB, RR_TYPE_A, AA, -1, NULL,
			.an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}, {WEB, RR_TYPE_A, 30, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	{"result=?", {WEB, RR_TYPE_A, NX, -1, NULL, .ns = {APEX_SOA}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	{"result=? soa=?", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, NX, -1, NULL, .an = {}}},
	{"aa=?", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, 0, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	{"opt=?", {WEB, RR_TYPE_A, AA, 1232, NULL, .ns = {APEX_SOA}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .ns = {APEX_SOA}}},
	{"result=1", {"svc.cluster.local.", RR_TYPE_TXT, NX, -1, NULL, .ns = {APEX_SOA}},
		{"svc.cluster.local.", RR_TYPE_TXT, AA, -1, NULL, .ns = {APEX_SOA}}},
	{"result=2", {"x.cluster.local.", RR_TYPE_SOA, AA, -1, NULL, .ns = {APEX_SOA}},
		{"x.cluster.local.", RR_TYPE_SOA, NX, -1, NULL, .ns = {APEX_SOA}}},
	{"result=?", {"x.cluster.local.", RR_TYPE_A, AA, -1, NULL, .ns = {APEX_SOA}},
		{"x.cluster.local.", RR_TYPE_A, NX, -1, NULL, .ns = {APEX_SOA}}},
	{"result=3", {"Cluster.local.", RR_TYPE_NS, AA, -1, NULL, .ns = {APEX_SOA}},
		{"Cluster.local.", RR_TYPE_NS, AA, -1, NULL,
			.an = {{"Cluster.local.", RR_TYPE_NS, 30, "ns.dns.cluster.local."}}}},
	{"result=4", {"cluster.local.", RR_TYPE_NS, AA, -1, NULL, .ns = {APEX_SOA}},
		{"cluster.local.", RR_TYPE_NS, AA, -1, NULL,
			.an = {{"cluster.local.", RR_TYPE_NS, 30, "ns.dns.cluster.local."}}}},
	{"answer=5",
		{"in-addr.arpa.", RR_TYPE_NS, AA, -1, NULL,
			.an = {{"in-addr.arpa.", RR_TYPE_NS, 30, "ns.dns.in-addr.arpa."}}},
		{"in-addr.arpa.", RR_TYPE_NS, AA, -1, NULL,
			.an = {{"in-addr.arpa.", RR_TYPE_NS, 30, "ns.dns.cluster.local."}}}},
	{"result=6",
		{PTR, RR_TYPE_PTR, AA, -1, NULL,
			.an = {{PTR, RR_TYPE_PTR, 30, "web.gone.svc.cluster.local."}}},
		{PTR, RR_TYPE_PTR, NX, -1, NULL, .ns = {APEX_SOA}}},
	{"answer=6",
		{PTR, RR_TYPE_PTR, AA, -1, NULL,
			.an = {{PTR, RR_TYPE_PTR, 30, "web.gone.svc.cluster.local."},
				{PTR, RR_TYPE_PTR, 30, WEB}}},
		{PTR, RR_TYPE_PTR, AA, -1, NULL, .an = {{PTR, RR_TYPE_PTR, 30, WEB}}}},
	{"result=?", {PTR, RR_TYPE_PTR, AA, -1, NULL, .an = {{PTR, RR_TYPE_PTR, 30, WEB}}},
		{PTR, RR_TYPE_PTR, NX, -1, NULL, .ns = {APEX_SOA}}},
	{"result=7",
		{"x.1-2-3-4.a.pod.cluster.local.", RR_TYPE_A, AA, -1, NULL,
			.an = {{"x.1-2-3-4.a.pod.cluster.local.", RR_TYPE_A, 30, "1.2.3.4"}}},
		{"x.1-2-3-4.a.pod.cluster.local.", RR_TYPE_A, NX, -1, NULL, .ns = {APEX_SOA}}},
	{"ttl=11", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 5, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 0, "10.0.0.1"}}}},
	{"ttl=27", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 12, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	{"ttl=?", {WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 31, "10.0.0.1"}}},
		{WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}}},
	{"aa=17 ttl=22",
		{OUT, RR_TYPE_A, AA | RA, -1, NULL, .an = {{OUT, RR_TYPE_A, 7, "192.0.2.1"}}},
		{OUT, RR_TYPE_A, RA, -1, NULL, .an = {{OUT, RR_TYPE_A, 9, "192.0.2.1"}}}},
	{"answer=outside", {OUT, RR_TYPE_A, RA, -1, NULL, .an = {{OUT, RR_TYPE_A, 7, "192.0.2.1"}}},
		{OUT, RR_TYPE_A, RA, -1, NULL, .an = {{OUT, RR_TYPE_A, 7, "192.0.2.2"}}}},
	{"ra=? answer=?", {OUT, RR_TYPE_A, RA, -1, NULL, .an = {{OUT, RR_TYPE_A, 7, "192.0.2.1"}}},
		{OUT, RR_TYPE_A, 0, -1, NULL, .an = {{OUT, RR_TYPE_A, 7, "192.0.2.2"}}}},
	{"size=20 options=26", {WEB, RR_TYPE_MX, AA, 4096, NULL, .ns = {APEX_SOA}},
		{WEB, RR_TYPE_MX, AA, 1232, "000a0000", .ns = {APEX_SOA}}},
	{"options=EDE", {WEB, RR_TYPE_MX, AA, 1232, NULL, .ns = {APEX_SOA}},
		{WEB, RR_TYPE_MX, AA, 1232, "000f0002000e", .ns = {APEX_SOA}}},
	{"options=?", {WEB, RR_TYPE_MX, AA, 1232, NULL, .ns = {APEX_SOA}},
		{WEB, RR_TYPE_MX, AA, 1232, "00080000", .ns = {APEX_SOA}}},
};

static void each_difference_is_found_and_explained_or_not(void **state)
{
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		judge(&cases[i].a, &cases[i].b, got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu: %s, not %s", i, got, cases[i].want);
	}
}

static void silence_differs_from_an_answer(void **state)
{
	const struct reply web = {
		WEB, RR_TYPE_A, AA, -1, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}};
	const struct reply ptr = {
		PTR, RR_TYPE_PTR, AA, -1, NULL, .an = {{PTR, RR_TYPE_PTR, 30, WEB}}};
	char got[256];

	(void)state;
	judge(NULL, &web, got, sizeof(got));
	assert_string_equal(got, "result=?");
	judge(NULL, &ptr, got, sizeof(got));
	assert_string_equal(got, "result=31");
}

static void a_cut_reply_is_compared_over_tcp(void **state)
{
	const struct reply cut = {WEB, RR_TYPE_A, AA | TC, -1, NULL, .an = {}};
	char got[256];

	(void)state;
	judge(&cut, &cut, got, sizeof(got));
	assert_string_equal(got, "tcp=?"); // no_fetch brings nothing
}

static void a_malformed_reply_is_silence(void **state)
{
	static uint8_t msg[512];
	const struct reply web = {
		WEB, RR_TYPE_A, AA, 1232, NULL, .an = {{WEB, RR_TYPE_A, 30, "10.0.0.1"}}};
	struct arena arena = {0};
	struct facts f;

	(void)state;
	size_t n = build(&web, msg, sizeof(msg));
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(facts_read(msg, cut, &arena, &f), 0);
		assert_true(f.is_silent);
	}
	assert_int_equal(facts_read(msg, n + 1, &arena, &f), 0);
	assert_true(f.is_silent); // bytes behind the end
	msg[11] = 200; // records that are not there
	assert_int_equal(facts_read(msg, n, &arena, &f), 0);
	assert_true(f.is_silent);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_difference_is_found_and_explained_or_not),
		cmocka_unit_test(silence_differs_from_an_answer),
		cmocka_unit_test(a_cut_reply_is_compared_over_tcp),
		cmocka_unit_test(a_malformed_reply_is_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
