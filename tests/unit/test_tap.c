// SPDX-License-Identifier: Apache-2.0
// The ring of dnstap's messages, and the protocol buffers that are made of them.
#include "control/monitor/tap_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct tap_ring ring; // large
static struct tap_record record;
static struct tap_encoded encoded;

static const uint8_t client[16] = {198, 18, 0, 10}, server[16] = {198, 18, 0, 53};
static const uint8_t message[] = "\0\115\1\0\0\1\0\0\0\0\0\0\3Web\4test\0\0\1\0\1";
enum { MESSAGE_SIZE = sizeof(message) - 1, TICKS_PER_S = 1000000 };

static struct qlog_query query_make(uint64_t now)
{
	return (struct qlog_query){.client = client,
		.server = server,
		.now_ticks = now,
		.took_ns = 2000,
		.request_bytes = 26,
		.client_port = 50759,
		.server_port = 53,
		.block = 3,
		.family = 4};
}

static void tell(struct tap_writer *w, uint64_t now, uint8_t wish, size_t size_bytes)
{
	static uint8_t bytes[TAP_MESSAGE_BYTES + 1];
	const struct qlog_query q = query_make(now);

	memcpy(bytes, message, MESSAGE_SIZE);
	const struct tap_event e = {.query = &q,
		.message = bytes,
		.size_bytes = size_bytes,
		.kind = TAP_CLIENT_RESPONSE,
		.wish = wish};
	tap_write(w, &e);
}

static int ring_clear(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	return 0;
}

static void a_message_comes_out_as_it_went_in(void **state)
{
	struct tap_writer w = {.ring = &ring, .ticks_per_s = TICKS_PER_S};
	uint64_t now_s = (uint64_t)time(NULL);

	(void)state;
	tell(&w, 5, TAP_WANTED | TAP_WITH_BYTES, MESSAGE_SIZE);
	assert_false(tap_read(&ring, 2, &record));
	assert_true(tap_read(&ring, 1, &record));
	assert_int_equal(record.kind, TAP_CLIENT_RESPONSE);
	assert_int_equal(record.kept_bytes, MESSAGE_SIZE);
	assert_memory_equal(record.bytes, message, MESSAGE_SIZE);
	assert_int_equal(record.about.block, 3);
	assert_int_equal(record.time_ns - record.query_ns, 2000);
	assert_in_range(record.time_ns / 1000000000, now_s - 1, now_s + 60);
}

static void bytes_are_kept_only_where_they_are_wanted_and_fit(void **state)
{
	struct tap_writer w = {.ring = &ring, .ticks_per_s = TICKS_PER_S};

	(void)state;
	tell(&w, 1, TAP_WANTED, MESSAGE_SIZE);
	tell(&w, 2, TAP_WANTED | TAP_WITH_BYTES, TAP_MESSAGE_BYTES + 1);
	tell(&w, 3, TAP_WANTED | TAP_WITH_BYTES, TAP_MESSAGE_BYTES);
	tell(&w, 4, 0, MESSAGE_SIZE);
	assert_int_equal(ring.written, 3);
	assert_true(tap_read(&ring, 1, &record));
	assert_int_equal(record.kept_bytes, 0);
	assert_true(tap_read(&ring, 2, &record));
	assert_int_equal(record.kept_bytes, 0);
	assert_true(tap_read(&ring, 3, &record));
	assert_int_equal(record.kept_bytes, TAP_MESSAGE_BYTES);
}

static void a_second_has_its_share_and_the_rest_is_counted(void **state)
{
	struct tap_writer w = {.ring = &ring, .ticks_per_s = TICKS_PER_S};

	(void)state;
	for (unsigned i = 0; i < TAP_PER_S + 7; i++)
		tell(&w, TICKS_PER_S, TAP_WANTED, MESSAGE_SIZE);
	assert_int_equal(ring.written, TAP_PER_S);
	assert_int_equal(ring.left_out, 7);
	tell(&w, 2 * TICKS_PER_S, TAP_WANTED, MESSAGE_SIZE);
	assert_int_equal(ring.written, TAP_PER_S + 1);
	assert_false(tap_read(&ring, TAP_PER_S + 1 - TAP_SLOTS, &record));
	assert_true(tap_read(&ring, TAP_PER_S + 2 - TAP_SLOTS, &record));
}

static void time_goes_on_between_two_looks_at_the_clock(void **state)
{
	struct tap_writer w = {.ring = &ring, .ticks_per_s = TICKS_PER_S};

	(void)state;
	tell(&w, 1000, TAP_WANTED, MESSAGE_SIZE);
	tell(&w, 1250, TAP_WANTED, MESSAGE_SIZE);
	assert_true(tap_read(&ring, 1, &record));
	uint64_t first_ns = record.time_ns;
	assert_true(tap_read(&ring, 2, &record));
	assert_int_equal(record.time_ns - first_ns, 250000);
}

static void a_writer_without_a_ring_writes_nothing(void **state)
{
	struct tap_writer w = {.ticks_per_s = TICKS_PER_S};

	(void)state;
	tell(&w, 1, TAP_WANTED, MESSAGE_SIZE);
	assert_int_equal(w.in_second, 0);
}

// Worked out by hand from dnstap.proto.
static void a_record_becomes_a_protocol_buffer(void **state)
{
	static const uint8_t expected[] = {
		0x0a, 1, 'i', 0x12, 1, 'v', 0x1a, 11, 'w', 'e', 'b', '.', 't', 'e', 's', 't', '.',
		' ', '-', // identity, version, extra
		0x72, 45, // message
		0x08, 6, 0x10, 1, 0x18, 1, // response, INET, UDP
		0x22, 4, 198, 18, 0, 10, 0x2a, 4, 198, 18, 0, 53, // addresses
		0x30, 0xc7, 0x8c, 0x03, 0x38, 53, // ports
		0x40, 1, 0x4d, 0, 0, 0, 0, // 1 s
		0x60, 1, 0x6d, 0xd0, 7, 0, 0, // 1 s and 2000 ns
		0x72, 5, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, // the message
		0x78, 1, // type
	};
	static const struct tap_rule rule = {
		.is_full = 1, .identity = "i", .version = "v", .extra = "{name} {rcode}"};
	const struct qlog_query q = query_make(0);

	(void)state;
	record = (struct tap_record){.time_ns = 1000002000,
		.query_ns = 1000000000,
		.kind = TAP_CLIENT_RESPONSE,
		.kept_bytes = 5,
		.bytes = {0xaa, 0xbb, 0xcc, 0xdd, 0xee}};
	qlog_record_fill(&record.about, &q, message, MESSAGE_SIZE);
	tap_encode(&rule, &record, &encoded);
	assert_int_equal(encoded.size_bytes, sizeof(expected));
	assert_memory_equal(encoded.bytes, expected, sizeof(expected));
}

// The client's address in front of the upstream's, each of its own family.
static void a_message_to_an_upstream_names_both_ends(void **state)
{
	static const uint8_t expected[] = {
		0x0a, 0, 0x12, 0, // no identity, no version
		0x72, 48, // message
		0x08, 7, 0x10, 2, 0x18, 3, // forwarder's query, INET6, TLS
		0x22, 4, 198, 18, 0, 10, // who made us ask
		0x2a, 16, 0xfd, 0, 0, 0x53, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, // whom we ask
		0x30, 0xc7, 0x8c, 0x03, 0x38, 0xd5, 6, // ports
		0x40, 1, 0x4d, 0, 0, 0, 0, // 1 s
		0x52, 2, 0xaa, 0xbb, // the message
		0x78, 1, // type
	};
	static const struct tap_rule rule = {.is_full = 1};
	const struct qlog_query q = query_make(0);

	(void)state;
	record = (struct tap_record){.time_ns = 1000000000,
		.query_ns = 1000000000,
		.upstream = {.address = {0xfd, 0, 0, 0x53, [15] = 9},
			.port = 853,
			.family = 6,
			.protocol = TAP_DOT},
		.kind = TAP_FORWARDER_QUERY,
		.kept_bytes = 2,
		.bytes = {0xaa, 0xbb}};
	qlog_record_fill(&record.about, &q, message, MESSAGE_SIZE);
	tap_encode(&rule, &record, &encoded);
	assert_int_equal(encoded.size_bytes, sizeof(expected));
	assert_memory_equal(encoded.bytes, expected, sizeof(expected));
}

static void the_longest_record_has_room(void **state)
{
	struct tap_rule rule = {.is_full = 1};

	(void)state;
	memset(rule.identity, 'i', TAP_TEXT_BYTES - 1);
	memset(rule.version, 'v', TAP_TEXT_BYTES - 1);
	for (size_t i = 0; i + 6 < TAP_TEXT_BYTES; i += 6)
		memcpy(rule.extra + i, "{name}", 6);
	memset(&record, 0xff, sizeof(record));
	record.kind = TAP_CLIENT_RESPONSE;
	record.kept_bytes = TAP_MESSAGE_BYTES;
	tap_encode(&rule, &record, &encoded);
	assert_true(encoded.size_bytes > TAP_MESSAGE_BYTES + 2 * (TAP_TEXT_BYTES - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_message_comes_out_as_it_went_in, ring_clear),
		cmocka_unit_test_setup(
			bytes_are_kept_only_where_they_are_wanted_and_fit, ring_clear),
		cmocka_unit_test_setup(a_second_has_its_share_and_the_rest_is_counted, ring_clear),
		cmocka_unit_test_setup(time_goes_on_between_two_looks_at_the_clock, ring_clear),
		cmocka_unit_test(a_writer_without_a_ring_writes_nothing),
		cmocka_unit_test(a_record_becomes_a_protocol_buffer),
		cmocka_unit_test(a_message_to_an_upstream_names_both_ends),
		cmocka_unit_test(the_longest_record_has_room),
	};

	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
