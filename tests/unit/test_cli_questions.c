// SPDX-License-Identifier: Apache-2.0
// Where compare's questions come from, and whom they go to.
#include "cli/exchange.h"
#include "cli/questions.h"

#include "zones/base/wrbuf.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static FILE *file_of(const void *bytes, size_t size_bytes)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size_bytes, f), size_bytes);
	rewind(f);
	return f;
}

static void expect(const struct questions *q, const char *want)
{
	char got[1024] = "", name[DNAME_TEXT_MAX_BYTES], type[16];

	for (size_t i = 0; i < q->n; i++) {
		size_t len = strlen(got);
		(void)snprintf(got + len, sizeof(got) - len, "%s%s %s", i == 0 ? "" : ", ",
			dname_print(q->items[i]->name, name, sizeof(name)),
			rr_type_print(q->items[i]->type, type, sizeof(type)));
	}
	assert_string_equal(got, want);
}

static void names_are_read_with_their_types_and_once(void **state)
{
	static const char text[] = "# a comment\nweb.a\n\n  Web.A  AAAA TXT\nx.org. type65280\n";
	static const char bad[] = "web.a\nweb..a\n";
	struct questions q = {.limit = 100};
	struct err err = {0};

	(void)state;
	FILE *f = file_of(text, sizeof(text) - 1);
	assert_int_equal(questions_read_names(&q, f, &err), 0);
	(void)fclose(f);
	expect(&q, "web.a. A, web.a. AAAA, Web.A. TXT, x.org. TYPE65280");
	questions_fini(&q);
	q = (struct questions){.limit = 1};
	f = file_of(bad, sizeof(bad) - 1);
	assert_true(questions_read_names(&q, f, &err) < 0);
	assert_string_equal(err.text, "line 2: not a name and types");
	assert_int_equal(q.n, 1);
	assert_int_equal(q.n_dropped, 1);
	(void)fclose(f);
	questions_fini(&q);
}

static void log_lines_of_coredns_are_understood_also_inside_json(void **state)
{
	static const char text[] =
		"[INFO] 10.244.0.7:53123 - 4711 \"AAAA IN Web.a.svc.cluster.local. udp 41 false "
		"512\" NOERROR qr,aa,rd 134 0.000061s\n"
		"plugin/reload: Running configuration SHA512 = abc\n"
		"{\"log\":\"[INFO] [::1]:5 - 1 \\\"SRV IN _http._tcp.web.a.svc.cluster.local. tcp "
		"60 true 1232\\\" NXDOMAIN qr 0 0.1s\\n\",\"stream\":\"stdout\"}\n"
		"[INFO] 10.0.0.1:1 - 2 \"A CH version.bind. udp 30 false 512\" REFUSED qr 30 0s\n";
	struct questions q = {.limit = 100};

	(void)state;
	FILE *f = file_of(text, sizeof(text) - 1);
	assert_int_equal(questions_read_log(&q, f), 2);
	(void)fclose(f);
	expect(&q, "Web.a.svc.cluster.local. AAAA, _http._tcp.web.a.svc.cluster.local. SRV");
	questions_fini(&q);
}

static void many_questions_are_kept_apart(void **state)
{
	struct questions q = {.limit = 5000};
	char text[64];
	struct dname name;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 4000; i++) {
			(void)snprintf(text, sizeof(text), "svc%u.a.svc.cluster.local", i);
			assert_int_equal(dname_parse(text, &name), 0);
			questions_add(&q, name.wire, RR_TYPE_A);
		}
	}
	assert_int_equal(q.n, 4000);
	assert_false(q.is_short);
	questions_fini(&q);
}

// Frames with one query for `a.b` type A, in front of which stand the link's and IP headers.
static size_t put_packet(struct wrbuf *w, const char *before_hex, uint16_t port)
{
	static const uint8_t query[] = {
		0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'A', 1, 'b', 0, 0, 1, 0, 1};
	unsigned byte;
	size_t at = w->pos;

	wrbuf_u32(w, 0);
	wrbuf_u32(w, 0);
	uint8_t *sizes = wrbuf_claim(w, 8);
	for (const char *p = before_hex; *p != 0; p += 2) {
		assert_int_equal(sscanf(p, "%2x", &byte), 1);
		wrbuf_u8(w, (uint8_t)byte);
	}
	wrbuf_u16(w, 4242);
	wrbuf_u16(w, port);
	wrbuf_u32(w, (8u + sizeof(query)) << 16);
	wrbuf_bytes(w, query, sizeof(query));
	assert_non_null(sizes);
	uint32_t size = (uint32_t)(w->pos - at - 16);
	memcpy(sizes, &size, 4);
	memcpy(sizes + 4, &size, 4);
	return w->pos;
}

#define IP4 \
	"450000310000000040110000" \
	"0a000001" \
	"0a000002"
#define IP6 \
	"60000000001d1140" \
	"fd000000000000000000000000000001" \
	"fd000000000000000000000000000002"
#define MACS "020000000001020000000002"

static void captures_of_all_link_types_are_read(void **state)
{
	static const struct {
		uint32_t link;
		const char *before;
		uint16_t port;
		const char *want;
	} cases[] = {
		{1, MACS "0800" IP4, 53, "A.b. A"}, {1, MACS "810000050800" IP4, 53, "A.b. A"},
		{1, MACS "86dd" IP6, 53, "A.b. A"}, {1, MACS "0800" IP4, 5353, ""},
		{1, MACS "0806" IP4, 53, ""},
		{1,
			MACS "0800"
			     "450000310000200040110000"
			     "0a0000010a000002",
			53, ""}, // fragment
		{1,
			MACS "0800"
			     "450000310000000040060000"
			     "0a0000010a000002",
			53, ""}, // TCP
		{101, IP4, 53, "A.b. A"}, {12, IP6, 53, "A.b. A"},
		{0, "02000000" IP4, 53, "A.b. A"},
		{113, "00000001000602000000000100000800" IP4, 53, "A.b. A"},
		{276,
			"0800"
			"000000000001000100060200000000010000" IP4,
			53, "A.b. A"},
		{105, IP4, 53, NULL}, // 802.11
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[512];
		struct wrbuf w = wrbuf_of(bytes, sizeof(bytes));
		const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, cases[i].link};
		struct questions q = {.limit = 10};
		struct err err = {0};
		wrbuf_bytes(&w, header, sizeof(header));
		FILE *f = file_of(bytes, put_packet(&w, cases[i].before, cases[i].port));
		int rc = questions_read_pcap(&q, f, &err);
		assert_int_equal(rc != 0, cases[i].want == NULL);
		if (cases[i].want != NULL)
			expect(&q, cases[i].want);
		(void)fclose(f);
		questions_fini(&q);
	}
}

static void what_is_no_capture_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size_bytes;
		const char *want;
	} cases[] = {
		{"", 0, "not a capture"},
		{"not a capture at all, really", 28, "not a capture"},
		{"\x0a\x0d\x0d\x0a"
		 "12345678901234567890",
			24, "a pcapng file: convert it with `editcap -F pcap`"},
		{"\xd4\xc3\xb2\xa1\2\0\4\0"
		 "12345678\0\0\1\0\1\0\0\0"
		 "12345678\xff\xff\xff\xff"
		 "1234",
			40, "a packet of 4294967295 bytes: not a capture"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct questions q = {.limit = 10};
		struct err err = {0};
		FILE *f = file_of(cases[i].bytes, cases[i].size_bytes);
		assert_true(questions_read_pcap(&q, f, &err) < 0);
		assert_string_equal(err.text, cases[i].want);
		(void)fclose(f);
		questions_fini(&q);
	}
}

static void servers_are_addresses_with_ports(void **state)
{
	static const struct {
		const char *text;
		int family; // 0: refused
		uint16_t port;
	} cases[] = {
		{"192.0.2.1", AF_INET, 53},
		{"192.0.2.1:5353", AF_INET, 5353},
		{"fd00::1", AF_INET6, 53},
		{"[fd00::1]", AF_INET6, 53},
		{"[fd00::1]:1053", AF_INET6, 1053},
		{"[192.0.2.1]:53", AF_INET, 53},
		{"192.0.2.1:0", 0, 0},
		{"192.0.2.1:65536", 0, 0},
		{"192.0.2.1:", 0, 0},
		{"192.0.2.1:5x", 0, 0},
		{"[fd00::1", 0, 0},
		{"[fd00::1]53", 0, 0},
		{"localhost", 0, 0},
		{"", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct exchange_server s;
		struct err err = {0};
		int rc = exchange_server_parse(cases[i].text, &s, &err);
		if ((rc == 0) != (cases[i].family != 0))
			fail_msg("%s: %d", cases[i].text, rc);
		if (rc != 0)
			continue;
		assert_int_equal(s.address.ss_family, cases[i].family);
		const struct sockaddr_in *in = (const void *)&s.address;
		assert_int_equal(ntohs(in->sin_port), cases[i].port); // the same place in both
	}
}

static void types_are_a_list(void **state)
{
	struct questions q = {.limit = 10};
	struct dname name;

	(void)state;
	assert_int_equal(questions_parse_types(&q, "A,srv,TYPE65"), 0);
	assert_int_equal(dname_parse("x.org", &name), 0);
	questions_add_found(&q, name.wire, RR_TYPE_TXT);
	expect(&q, "x.org. A, x.org. SRV, x.org. HTTPS");
	questions_fini(&q);
	assert_true(questions_parse_types(&q, "A,,SRV") < 0);
	q.n_types = 0;
	assert_true(questions_parse_types(&q, "") < 0);
	assert_true(questions_parse_types(&q, "A,NOTATYPE") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_with_their_types_and_once),
		cmocka_unit_test(log_lines_of_coredns_are_understood_also_inside_json),
		cmocka_unit_test(many_questions_are_kept_apart),
		cmocka_unit_test(captures_of_all_link_types_are_read),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(servers_are_addresses_with_ports),
		cmocka_unit_test(types_are_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
