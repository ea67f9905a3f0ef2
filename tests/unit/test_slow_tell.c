// SPDX-License-Identifier: Apache-2.0
// What dnstap is told of questions to upstreams.
#include "slowpath/forward/tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

static struct tap_ring ring; // large
static struct tap_record record;

static const uint8_t message[] = "\0\115\1\0\0\1\0\0\0\0\0\0\3Web\4test\0\0\1\0\1";
static const struct tell_about about = {.client = {198, 18, 0, 10},
	.server = {198, 18, 0, 53},
	.client_port = 40000,
	.server_port = 53,
	.block = 2,
	.family = 4,
	.wish = TAP_WANTED | TAP_WITH_BYTES};

static struct upstream upstream_make(bool is_six)
{
	struct upstream u = {.to = {.sin6_family = AF_INET6, .sin6_port = htons(5300)}};
	struct sockaddr_in *four = (struct sockaddr_in *)&u.to;

	if (!is_six) {
		four->sin_family = AF_INET;
		four->sin_addr.s_addr = htonl(0xc6120009);
		return u;
	}
	u.to.sin6_addr.s6_addr[0] = 0xfd;
	u.to.sin6_addr.s6_addr[15] = 9;
	return u;
}

static void tell_one(const struct upstream *u, bool is_stream, const struct tell_about *a)
{
	struct tap_writer w = {.ring = &ring, .ticks_per_s = 1000000000};
	const struct tell_message m = {.upstream = u,
		.bytes = message,
		.size_bytes = sizeof(message) - 1,
		.start_ns = 1000,
		.now_ns = 4000,
		.kind = TAP_FORWARDER_RESPONSE,
		.is_stream = is_stream};

	memset(&ring, 0, sizeof(ring));
	tell(&w, a, &m);
}

static void a_reply_of_an_upstream_is_told(void **state)
{
	static const uint8_t address[16] = {198, 18, 0, 9};
	struct upstream u = upstream_make(false);

	(void)state;
	tell_one(&u, false, &about);
	assert_true(tap_read(&ring, 1, &record));
	assert_int_equal(record.kind, TAP_FORWARDER_RESPONSE);
	assert_int_equal(record.time_ns - record.query_ns, 3000);
	assert_int_equal(record.kept_bytes, sizeof(message) - 1);
	assert_memory_equal(record.upstream.address, address, sizeof(address));
	assert_int_equal(record.upstream.port, 5300);
	assert_int_equal(record.upstream.family, 4);
	assert_int_equal(record.upstream.protocol, TAP_UDP);
	assert_memory_equal(record.about.client, about.client, 4);
	assert_int_equal(record.about.client_port, 40000);
	assert_int_equal(record.about.block, 2);
}

static void the_way_to_an_upstream_is_its_own(void **state)
{
	struct upstream u = upstream_make(true);

	(void)state;
	tell_one(&u, true, &about);
	assert_true(tap_read(&ring, 1, &record));
	assert_int_equal(record.upstream.family, 6);
	assert_int_equal(record.upstream.protocol, TAP_TCP);
	assert_memory_equal(record.upstream.address, &u.to.sin6_addr, 16);
	assert_int_equal(record.about.family, 4);
	u.is_tls = true;
	tell_one(&u, true, &about);
	assert_true(tap_read(&ring, 1, &record));
	assert_int_equal(record.upstream.protocol, TAP_DOT);
}

static void nothing_is_told_that_nobody_wants(void **state)
{
	struct upstream u = upstream_make(false);
	struct tell_about unwanted = about;
	const struct tell_message m = {.upstream = &u};

	(void)state;
	unwanted.wish = 0;
	tell_one(&u, false, &unwanted);
	assert_int_equal(ring.written, 0);
	tell(NULL, &about, &m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_of_an_upstream_is_told),
		cmocka_unit_test(the_way_to_an_upstream_is_its_own),
		cmocka_unit_test(nothing_is_told_that_nobody_wants),
	};

	return cmocka_run_group_tests_name("tell", tests, NULL, NULL);
}
