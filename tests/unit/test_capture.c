// SPDX-License-Identifier: Apache-2.0
// Which frames are captured, and what becomes of them in the ring, in lines and in a file.
#include "cli/capture_file.h"
#include "cli/capture_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAME_ROOM = 2200 };

static struct capture_ring ring; // large
static struct capture_request request;
static struct capture_record record;

static const uint8_t name_web[] = "\3web\4test";
static const uint8_t name_test[] = "\4test";
static const uint8_t name_st[] = {2, 's', 't', 0}; // ends "test", too, and is no label of it

// A frame of 198.18.0.10:40000 to 198.18.0.53:53, or over IPv6, with a query for "WEB.test." A.
static size_t frame_make(uint8_t out[FRAME_ROOM], uint8_t family, uint8_t tags, uint8_t protocol)
{
	static const uint8_t dns[] = "\0\7\1\0\0\1\0\0\0\0\0\0\3WEB\4test\0\0\1\0\1";
	size_t at = 12;

	memset(out, 0, FRAME_ROOM);
	for (unsigned i = 0; i < tags; i++, at += 4)
		out[at] = 0x81;
	out[at] = family == 4 ? 0x08 : 0x86;
	out[at + 1] = family == 4 ? 0x00 : 0xdd;
	at += 2;
	uint8_t *ip = out + at;
	ip[0] = family == 4 ? 0x45 : 0x60;
	ip[family == 4 ? 9 : 6] = protocol;
	memcpy(ip + (family == 4 ? 12 : 8), "\xc6\x12\x00\x0a", 4);
	memcpy(ip + (family == 4 ? 16 : 24), "\xc6\x12\x00\x35", 4);
	at += family == 4 ? 20 : 40;
	memcpy(out + at, "\x9c\x40\x00\x35", 4);
	memcpy(out + at + 8, dns, sizeof(dns) - 1);
	return at + 8 + sizeof(dns) - 1;
}

static struct capture_filter name_filter(const uint8_t *name, size_t size_bytes)
{
	struct capture_filter f = {.seconds = 1, .name_size = (uint8_t)size_bytes};

	memcpy(f.name, name, size_bytes);
	return f;
}

static struct capture_filter client_filter(uint8_t prefix_len, const char *bytes)
{
	struct capture_filter f = {.seconds = 1, .family = 4, .prefix_len = prefix_len};

	memcpy(f.client, bytes, 4);
	return f;
}

static void a_filter_chooses_by_name_and_client(void **state)
{
	const struct {
		struct capture_filter filter;
		bool is_in, is_out; // wanted on the way in, out
	} cases[] = {
		{{.seconds = 1}, true, true},
		{name_filter(name_web, sizeof(name_web)), true, true},
		{name_filter(name_test, sizeof(name_test)), true, true},
		{name_filter((const uint8_t *)"", 1), true, true},
		{name_filter(name_st, sizeof(name_st)), false, false},
		{name_filter((const uint8_t *)"\1a\3web\4test", 12), false, false},
		{client_filter(32, "\xc6\x12\x00\x0a"), true, false},
		{client_filter(32, "\xc6\x12\x00\x35"), false, true},
		{client_filter(26, "\xc6\x12\x00\x00"), true, true},
		{client_filter(27, "\xc6\x12\x00\x20"), false, true},
		{client_filter(0, "\x0a\x00\x00\x00"), true, true},
		{{.seconds = 1, .family = 6}, false, false},
	};
	uint8_t frame[FRAME_ROOM];

	(void)state;
	for (unsigned tags = 0; tags < 3; tags++) {
		size_t n = frame_make(frame, 4, (uint8_t)tags, 17);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			assert_int_equal(cases[i].is_in,
				capture_is_wanted(&cases[i].filter, frame, n, CAPTURE_IN));
			assert_int_equal(cases[i].is_out,
				capture_is_wanted(&cases[i].filter, frame, n, CAPTURE_OUT));
		}
	}
}

static void no_cut_of_a_frame_is_read_beyond_its_end(void **state)
{
	const struct capture_filter f = name_filter(name_web, sizeof(name_web));
	uint8_t frame[FRAME_ROOM];

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		size_t whole = frame_make(frame, (uint8_t)family, 0, 17);
		for (size_t n = 0; n <= whole; n++) {
			uint8_t *cut = malloc(n + 1); // its end is where a sanitizer looks
			assert_non_null(cut);
			memcpy(cut + 1, frame, n);
			assert_int_equal(n == whole, capture_is_wanted(&f, cut + 1, n, CAPTURE_IN));
			free(cut);
		}
	}
}

static void what_is_no_udp_is_captured_without_a_filter_only(void **state)
{
	const struct capture_filter all = {.seconds = 1};
	const struct capture_filter one = client_filter(32, "\xc6\x12\x00\x0a");
	uint8_t frame[FRAME_ROOM];
	size_t n = frame_make(frame, 4, 0, 6);

	(void)state;
	assert_true(capture_is_wanted(&all, frame, n, CAPTURE_IN));
	assert_false(capture_is_wanted(&one, frame, n, CAPTURE_IN));
}

static void query_and_reply_are_sampled_together(void **state)
{
	const struct capture_filter f = {.seconds = 1, .one_in = 4};
	uint8_t in[FRAME_ROOM], out[FRAME_ROOM];
	unsigned taken = 0;
	size_t n = frame_make(in, 4, 0, 17);

	(void)state;
	for (unsigned id = 0; id < 4096; id++) {
		in[42] = (uint8_t)(id >> 8);
		in[43] = (uint8_t)id;
		memcpy(out, in, n);
		memcpy(out + 34, in + 36, 2); // the ports change sides
		memcpy(out + 36, in + 34, 2);
		bool is_wanted = capture_is_wanted(&f, in, n, CAPTURE_IN);
		assert_int_equal(is_wanted, capture_is_wanted(&f, out, n, CAPTURE_OUT));
		taken += is_wanted;
	}
	assert_in_range(taken, 4096 / 8, 4096 / 2);
}

static void a_request_begins_and_ends_a_capture(void **state)
{
	const struct capture_filter f = {.seconds = 2};
	struct capture_writer w = {.ring = &ring, .request = &request, .ticks_per_s = 1000};
	uint8_t frame[FRAME_ROOM];
	size_t n = frame_make(frame, 4, 0, 17);

	(void)state;
	assert_false(capture_begin(&w, 0));
	capture_ask(&request, &f);
	assert_true(capture_begin(&w, 100));
	capture_offer(&w, frame, n, CAPTURE_IN);
	assert_true(capture_begin(&w, 2099));
	assert_false(capture_begin(&w, 2100)); // its time is over
	assert_false(capture_begin(&w, 2101));
	capture_ask(&request, &f);
	assert_true(capture_begin(&w, 3000));
	assert_true(w.time_ns > UINT64_C(1700000000000000000)); // after 2023
	uint64_t then_ns = w.time_ns;
	assert_true(capture_begin(&w, 3500));
	assert_int_equal(w.time_ns - then_ns, 500000000);
	capture_ask(&request, NULL);
	assert_false(capture_begin(&w, 3501));
	assert_true(capture_read(&ring, 1, &record));
	assert_int_equal(n, record.size_bytes);
	assert_memory_equal(frame, record.bytes, n);
	assert_false(capture_read(&ring, 2, &record));
}

static void a_request_cut_short_is_made_good_by_the_next(void **state)
{
	struct capture_filter f = {.seconds = 2};
	struct capture_request r = {.version = 1}; // odd: who wrote it was killed
	struct capture_writer w = {.ring = &ring, .request = &r, .ticks_per_s = 1000};

	(void)state;
	assert_false(capture_begin(&w, 1));
	capture_ask(&r, &f);
	assert_int_equal(counter_get(&r.version), 2);
	assert_true(capture_begin(&w, 2));
	f.prefix_len = 129; // memory that others write is not trusted
	capture_ask(&r, &f);
	assert_false(capture_begin(&w, 3));
}

static void a_second_has_a_bound_and_the_rest_is_counted(void **state)
{
	const struct capture_filter f = {.seconds = 10};
	struct capture_writer w = {.ring = &ring, .request = &request, .ticks_per_s = 1000};
	uint8_t frame[FRAME_ROOM];

	(void)state;
	memset(&ring, 0, sizeof(ring));
	(void)frame_make(frame, 4, 0, 17);
	capture_ask(&request, &f);
	assert_true(capture_begin(&w, 1000));
	for (unsigned i = 0; i < CAPTURE_PER_S + 5; i++)
		capture_offer(&w, frame, FRAME_ROOM, CAPTURE_OUT);
	assert_int_equal(CAPTURE_PER_S, counter_get(&ring.written));
	assert_int_equal(5, counter_get(&ring.left_out));
	assert_true(capture_begin(&w, 2000));
	capture_offer(&w, frame, FRAME_ROOM, CAPTURE_OUT);
	assert_int_equal(CAPTURE_PER_S + 1, counter_get(&ring.written));
	assert_false(capture_read(&ring, 1, &record)); // written over
	assert_true(capture_read(&ring, CAPTURE_PER_S + 1, &record));
	assert_int_equal(FRAME_ROOM, record.size_bytes);
	assert_int_equal(CAPTURE_BYTES, record.kept_bytes);
}

static void lines_say_who_asked_whom_for_what(void **state)
{
	char line[CAPTURE_LINE_BYTES];
	struct capture_record r = {.way = CAPTURE_IN};

	(void)state;
	uint8_t frame[FRAME_ROOM];
	r.size_bytes = (uint32_t)frame_make(frame, 4, 1, 17);
	memcpy(r.bytes, frame, r.size_bytes);
	r.kept_bytes = (uint16_t)r.size_bytes;
	assert_string_equal(" 3 in 198.18.0.10:40000 > 198.18.0.53:53 id 7 A WEB.test. 72 bytes",
		capture_text(&r, 3, line) + strlen("00:00:00.000000"));
	r.bytes[46 + 2] = 0x87; // QR AA TC RD
	r.bytes[46 + 3] = 3;
	r.way = CAPTURE_OUT;
	assert_non_null(strstr(capture_text(&r, 3, line), " NXDOMAIN answers 0 truncated "));
	json_t *doc = capture_json(&r, 3);
	assert_string_equal("WEB.test.", json_string_value(json_object_get(doc, "name")));
	assert_string_equal("NXDOMAIN", json_string_value(json_object_get(doc, "rcode")));
	json_decref(doc);
	r.kept_bytes = 20;
	assert_non_null(strstr(capture_text(&r, 3, line), " out no UDP 72 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_chooses_by_name_and_client),
		cmocka_unit_test(no_cut_of_a_frame_is_read_beyond_its_end),
		cmocka_unit_test(what_is_no_udp_is_captured_without_a_filter_only),
		cmocka_unit_test(query_and_reply_are_sampled_together),
		cmocka_unit_test(a_request_begins_and_ends_a_capture),
		cmocka_unit_test(a_request_cut_short_is_made_good_by_the_next),
		cmocka_unit_test(a_second_has_a_bound_and_the_rest_is_counted),
		cmocka_unit_test(lines_say_who_asked_whom_for_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
