// SPDX-License-Identifier: Apache-2.0
// Rules of the packet layer for queries (proto 1.10): which frames pass, which are dropped and why,
// and what replies look like.
#include "tests/unit/frame_fixture.h"

#include "dataplane/net/quick.h"
#include "dataplane/net/vlan.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct host host;

static int setup(void **state)
{
	(void)state;
	frame_fixture_host(&host);
	return 0;
}

static enum verdict judge(struct frame_fixture *fx, struct frame *f)
{
	*f = frame_fixture_frame(fx);
	return frame_parse(&host, f);
}

#define PASSES DROP_REASON_COUNT

static const struct frame_change udp_changes[] = {
	{"nothing", 4, AT_IP, 0, 0, {0}, KEEP, 0, PASSES},
	{"nothing", 6, AT_IP, 0, 0, {0}, KEEP, 0, PASSES},
	{"link padding behind the datagram", 4, AT_IP, 0, 0, {0}, KEEP, -20, PASSES},
	{"link padding behind the datagram", 6, AT_IP, 0, 0, {0}, KEEP, -20, PASSES},
	{"proto:I1 multicast source MAC", 4, AT_ETH, 6, 1, {3}, KEEP, 0, DROP_ETH_SOURCE},
	{"proto:I1 own source MAC", 4, AT_ETH, 11, 1, {0x53}, KEEP, 0, DROP_ETH_SOURCE},
	{"proto:I1 other MAC", 4, AT_ETH, 5, 1, {0x54}, KEEP, 0, DROP_ETH_OTHER},
	{"proto:I1 broadcast MAC", 4, AT_ETH, 0, 6, {255, 255, 255, 255, 255, 255}, KEEP, 0,
		DROP_ETH_OTHER},
	{"proto:I1 multicast MAC", 6, AT_ETH, 0, 2, {0x33, 0x33}, KEEP, 0, DROP_ETH_OTHER},
	{"type not served", 4, AT_ETH, 12, 2, {0x88, 0xcc}, KEEP, 0, DROP_ETH_TYPE},
	{"proto:I2 stacked tag", 4, AT_ETH, 12, 6, {0x81, 0, 0, 5, 0x81, 0}, KEEP, 0, DROP_VLAN},
	{"proto:I2 service tag", 4, AT_ETH, 12, 2, {0x88, 0xa8}, KEEP, 0, DROP_ETH_TYPE},
	{"proto:I2 reserved VLAN", 4, AT_ETH, 12, 6, {0x81, 0, 0x0f, 0xff, 8, 0}, KEEP, 0,
		DROP_VLAN},
	{"proto:I3 version 5", 4, AT_IP, 0, 1, {0x55}, KEEP, 0, DROP_IP4_HEADER},
	{"proto:I3 header of 16 bytes", 4, AT_IP, 0, 1, {0x44}, KEEP, 0, DROP_IP4_HEADER},
	{"proto:I3 longer than the frame", 4, AT_IP, 2, 2, {5, 0}, KEEP, 0, DROP_IP4_HEADER},
	{"proto:I3 shorter than its header", 4, AT_IP, 2, 2, {0, 19}, KEEP, 0, DROP_IP4_HEADER},
	{"proto:I3 wrong header checksum", 4, AT_IP, 10, 1, {0xee}, KEEP, 0, DROP_IP4_CHECKSUM},
	{"proto:I3 cut in the header", 4, AT_IP, 0, 0, {0}, KEEP, 40, DROP_IP4_HEADER},
	{"proto:I4 first fragment", 4, AT_IP, 6, 1, {0x20}, RESUM, 0, DROP_IP4_FRAGMENT},
	{"proto:I4 last fragment", 4, AT_IP, 7, 1, {0x10}, RESUM, 0, DROP_IP4_FRAGMENT},
	{"proto:I5 UDP longer than IP", 4, AT_L4, 4, 2, {0, 34}, RESUM, 0, DROP_UDP_LENGTH},
	{"proto:I5 UDP shorter than IP", 4, AT_L4, 4, 2, {0, 32}, RESUM, 0, DROP_UDP_LENGTH},
	{"proto:I5 UDP shorter than IP", 6, AT_L4, 4, 2, {0, 32}, RESUM, 0, DROP_UDP_LENGTH},
	{"proto:I6 no checksum", 4, AT_L4, 6, 2, {0, 0}, KEEP, 0, PASSES},
	{"proto:I6 no checksum over IPv6", 6, AT_L4, 6, 2, {0, 0}, KEEP, 0, DROP_UDP_CHECKSUM},
	{"proto:I6 wrong checksum", 4, AT_L4, 6, 2, {0xbe, 0xef}, KEEP, 0, DROP_UDP_CHECKSUM},
	{"proto:I6 wrong checksum", 6, AT_L4, 6, 2, {0xbe, 0xef}, KEEP, 0, DROP_UDP_CHECKSUM},
	{"proto:I6 changed payload", 4, AT_L4, 21, 1, {'X'}, KEEP, 0, DROP_UDP_CHECKSUM},
	{"proto:I7 other destination", 4, AT_IP, 19, 1, {54}, RESUM, 0, DROP_IP_DESTINATION},
	{"proto:I7 other destination", 6, AT_IP, 39, 1, {0x54}, RESUM, 0, DROP_IP_DESTINATION},
	{"proto:H21 broadcast destination", 4, AT_IP, 19, 1, {255}, RESUM, 0, DROP_IP_DESTINATION},
	{"proto:H21 multicast destination", 6, AT_IP, 24, 1, {0xff}, RESUM, 0, DROP_IP_DESTINATION},
	{"proto:I7 source 0.0.0.0", 4, AT_IP, 12, 4, {0}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source 127.0.0.1", 4, AT_IP, 12, 4, {127, 0, 0, 1}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source 224.0.0.251", 4, AT_IP, 12, 4, {224, 0, 0, 251}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I7 source 240.0.0.1 passes", 4, AT_IP, 12, 4, {240, 0, 0, 1}, RESUM, 0, PASSES},
	{"proto:I7 source 255.255.255.255", 4, AT_IP, 12, 4, {255, 255, 255, 255}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I7 source of the network's broadcast", 4, AT_IP, 15, 1, {255}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I7 own source", 4, AT_IP, 12, 4, {198, 18, 0, 53}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source ::", 6, AT_IP, 8, 16, {0}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source ::1", 6, AT_IP, 8, 16, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 multicast source", 6, AT_IP, 8, 1, {0xff}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 own source", 6, AT_IP, 23, 1, {0x53}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 mapped source", 6, AT_IP, 8, 16,
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 1}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I8 hop-by-hop", 6, AT_IP, 6, 1, {0}, KEEP, 0, DROP_IP6_EXTENSION},
	{"proto:I8 routing", 6, AT_IP, 6, 1, {43}, KEEP, 0, DROP_IP6_EXTENSION},
	{"proto:I8 fragment", 6, AT_IP, 6, 1, {44}, KEEP, 0, DROP_IP6_FRAGMENT},
	{"proto:I8 authentication", 6, AT_IP, 6, 1, {51}, KEEP, 0, DROP_IP6_EXTENSION},
	{"proto:I8 destination options", 6, AT_IP, 6, 1, {60}, KEEP, 0, DROP_IP6_EXTENSION},
	{"IPv6 version 4", 6, AT_IP, 0, 1, {0x40}, KEEP, 0, DROP_IP6_HEADER},
	{"IPv6 payload longer than the frame", 6, AT_IP, 4, 2, {5, 0}, KEEP, 0, DROP_IP6_HEADER},
	{"IPv6 cut in the header", 6, AT_IP, 0, 0, {0}, KEEP, 40, DROP_IP6_HEADER},
	{"a protocol not served", 4, AT_IP, 9, 1, {6}, RESUM, 0, DROP_IP_PROTOCOL},
	{"a protocol not served", 6, AT_IP, 6, 1, {6}, KEEP, 0, DROP_IP_PROTOCOL},
	{"proto:H19 source port 0", 4, AT_L4, 0, 2, {0, 0}, RESUM, 0, DROP_UDP_SOURCE_PORT},
	{"proto:H19 source port echo", 4, AT_L4, 0, 2, {0, 7}, RESUM, 0, DROP_UDP_SOURCE_PORT},
	{"proto:H19 source port chargen", 6, AT_L4, 0, 2, {0, 19}, RESUM, 0, DROP_UDP_SOURCE_PORT},
	{"proto:H20 source port 53", 4, AT_L4, 0, 2, {0, 53}, RESUM, 0, PASSES},
};

static void a_query_passes_or_is_dropped_for_its_reason(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(udp_changes) / sizeof(udp_changes[0]); i++) {
		const struct frame_change *c = &udp_changes[i];
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = c->family});
		frame_fixture_change(&fx, c);
		enum verdict v = judge(&fx, &f);
		if (c->drop == PASSES ? v != VERDICT_QUERY : v != VERDICT_DROP || f.drop != c->drop)
			fail_msg("%s (IPv%u): verdict %d, reason %s", c->what, c->family, (int)v,
				v == VERDICT_DROP ? drop_reason_text((enum drop_reason)f.drop)
						  : "-");
		if (v == VERDICT_QUERY) // whatever the link added is not part of the message
			assert_int_equal(frame_dns_bytes(&f), 25);
	}
}

static void ip_options_are_dropped(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = 4});
	uint8_t *ip = fx.bytes + fx.l3;
	memmove(ip + 24, ip + 20, fx.size_bytes - fx.l4);
	memset(ip + 20, 1, 4); // proto:I3: no-operation options
	ip[0] = 0x46;
	ip[3] = (uint8_t)(ip[3] + 4);
	fx.size_bytes += 4;
	assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	assert_int_equal(f.drop, DROP_IP4_CHECKSUM); // the sum over 24 bytes is checked first
	uint32_t sum = 0;
	ip[10] = ip[11] = 0;
	for (size_t i = 0; i < 24; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	assert_int_equal(f.drop, DROP_IP4_OPTIONS);
}

// DESIGN 4: exactly the folded pseudo-header sum, and nothing near it.
static void a_partial_checksum_passes_only_when_it_is_the_pseudo_sum(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		const uint8_t *a = fx.bytes + fx.l3 + (family == 4 ? 12 : 8);
		uint32_t sum = 17 + 33;
		for (size_t i = 0; i < (family == 4 ? 8u : 32u); i += 2)
			sum += (uint32_t)a[i] << 8 | a[i + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		for (int delta = -2; delta <= 2; delta++) {
			fx.bytes[fx.l4 + 6] = (uint8_t)((sum + (uint32_t)delta) >> 8);
			fx.bytes[fx.l4 + 7] = (uint8_t)(sum + (uint32_t)delta);
			assert_int_equal(judge(&fx, &f), delta == 0 ? VERDICT_QUERY : VERDICT_DROP);
		}
		fx.bytes[fx.l4 + 6] = (uint8_t)(~sum >> 8); // its complement is another thing
		fx.bytes[fx.l4 + 7] = (uint8_t)~sum;
		assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	}
}

static void a_trusted_port_spares_the_sums(void **state)
{
	struct frame_fixture fx;

	(void)state;
	frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = 4});
	fx.bytes[fx.l4 + 6] ^= 0xff;
	fx.bytes[fx.l3 + 10] ^= 0xff;
	struct frame f = frame_fixture_frame(&fx);
	f.trust = FRAME_TRUST_IP4;
	assert_int_equal(frame_parse(&host, &f), VERDICT_DROP);
	assert_int_equal(f.drop, DROP_UDP_CHECKSUM);
	f.trust = FRAME_TRUST_IP4 | FRAME_TRUST_UDP;
	assert_int_equal(frame_parse(&host, &f), VERDICT_QUERY);
}

static void every_cut_of_a_frame_is_dropped(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		size_t whole = fx.size_bytes;
		for (fx.size_bytes = 0; fx.size_bytes < whole; fx.size_bytes++)
			assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	}
}

// proto:I2, I6, I9, I10, I15, H21.
static void a_reply_goes_back_as_it_came(void **state)
{
	static const uint16_t tags[] = {0, 5, 0xe005};
	struct frame_fixture fx;
	struct frame f;
	uint8_t sent[FRAME_FIXTURE_BYTES];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		const struct frame_fixture_spec spec = {
			.family = i & 1 ? 6 : 4, .vlan = tags[i / 2], .client_port = 33333};
		frame_fixture_udp(&fx, &spec);
		memcpy(sent, fx.bytes, sizeof(sent));
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		frame_reply(&f, 77); // odd
		const uint8_t *ip = fx.bytes + fx.l3, *was = sent + fx.l3;
		assert_true(frame_fixture_is_right(fx.bytes, f.size_bytes));
		assert_memory_equal(fx.bytes, sent + 6, 6);
		assert_memory_equal(fx.bytes + 6, sent, 6);
		assert_memory_equal(fx.bytes + 12, sent + 12, fx.l3 - 12);
		if (spec.family == 4) {
			static const uint8_t fixed[10] = {
				0x45, 0, 0, 20 + 8 + 77, 0, 0, 0x40, 0, 64, 17};
			assert_memory_equal(ip, fixed, 10);
			assert_memory_equal(ip + 12, was + 16, 4);
			assert_memory_equal(ip + 16, was + 12, 4);
		} else {
			static const uint8_t fixed[8] = {0x60, 0, 0, 0, 0, 8 + 77, 17, 64};
			assert_memory_equal(ip, fixed, 8);
			assert_memory_equal(ip + 8, was + 24, 16);
			assert_memory_equal(ip + 24, was + 8, 16);
		}
		assert_memory_equal(fx.bytes + fx.l4, sent + fx.l4 + 2, 2);
		assert_memory_equal(fx.bytes + fx.l4 + 2, sent + fx.l4, 2);
	}
}

// proto:I2: a port with a VLAN takes its frames alone, on both ways to parse them.
static void with_a_vlan_other_frames_are_dropped(void **state)
{
	static const struct {
		uint16_t vlan, tci;
		enum verdict verdict;
	} cases[] = {
		{0, 0, VERDICT_QUERY},
		{0, 5, VERDICT_QUERY},
		{5, 5, VERDICT_QUERY},
		{5, 0xe005, VERDICT_QUERY}, // a priority
		{5, 6, VERDICT_DROP},
		{5, 0, VERDICT_DROP},
		{5, 0xfff, VERDICT_DROP},
	};
	struct frame_fixture fx;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		struct host tagged = host;
		tagged.vlan = cases[i / 2].vlan;
		host_index(&tagged);
		frame_fixture_udp(&fx,
			&(struct frame_fixture_spec){
				.family = i & 1 ? 6 : 4, .vlan = cases[i / 2].tci});
		struct frame f = frame_fixture_frame(&fx);
		bool is_quick = frame_parse_quick(&tagged, &f);
		assert_int_equal(
			is_quick, cases[i / 2].vlan == 0 && cases[i / 2].tci == 0 && !(i & 1));
		assert_int_equal(frame_parse(&tagged, &f), cases[i / 2].verdict);
		if (cases[i / 2].verdict == VERDICT_DROP)
			assert_int_equal(f.drop, DROP_VLAN);
	}
}

static void a_tag_is_put_and_taken(void **state)
{
	static const uint8_t frame[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0, 0x45, 0};
	static const uint8_t tagged[20] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0x0f, 0xfe, 8, 0, 0x45, 0};
	uint8_t bytes[20] = {0};

	(void)state;
	memcpy(bytes + VLAN_BYTES, frame, sizeof(frame));
	vlan_put(bytes, VLAN_ID_MAX);
	assert_memory_equal(bytes, tagged, sizeof(tagged));
	assert_ptr_equal(vlan_take(bytes), bytes + VLAN_BYTES);
	assert_memory_equal(bytes + VLAN_BYTES, frame, sizeof(frame));
}

// proto:I6: a sum of zero is sent as all ones. Some 16-bit word makes it so.
static void a_checksum_of_zero_is_never_sent(void **state)
{
	struct frame_fixture fx;
	struct frame f;
	unsigned ones = 0;

	(void)state;
	for (unsigned v = 0; v < 65536; v++) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = 6});
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		fx.bytes[fx.l4 + 8] = (uint8_t)(v >> 8);
		fx.bytes[fx.l4 + 9] = (uint8_t)v;
		frame_reply(&f, 20);
		const uint8_t *sum = fx.bytes + fx.l4 + 6;
		assert_false(sum[0] == 0 && sum[1] == 0);
		ones += sum[0] == 0xff && sum[1] == 0xff;
	}
	assert_int_equal(ones, 1);
}

// What a port adds to the field of an unfinished reply gives the whole checksum: the twin in
// software is the other reply.
static void a_port_that_fills_gets_the_pseudo_sum(void **state)
{
	struct frame_fixture fx;
	struct frame f;
	uint8_t whole[FRAME_FIXTURE_BYTES];

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		frame_reply(&f, 33);
		memcpy(whole, fx.bytes, sizeof(whole));
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		f.trust = FRAME_FILL_UDP;
		frame_reply(&f, 33);
		assert_false(frame_fixture_is_right(fx.bytes, f.size_bytes));
		uint32_t sum = 0;
		for (size_t i = fx.l4; i < f.size_bytes; i++)
			sum += (i - fx.l4) & 1 ? fx.bytes[i] : (uint32_t)fx.bytes[i] << 8;
		while (sum > 0xffff)
			sum = (sum & 0xffff) + (sum >> 16);
		fx.bytes[fx.l4 + 6] = (uint8_t)(~sum >> 8);
		fx.bytes[fx.l4 + 7] = (uint8_t)~sum;
		assert_memory_equal(fx.bytes, whole, f.size_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_port_that_fills_gets_the_pseudo_sum, setup),
		cmocka_unit_test_setup(a_query_passes_or_is_dropped_for_its_reason, setup),
		cmocka_unit_test_setup(ip_options_are_dropped, setup),
		cmocka_unit_test_setup(
			a_partial_checksum_passes_only_when_it_is_the_pseudo_sum, setup),
		cmocka_unit_test_setup(a_trusted_port_spares_the_sums, setup),
		cmocka_unit_test_setup(every_cut_of_a_frame_is_dropped, setup),
		cmocka_unit_test_setup(a_reply_goes_back_as_it_came, setup),
		cmocka_unit_test_setup(with_a_vlan_other_frames_are_dropped, setup),
		cmocka_unit_test(a_tag_is_put_and_taken),
		cmocka_unit_test_setup(a_checksum_of_zero_is_never_sent, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
