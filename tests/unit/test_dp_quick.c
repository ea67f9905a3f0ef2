// SPDX-License-Identifier: Apache-2.0
// Frames that frame_parse_quick takes are judged and answered as frame_parse and frame_reply do it.
#include "dataplane/net/quick.h"

#include "tests/unit/frame_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 300000, REPLY_BYTES = 700 };

// What is changed: a byte of the headers, more often than not to a value that matters there.
static void change(struct frame_fixture *fx)
{
	static const uint8_t values[] = {0, 1, 4, 6, 7, 13, 17, 19, 37, 0x45, 0x46, 0x53, 53, 64,
		127, 198, 223, 224, 240, 255};
	size_t at = (size_t)rand() % (fx->l4 + UDP_BYTES);

	fx->bytes[at] = rand() % 4 ? values[(size_t)rand() % sizeof(values)] : (uint8_t)rand();
}

static void frame_make(struct frame_fixture *fx)
{
	static uint8_t payload[600];
	struct frame_fixture_spec spec = {.family = rand() % 8 ? 4 : 6,
		.vlan = rand() % 8 ? 0 : 5,
		.client_port = (uint16_t)(rand() % 2 ? rand() : rand() % 80),
		.payload = payload,
		.payload_bytes = (size_t)rand() % sizeof(payload)};

	for (size_t i = 0; i < spec.payload_bytes; i++)
		payload[i] = (uint8_t)rand();
	frame_fixture_udp(fx, &spec);
	uint8_t type[2], head[6], udp_size[2];
	memcpy(type, fx->bytes + 12, sizeof(type));
	memcpy(head, fx->bytes + fx->l3, sizeof(head));
	memcpy(udp_size, fx->bytes + fx->l4 + 4, sizeof(udp_size));
	for (int n = rand() % 3; n > 0; n--)
		change(fx);
	// Sums can be made where the sizes still are those of the bytes.
	if (rand() % 4 && memcmp(type, fx->bytes + 12, sizeof(type)) == 0 &&
		memcmp(head, fx->bytes + fx->l3, sizeof(head)) == 0 &&
		memcmp(udp_size, fx->bytes + fx->l4 + 4, sizeof(udp_size)) == 0)
		frame_fixture_sum(fx);
	if (rand() % 8 == 0)
		memset(fx->bytes + fx->l4 + 6, 0, 2); // no UDP checksum
	if (rand() % 8 == 0)
		fx->size_bytes += (size_t)rand() % 30;
	if (rand() % 8 == 0)
		fx->size_bytes -= (size_t)rand() % fx->size_bytes;
}

static void replies_are_the_same(const struct frame *f, const struct frame_fixture *fx)
{
	struct frame_fixture a = *fx, b = *fx;
	struct frame x = *f, y = *f;
	size_t size = (size_t)rand() % REPLY_BYTES;

	x.bytes = a.bytes;
	y.bytes = b.bytes;
	for (size_t i = 0; i < size; i++)
		frame_dns(&x)[i] = frame_dns(&y)[i] = (uint8_t)rand();
	frame_reply(&x, size);
	frame_reply_quick(&y, size);
	assert_int_equal(x.size_bytes, y.size_bytes);
	assert_memory_equal(a.bytes, b.bytes, sizeof(a.bytes));
	assert_true((f->trust & FRAME_FILL_UDP) || frame_fixture_is_right(b.bytes, y.size_bytes));
}

static void what_it_takes_frame_parse_takes_the_same_way(void **state)
{
	static struct frame_fixture fx;
	unsigned taken = 0, plain = 0;
	struct host host;

	(void)state;
	srand(53);
	for (unsigned i = 0; i < ROUNDS; i++) {
		frame_fixture_host(&host);
		frame_make(&fx);
		struct frame quick = frame_fixture_frame(&fx), full = quick;
		quick.trust = full.trust = (uint8_t)(rand() % 8 ? 0 : rand() % 8);
		bool is_quick = frame_parse_quick(&host, &quick);
		enum verdict v = frame_parse(&host, &full);
		plain += v == VERDICT_QUERY && full.family == 4 && full.l3 == ETH_BYTES;
		if (!is_quick)
			continue;
		taken++;
		assert_int_equal(v, VERDICT_QUERY);
		assert_int_equal(quick.family, full.family);
		assert_int_equal(quick.address, full.address);
		assert_int_equal(quick.l3, full.l3);
		assert_int_equal(quick.l4, full.l4);
		assert_int_equal(quick.l4_bytes, full.l4_bytes);
		assert_int_equal(quick.client_port, full.client_port);
		assert_int_equal(quick.server_port, full.server_port);
		replies_are_the_same(&quick, &fx);
	}
	print_message("taken %u of %u\n", taken, plain);
	assert_true(taken > ROUNDS / 10);
	assert_true(taken > plain / 2); // the others came from small ports or rare sources
}

// The sum of RFC 1071, word by word.
static uint16_t plain_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void sums_are_right_for_every_size(void **state)
{
	uint8_t bytes[300];

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = round == 0 ? 0xff : (uint8_t)rand();
		for (size_t n = 0; n < sizeof(bytes); n++) {
			be16_t got = {cksum_fold(cksum_add(0, bytes, n))};
			assert_int_equal(be16_to(got), plain_sum(bytes, n));
		}
	}
}

static void right_is_what_folds_to_ones(void **state)
{
	(void)state;
	srand(5);
	assert_false(cksum_is_right(0));
	assert_true(cksum_is_right(UINT64_MAX));
	for (unsigned i = 0; i < 1000000; i++) {
		uint64_t sum = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();
		if (i % 2) // made right, or nearly
			sum -= sum % 0xffff + i % 4 / 2;
		assert_int_equal(cksum_is_right(sum), cksum_fold(sum) == 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_takes_frame_parse_takes_the_same_way),
		cmocka_unit_test(sums_are_right_for_every_size),
		cmocka_unit_test(right_is_what_folds_to_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
