// SPDX-License-Identifier: Apache-2.0
// Rules of the packet layer for everything that is no query (proto 1.10): ARP, neighbour discovery,
// echo, shared addresses, and what the kernel side gets.
#include "tests/unit/frame_fixture.h"

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

// proto:I14.
static void echo_is_answered_with_the_same_bytes(void **state)
{
	static const size_t sizes[] = {0, 1, 56, 1400};
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		uint8_t family = i & 1 ? 6 : 4;
		frame_fixture_echo(&fx, family, sizes[i / 2]);
		struct frame_fixture sent = fx;
		assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
		assert_true(frame_answer(&host, &f));
		assert_int_equal(f.size_bytes, sent.size_bytes);
		assert_true(frame_fixture_is_right(fx.bytes, f.size_bytes));
		assert_int_equal(fx.bytes[fx.l4], family == 4 ? 0 : 129);
		assert_memory_equal(fx.bytes + fx.l4 + 4, sent.bytes + fx.l4 + 4, sizes[i / 2] + 4);
	}
}

static const struct frame_change echo_changes[] = {
	{"wrong checksum", 4, AT_L4, 2, 1, {0xee}, KEEP, 0, DROP_ICMP_BAD},
	{"wrong checksum", 6, AT_L4, 2, 1, {0xee}, KEEP, 0, DROP_ICMP_BAD},
	{"code 1", 4, AT_L4, 1, 1, {1}, RESUM, 0, DROP_ICMP_BAD},
	{"code 1", 6, AT_L4, 1, 1, {1}, RESUM, 0, DROP_ICMP_BAD},
	{"an echo reply", 4, AT_L4, 0, 1, {0}, RESUM, 0, DROP_ICMP_OTHER},
	{"an echo reply", 6, AT_L4, 0, 1, {129}, RESUM, 0, DROP_ICMP_OTHER},
	{"proto:I11 too big", 6, AT_L4, 0, 1, {2}, RESUM, 0, DROP_ICMP_OTHER},
	{"unreachable", 4, AT_L4, 0, 1, {3}, RESUM, 0, DROP_ICMP_OTHER},
	{"a fragment", 4, AT_IP, 6, 1, {0x20}, RESUM, 0, DROP_IP4_FRAGMENT},
	{"source ::", 6, AT_IP, 8, 16, {0}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source ::1", 6, AT_IP, 8, 16, {[15] = 1}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 mapped source", 6, AT_IP, 8, 16, {[10] = 0xff, 0xff, 198, 18, 0, 10}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I7 source of a group", 6, AT_IP, 8, 1, {0xff}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 source 127.0.0.1", 4, AT_IP, 12, 4, {127, 0, 0, 1}, RESUM, 0, DROP_IP_SOURCE},
	{"own source", 6, AT_IP, 23, 1, {0x53}, RESUM, 0, DROP_IP_SOURCE},
	{"own source", 4, AT_IP, 15, 1, {53}, RESUM, 0, DROP_IP_SOURCE},
	{"shorter than its header", 4, AT_IP, 2, 2, {0, 27}, RESUM, 0, DROP_ICMP_BAD},
	{"shorter than its header", 6, AT_IP, 4, 2, {0, 7}, KEEP, 0, DROP_ICMP_BAD},
};

static void other_icmp_is_dropped(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(echo_changes) / sizeof(echo_changes[0]); i++) {
		const struct frame_change *c = &echo_changes[i];
		frame_fixture_echo(&fx, c->family, 16);
		frame_fixture_change(&fx, c);
		enum verdict v = judge(&fx, &f);
		if (v != VERDICT_DROP || f.drop != c->drop)
			fail_msg("%s (IPv%u): verdict %d, reason %u", c->what, c->family, (int)v,
				f.drop);
	}
}

// proto:I12.
static void arp_requests_for_us_are_answered(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	frame_fixture_arp(&fx);
	struct frame_fixture sent = fx;
	assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
	assert_true(frame_answer(&host, &f));
	assert_int_equal(f.size_bytes, 42);
	assert_memory_equal(fx.bytes, sent.bytes + 6, 6);
	assert_memory_equal(fx.bytes + 6, host.mac, 6);
	assert_int_equal(fx.bytes[14 + 7], 2);
	assert_memory_equal(fx.bytes + 14 + 8, host.mac, 6);
	assert_memory_equal(fx.bytes + 14 + 14, sent.bytes + 14 + 24, 4);
	assert_memory_equal(fx.bytes + 14 + 18, sent.bytes + 14 + 8, 10);
	// RFC 5227: a probe has no sender address and is answered too.
	fx = sent;
	memset(fx.bytes + 14 + 14, 0, 4);
	assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
}

static const struct frame_change arp_changes[] = {
	{"for another", 0, AT_IP, 27, 1, {54}, KEEP, 0, DROP_ARP_OTHER},
	{"a reply", 0, AT_IP, 7, 1, {2}, KEEP, 0, DROP_ARP_OTHER},
	{"no Ethernet", 0, AT_IP, 1, 1, {6}, KEEP, 0, DROP_ARP_BAD},
	{"no IPv4", 0, AT_IP, 2, 1, {0x86}, KEEP, 0, DROP_ARP_BAD},
	{"long MACs", 0, AT_IP, 4, 1, {8}, KEEP, 0, DROP_ARP_BAD},
	{"long addresses", 0, AT_IP, 5, 1, {16}, KEEP, 0, DROP_ARP_BAD},
	{"multicast sender", 0, AT_IP, 8, 1, {3}, KEEP, 0, DROP_ARP_BAD},
	{"cut", 0, AT_IP, 0, 0, {0}, KEEP, 19, DROP_ARP_BAD},
	{"proto:I7 from 127.0.0.1", 0, AT_IP, 14, 4, {127, 0, 0, 1}, KEEP, 0, DROP_ARP_BAD},
	{"proto:I7 from a group", 0, AT_IP, 14, 4, {224, 0, 0, 1}, KEEP, 0, DROP_ARP_BAD},
	{"proto:I7 from all", 0, AT_IP, 14, 4, {255, 255, 255, 255}, KEEP, 0, DROP_ARP_BAD},
	{"proto:I7 from the network's broadcast", 0, AT_IP, 17, 1, {255}, KEEP, 0, DROP_ARP_BAD},
	{"another has our address", 0, AT_IP, 17, 1, {53}, KEEP, 0, DROP_ADDRESS_CONFLICT},
};

static void other_arp_is_dropped(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(arp_changes) / sizeof(arp_changes[0]); i++) {
		frame_fixture_arp(&fx);
		frame_fixture_change(&fx, &arp_changes[i]);
		enum verdict v = judge(&fx, &f);
		if (v != VERDICT_DROP || f.drop != arp_changes[i].drop)
			fail_msg("%s: verdict %d, reason %u", arp_changes[i].what, (int)v, f.drop);
	}
}

// proto:I13, RFC 4861 7.2.4.
static void solicitations_for_us_are_answered(void **state)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (int is_probe = 0; is_probe < 2; is_probe++) {
		frame_fixture_solicit(&fx, is_probe != 0);
		struct frame_fixture sent = fx;
		assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
		assert_true(frame_answer(&host, &f));
		assert_int_equal(f.size_bytes, 14 + 40 + 32);
		assert_true(frame_fixture_is_right(fx.bytes, f.size_bytes));
		assert_memory_equal(fx.bytes, is_probe ? all_nodes_mac : sent.bytes + 6, 6);
		assert_memory_equal(fx.bytes + 6, host.mac, 6);
		const uint8_t *ip = fx.bytes + fx.l3, *nd = fx.bytes + fx.l4;
		assert_int_equal(ip[7], 255);
		assert_memory_equal(ip + 8, host.addresses[1].bytes, 16);
		if (is_probe)
			assert_true(ip[24] == 0xff && ip[25] == 2 && ip[39] == 1);
		else
			assert_memory_equal(ip + 24, sent.bytes + fx.l3 + 8, 16);
		assert_int_equal(nd[0], 136);
		assert_int_equal(nd[4], is_probe ? 0x20 : 0x60);
		assert_memory_equal(nd + 8, host.addresses[1].bytes, 16);
		assert_true(nd[24] == 2 && nd[25] == 1);
		assert_memory_equal(nd + 26, host.mac, 6);
	}
}

static void an_advertisement_that_does_not_fit_is_not_written(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	frame_fixture_solicit(&fx, true);
	f = frame_fixture_frame(&fx);
	f.room_bytes = f.size_bytes;
	assert_int_equal(frame_parse(&host, &f), VERDICT_ANSWER);
	assert_false(frame_answer(&host, &f)); // proto:I16
}

static const struct frame_change solicit_changes[] = {
	{"hop limit 254", 6, AT_IP, 7, 1, {254}, KEEP, 0, DROP_ND_BAD},
	{"code 1", 6, AT_L4, 1, 1, {1}, RESUM, 0, DROP_ND_BAD},
	{"wrong checksum", 6, AT_L4, 2, 1, {0xee}, KEEP, 0, DROP_ICMP_BAD},
	{"multicast target", 6, AT_L4, 8, 1, {0xff}, RESUM, 0, DROP_ND_BAD},
	{"another target", 6, AT_L4, 23, 1, {0x54}, RESUM, 0, DROP_ND_OTHER},
	{"option of size 0", 6, AT_L4, 25, 1, {0}, RESUM, 0, DROP_ND_BAD},
	{"option longer than the packet", 6, AT_L4, 25, 1, {2}, RESUM, 0, DROP_ND_BAD},
	{"source MAC without source", 6, AT_IP, 8, 16, {0}, RESUM, 0, DROP_ND_BAD},
	{"own source", 6, AT_IP, 23, 1, {0x53}, RESUM, 0, DROP_ADDRESS_CONFLICT},
	{"proto:I7 source ::1", 6, AT_IP, 8, 16, {[15] = 1}, RESUM, 0, DROP_IP_SOURCE},
	{"proto:I7 mapped source", 6, AT_IP, 8, 16, {[10] = 0xff, 0xff, 198, 18, 0, 10}, RESUM, 0,
		DROP_IP_SOURCE},
	{"proto:I7 source of a group", 6, AT_IP, 8, 1, {0xff}, RESUM, 0, DROP_IP_SOURCE},
	{"to all nodes", 6, AT_IP, 35, 2, {0, 0}, RESUM, 0, DROP_ND_OTHER},
	{"shorter than its fields", 6, AT_IP, 4, 2, {0, 20}, RESUM, 0, DROP_ND_BAD},
	{"in a fragment (RFC 6980)", 6, AT_IP, 6, 1, {44}, KEEP, 0, DROP_IP_DESTINATION},
	{"an advertisement of our address", 6, AT_L4, 0, 1, {136}, RESUM, 0, DROP_ADDRESS_CONFLICT},
	{"a router advertisement", 6, AT_L4, 0, 1, {134}, RESUM, 0, DROP_ND_OTHER},
};

static void other_neighbour_discovery_is_dropped(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(solicit_changes) / sizeof(solicit_changes[0]); i++) {
		frame_fixture_solicit(&fx, false);
		frame_fixture_change(&fx, &solicit_changes[i]);
		enum verdict v = judge(&fx, &f);
		if (v != VERDICT_DROP || f.drop != solicit_changes[i].drop)
			fail_msg("%s: verdict %d, reason %s", solicit_changes[i].what, (int)v,
				drop_reason_text((enum drop_reason)f.drop));
	}
}

static void a_shared_address_leaves_all_but_udp_to_the_kernel(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	host.addresses[0].is_shared = true;
	host.addresses[1].is_shared = true;
	for (uint8_t family = 4; family <= 6; family += 2) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		frame_fixture_echo(&fx, family, 8);
		assert_int_equal(judge(&fx, &f), VERDICT_DROP);
		assert_int_equal(f.drop, DROP_KERNEL);
	}
	frame_fixture_arp(&fx);
	assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	assert_int_equal(f.drop, DROP_KERNEL);
	frame_fixture_solicit(&fx, false);
	assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	assert_int_equal(f.drop, DROP_KERNEL);
}

// DESIGN 4: TCP, errors, ARP replies, advertisements; never what workers answer or drop.
static void the_kernel_side_gets_what_workers_do_not_answer(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	host.has_exception = true;
	for (uint8_t family = 4; family <= 6; family += 2) {
		frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = family});
		assert_int_equal(judge(&fx, &f), VERDICT_QUERY);
		fx.bytes[fx.l3 + (family == 4 ? 9 : 6)] = 6;
		assert_int_equal(judge(&fx, &f), VERDICT_EXCEPTION);
		frame_fixture_echo(&fx, family, 8);
		assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
		fx.bytes[fx.l4] = family == 4 ? 3 : 1;
		frame_fixture_sum(&fx);
		assert_int_equal(judge(&fx, &f), VERDICT_EXCEPTION);
	}
	frame_fixture_arp(&fx);
	assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
	fx.bytes[14 + 7] = 2;
	memcpy(fx.bytes, host.mac, 6);
	assert_int_equal(judge(&fx, &f), VERDICT_EXCEPTION);
	frame_fixture_solicit(&fx, false);
	assert_int_equal(judge(&fx, &f), VERDICT_ANSWER);
	fx.bytes[fx.l4] = 134;
	frame_fixture_sum(&fx);
	assert_int_equal(judge(&fx, &f), VERDICT_EXCEPTION);
	memcpy(fx.bytes + fx.l3 + 24, (const uint8_t[16]){0xff, 2, [15] = 1}, 16);
	fx.bytes[fx.l3 + 6] = 0;
	memcpy(fx.bytes + fx.l4, (const uint8_t[9]){58, 0, 5, 2, 0, 0, 1, 0, 130}, 9);
	assert_int_equal(judge(&fx, &f), VERDICT_EXCEPTION); // a multicast listener query
	fx.bytes[fx.l4 + 2] = 0x85; // an option to complain about
	assert_int_equal(judge(&fx, &f), VERDICT_DROP);
	frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = 4});
	fx.bytes[fx.l3 + 6] = 0x20;
	frame_fixture_sum(&fx);
	assert_int_equal(judge(&fx, &f), VERDICT_DROP); // fragments of DNS are nobody's
}

static const struct frame_change strange[] = {
	{"IGMP", 4, AT_IP, 9, 1, {2}, RESUM, 0, DROP_IP_PROTOCOL},
	{"IP in IP", 4, AT_IP, 9, 1, {4}, RESUM, 0, DROP_IP_PROTOCOL},
	{"IPv6 in IP", 4, AT_IP, 9, 1, {41}, RESUM, 0, DROP_IP_PROTOCOL},
	{"GRE", 4, AT_IP, 9, 1, {47}, RESUM, 0, DROP_IP_PROTOCOL},
	{"SCTP", 4, AT_IP, 9, 1, {132}, RESUM, 0, DROP_IP_PROTOCOL},
	{"UDP-Lite", 4, AT_IP, 9, 1, {136}, RESUM, 0, DROP_IP_PROTOCOL},
	{"a reserved protocol", 4, AT_IP, 9, 1, {255}, RESUM, 0, DROP_IP_PROTOCOL},
	{"IP in IPv6", 6, AT_IP, 6, 1, {4}, KEEP, 0, DROP_IP_PROTOCOL},
	{"GRE", 6, AT_IP, 6, 1, {47}, KEEP, 0, DROP_IP_PROTOCOL},
	{"SCTP", 6, AT_IP, 6, 1, {132}, KEEP, 0, DROP_IP_PROTOCOL},
	{"no next header", 6, AT_IP, 6, 1, {59}, KEEP, 0, DROP_IP_PROTOCOL},
	{"an unknown header", 6, AT_IP, 6, 1, {253}, KEEP, 0, DROP_IP_PROTOCOL},
	{"an option and TCP", 4, AT_IP, 0, 10, {0x46, 0, 0, 61, 0, 0, 0, 0, 64, 6}, KEEP, 0,
		DROP_IP4_OPTIONS},
	{"TCP from ourselves", 4, AT_IP, 9, 7, {6, 0, 0, 198, 18, 0, 53}, KEEP, 0, DROP_IP_SOURCE},
	{"TCP from loopback", 4, AT_IP, 9, 7, {6, 0, 0, 127, 0, 0, 1}, KEEP, 0, DROP_IP_SOURCE},
	{"TCP from ::1", 6, AT_IP, 6, 16, {6, 64}, KEEP, 0, DROP_IP_SOURCE},
};

static const struct frame_change strange_icmp[] = {
	{"an echo reply", 4, AT_L4, 0, 1, {0}, RESUM, 0, DROP_ICMP_OTHER},
	{"a redirect", 4, AT_L4, 0, 1, {5}, RESUM, 0, DROP_ICMP_OTHER},
	{"a router's advertisement", 4, AT_L4, 0, 1, {9}, RESUM, 0, DROP_ICMP_OTHER},
	{"what time it is", 4, AT_L4, 0, 1, {13}, RESUM, 0, DROP_ICMP_OTHER},
	{"what the netmask is", 4, AT_L4, 0, 1, {17}, RESUM, 0, DROP_ICMP_OTHER},
	{"an echo reply", 6, AT_L4, 0, 1, {129}, RESUM, 0, DROP_ICMP_OTHER},
	{"a redirect", 6, AT_L4, 0, 1, {137}, RESUM, 0, DROP_ICMP_OTHER},
	{"what our name is", 6, AT_L4, 0, 1, {139}, RESUM, 0, DROP_ICMP_OTHER},
};

// Neither workers nor the kernel side answer what is not DNS, echo, ARP or ND.
static void what_is_strange_is_nobodys(void **state)
{
	struct frame_fixture fx;
	struct frame f;

	(void)state;
	host.has_exception = true;
	for (size_t i = 0; i < ARRAY_LEN(strange) + ARRAY_LEN(strange_icmp); i++) {
		bool is_icmp = i >= ARRAY_LEN(strange);
		const struct frame_change *c =
			is_icmp ? &strange_icmp[i - ARRAY_LEN(strange)] : &strange[i];
		if (is_icmp)
			frame_fixture_echo(&fx, c->family, 8);
		else
			frame_fixture_udp(&fx, &(struct frame_fixture_spec){.family = c->family});
		frame_fixture_change(&fx, c);
		enum verdict v = judge(&fx, &f);
		if (v != VERDICT_DROP || f.drop != c->drop)
			fail_msg("%s: verdict %d, reason %s", c->what, (int)v,
				drop_reason_text((enum drop_reason)f.drop));
	}
}

// proto:I12, I13.
static void addresses_are_announced(void **state)
{
	uint8_t out[ANNOUNCE_BYTES];

	(void)state;
	assert_int_equal(frame_announce(&host, 0, out), 42);
	assert_int_equal(out[0], 0xff);
	assert_memory_equal(out + 14 + 14, host.addresses[0].bytes, 4);
	assert_memory_equal(out + 14 + 24, host.addresses[0].bytes, 4);
	assert_int_equal(frame_announce(&host, 1, out), 86);
	assert_true(frame_fixture_is_right(out, 86));
	assert_int_equal(out[14 + 40], 136);
	assert_int_equal(out[14 + 40 + 4], 0x20);
	struct host tagged = host;
	tagged.vlan = 5;
	assert_int_equal(frame_announce(&tagged, 0, out), 46);
	assert_memory_equal(out + 12, "\x81\x00\x00\x05\x08\x06", 6);
	assert_memory_equal(out + 18 + 14, host.addresses[0].bytes, 4);
	assert_int_equal(frame_announce(&tagged, 1, out), ANNOUNCE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(echo_is_answered_with_the_same_bytes, setup),
		cmocka_unit_test_setup(other_icmp_is_dropped, setup),
		cmocka_unit_test_setup(arp_requests_for_us_are_answered, setup),
		cmocka_unit_test_setup(other_arp_is_dropped, setup),
		cmocka_unit_test_setup(solicitations_for_us_are_answered, setup),
		cmocka_unit_test_setup(an_advertisement_that_does_not_fit_is_not_written, setup),
		cmocka_unit_test_setup(other_neighbour_discovery_is_dropped, setup),
		cmocka_unit_test_setup(a_shared_address_leaves_all_but_udp_to_the_kernel, setup),
		cmocka_unit_test_setup(the_kernel_side_gets_what_workers_do_not_answer, setup),
		cmocka_unit_test_setup(what_is_strange_is_nobodys, setup),
		cmocka_unit_test_setup(addresses_are_announced, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
