// SPDX-License-Identifier: Apache-2.0
// The ring of the query log, the lines that come of its entries, and which rule chooses them.
#include "control/monitor/qlog_rules.h"
#include "control/monitor/qlog_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct qlog_ring ring; // large
static struct qlog_rules page;
static struct qlog_selection selection;

static const uint8_t client[16] = {198, 18, 0, 10}, server[16] = {198, 18, 0, 53};

// A reply: flags with rcode, answers, authorities, and a question for "Web.test." A IN.
static size_t reply_make(uint8_t out[64], uint16_t flags, uint8_t n_an, uint8_t n_ns)
{
	static const uint8_t question[] = "\3Web\4test\0\0\1\0\1";

	memset(out, 0, 64);
	out[1] = 77;
	out[2] = (uint8_t)(flags >> 8);
	out[3] = (uint8_t)flags;
	out[5] = 1;
	out[7] = n_an;
	out[9] = n_ns;
	memcpy(out + 12, question, sizeof(question) - 1);
	return 12 + sizeof(question) - 1;
}

static struct qlog_query query_make(uint64_t now)
{
	return (struct qlog_query){.client = client,
		.server = server,
		.now_ticks = now,
		.took_ns = 37990251,
		.request_bytes = 41,
		.client_port = 50759,
		.server_port = 53,
		.udp_bytes = 1232,
		.family = 4,
		.classes = QLOG_CLASSES};
}

static void lines_are_written_as_coredns_does(void **state)
{
	static const struct {
		const char *format;
		const char *line;
		uint8_t flags;
	} cases[] = {
		{"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} "
		 "{>bufsize}\" "
		 "{rcode} {>rflags} {rsize} {duration}",
			"198.18.0.10:50759 - 77 \"A IN web.test. udp 41 false 1232\" NOERROR "
			"qr,aa,rd 26 0.037990251s",
			0},
		{"{proto} {>do} {>bufsize} {>opcode}", "tcp true 65535 0",
			QLOG_RECORD_TCP | QLOG_RECORD_DO},
		{"{local} {/meta} {what} {", "198.18.0.53 - {what} {", 0},
		{"{{type}}", "{A}", 0},
		{"", "", 0},
	};
	struct qlog_writer w = {.ring = &ring, .ticks_per_s = 1000};
	char line[QLOG_LINE_BYTES];
	struct qlog_record r;
	uint8_t reply[64];

	(void)state;
	size_t n = reply_make(reply, 0x8500, 1, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qlog_query q = query_make(5);
		q.flags = cases[i].flags;
		qlog_write(&w, &q, reply, n);
		assert_true(qlog_read(&ring, counter_get(&ring.written), &r));
		(void)qlog_text(&r, cases[i].format, line);
		if (cases[i].format[0] != 0)
			assert_string_equal(line, cases[i].line);
	}
}

static void durations_have_no_needless_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {{0, "0s"}, {1, "0.000000001s"}, {1500000000, "1.5s"}, {2000000000, "2s"}};
	char line[QLOG_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct qlog_record r = {.took_ns = cases[i].ns};
		(void)qlog_text(&r, "{duration}", line);
		assert_string_equal(line, cases[i].text);
	}
}

static void replies_fall_into_classes(void **state)
{
	static const struct {
		uint16_t flags;
		uint8_t n_an, n_ns;
		enum qlog_class_bit class;
	} cases[] = {
		{0x8400, 1, 0, QLOG_CLASS_SUCCESS},
		{0x8400, 0, 0, QLOG_CLASS_SUCCESS},
		{0x8400, 0, 1, QLOG_CLASS_DENIAL},
		{0x8403, 0, 1, QLOG_CLASS_DENIAL},
		{0x8403, 0, 0, QLOG_CLASS_ERROR},
		{0x8002, 0, 0, QLOG_CLASS_ERROR},
		{0x8005, 0, 1, QLOG_CLASS_ERROR},
	};
	uint8_t reply[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = reply_make(reply, cases[i].flags, cases[i].n_an, cases[i].n_ns);
		assert_int_equal(qlog_class_of(reply, n), cases[i].class);
		struct qlog_writer w = {.ring = &ring, .ticks_per_s = 1000};
		struct qlog_query q = query_make(5);
		uint64_t before = counter_get(&ring.written);
		q.classes = (uint8_t)(QLOG_CLASSES & ~(unsigned)cases[i].class);
		qlog_write(&w, &q, reply, n);
		assert_int_equal(counter_get(&ring.written), before);
	}
	assert_int_equal(qlog_class_of(reply, 11), QLOG_CLASS_ERROR);
}

static void a_second_has_room_for_so_many_and_the_rest_is_counted(void **state)
{
	struct qlog_writer w = {.ring = &ring, .ticks_per_s = 1000};
	uint8_t reply[64];
	size_t n = reply_make(reply, 0x8400, 1, 0);
	uint64_t written = counter_get(&ring.written), left_out = counter_get(&ring.left_out);

	(void)state;
	for (unsigned i = 0; i < 3 * QLOG_PER_S; i++) {
		struct qlog_query q = query_make(10000 + i / 3); // 3,000 a second, for two
		qlog_write(&w, &q, reply, n);
	}
	assert_int_equal(counter_get(&ring.written) - written, 2 * QLOG_PER_S);
	assert_int_equal(counter_get(&ring.left_out) - left_out, QLOG_PER_S);
}

static void what_was_overwritten_or_never_written_is_not_read(void **state)
{
	struct qlog_record r;
	uint64_t written = counter_get(&ring.written);

	(void)state;
	assert_true(written > QLOG_SLOTS);
	assert_true(qlog_read(&ring, written, &r));
	assert_true(qlog_read(&ring, written - QLOG_SLOTS + 1, &r));
	assert_false(qlog_read(&ring, written - QLOG_SLOTS, &r));
	assert_false(qlog_read(&ring, written + 1, &r));
}

static void malformed_names_give_lines_without_them(void **state)
{
	struct qlog_record r = {.name_size = 5, .name = {63, 'a', 'b', 'c', 'd'}, .family = 4};
	char line[QLOG_LINE_BYTES];

	(void)state;
	(void)qlog_text(&r, "<{name}>", line);
	assert_string_equal(line, "<>");
	assert_null(qlog_rules_format(&selection, &r));
	r = (struct qlog_record){.name_size = 6, .name = "\4a\"\n\t\0"};
	(void)qlog_text(&r, "<{name}>", line);
	assert_null(strchr(line, '\n'));
}

static void add_rule(uint16_t block, const char *zone, size_t zone_size, const char *format)
{
	struct qlog_rule *r = &page.list[page.n++];

	*r = (struct qlog_rule){.block = block, .zone_size = (uint8_t)zone_size};
	memcpy(r->zone, zone, zone_size);
	(void)snprintf(r->format, sizeof(r->format), "%s", format);
}

static void the_first_rule_of_the_block_that_holds_the_name_counts(void **state)
{
	struct qlog_record r = {.block = 1, .name_size = 10, .name = "\3WWW\4Test"};

	(void)state;
	add_rule(0, "", 1, "zero");
	add_rule(1, "\4test", 6, "test");
	add_rule(1, "", 1, "rest");
	assert_true(qlog_rules_take(&selection, &page) || counter_get(&page.version) == 0);
	counter_set(&page.version, 2);
	assert_true(qlog_rules_take(&selection, &page));
	assert_false(qlog_rules_take(&selection, &page));
	assert_string_equal(qlog_rules_format(&selection, &r), "test");
	r.name_size = 1;
	r.name[0] = 0;
	assert_string_equal(qlog_rules_format(&selection, &r), "rest");
	r.block = 2;
	assert_null(qlog_rules_format(&selection, &r));
	counter_set(&page.version, 3); // being written
	assert_false(qlog_rules_take(&selection, &page));
}

static void every_reason_of_a_failure_has_its_words(void **state)
{
	static const char *const words[QLOG_REASONS] = {[QLOG_TIMED_OUT] = "i/o timeout",
		[QLOG_UNREACHABLE] = "unreachable, or connection refused",
		[QLOG_MALFORMED] = "malformed reply",
		[QLOG_CERTIFICATE] = "certificate refused"};
	char reason[QLOG_ERROR_BYTES], expected[QLOG_ERROR_BYTES];

	(void)state;
	for (unsigned i = 0; i < QLOG_REASONS; i++) {
		const struct qlog_record r = {.reason = (uint8_t)i, .upstream = "192.0.2.1:853"};
		(void)qlog_text_reason(&r, reason);
		(void)snprintf(expected, sizeof(expected), "read udp 192.0.2.1:853: %s", words[i]);
		assert_string_equal(reason, expected);
	}
}

static void errors_that_are_alike_are_told_together(void **state)
{
	const struct qlog_record r = {.flags = QLOG_RECORD_ERROR | QLOG_RECORD_TCP,
		.rcode = 2,
		.type = 1,
		.class = 1,
		.reason = QLOG_TIMED_OUT,
		.name_size = 6,
		.name = "\4test",
		.upstream = "192.0.2.1:53"};
	char reason[QLOG_ERROR_BYTES], line[QLOG_LINE_BYTES];
	unsigned level;
	size_t n = qlog_text_reason(&r, reason);

	(void)state;
	assert_string_equal(reason, "read tcp 192.0.2.1:53: i/o timeout");
	(void)qlog_text_error(&r, reason, line);
	assert_string_equal(line, "2 test. A: read tcp 192.0.2.1:53: i/o timeout");
	counter_set(&page.version, 4);
	assert_true(qlog_rules_take(&selection, &page));
	assert_int_equal(qlog_rules_error(&selection, reason, n, 1000, &level), QLOG_HOLD);
	add_rule(0, "", 1, ""); // errors
	page.consolidates[page.n_consolidates++] = (struct qlog_consolidate){
		.level = 1, .shows_first = 1, .period_ms = 300000, .pattern = "timeout$"};
	counter_set(&page.version, 6);
	assert_true(qlog_rules_take(&selection, &page));
	assert_int_equal(qlog_rules_error(&selection, reason, n, 1000, &level), QLOG_WRITE);
	assert_int_equal(level, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(qlog_rules_error(&selection, reason, n, 2000, &level), QLOG_HOLD);
	assert_int_equal(qlog_rules_error(&selection, "other", 5, 2000, &level), QLOG_WRITE);
	assert_int_equal(level, 0);
	assert_int_equal(qlog_rules_summary(&selection, 300999, line, sizeof(line), &level), 0);
	assert_true(qlog_rules_summary(&selection, 301000, line, sizeof(line), &level) > 0);
	assert_string_equal(line, "5 errors like 'timeout$' occurred in last 5m0s");
	assert_int_equal(qlog_rules_summary(&selection, 900000, line, sizeof(line), &level), 0);
	qlog_rules_fini(&selection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_written_as_coredns_does),
		cmocka_unit_test(durations_have_no_needless_digits),
		cmocka_unit_test(replies_fall_into_classes),
		cmocka_unit_test(a_second_has_room_for_so_many_and_the_rest_is_counted),
		cmocka_unit_test(what_was_overwritten_or_never_written_is_not_read),
		cmocka_unit_test(malformed_names_give_lines_without_them),
		cmocka_unit_test(the_first_rule_of_the_block_that_holds_the_name_counts),
		cmocka_unit_test(every_reason_of_a_failure_has_its_words),
		cmocka_unit_test(errors_that_are_alike_are_told_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
