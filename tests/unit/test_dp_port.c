// SPDX-License-Identifier: Apache-2.0
// What --port means, which frames fit, what a device does for us, and what the XDP program is told.
#include "dataplane/port/eal.h"
#include "dataplane/port/offload.h"
#include "dataplane/port/spec.h"
#include "dataplane/port/xdp.h"

#include <rte_ethdev.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct spec_case {
	const char *text;
	int kind; // enum port_kind, -1: refused
	const char *rest; // interface or device
};

static const struct spec_case specs[] = {
	{"af_packet:eth0", PORT_AF_PACKET, "eth0"},
	{"af_xdp:eth0.5", PORT_AF_XDP, "eth0.5"},
	{"af_packet:", -1, NULL},
	{"af_packet:a-name-of-more-than-15", -1, NULL},
	{"af_packet:eth0,qpairs=9", -1, NULL},
	{"af_xdp:../x", -1, NULL},
	{"0000:01:00.0", PORT_PCI, "0000:01:00.0"},
	{"01:00.1", PORT_PCI, "01:00.1"},
	{"01:00.1,representor=0", PORT_PCI, "01:00.1,representor=0"},
	{"01:00.1x", -1, NULL},
	{"eal:net_ring0", PORT_EAL, "net_ring0"},
	{"eal:crypto_null0", -1, NULL},
	{"eth0", -1, NULL},
	{"", -1, NULL},
};

static void a_port_is_what_its_text_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct port_spec s;
		struct err err = {0};
		int rc = port_spec_parse(specs[i].text, &s, &err);
		if ((rc == 0) != (specs[i].kind >= 0))
			fail_msg("\"%s\": %d", specs[i].text, rc);
		if (rc != 0) {
			assert_true(err.text[0] != 0);
			continue;
		}
		assert_int_equal(s.kind, specs[i].kind);
		assert_string_equal(
			port_spec_has_interface(&s) ? s.ifname : s.device, specs[i].rest);
	}
}

static void rings_take_the_frames_of_any_mtu(void **state)
{
	(void)state;
	assert_int_equal(eal_ring_frame_bytes(1518), 2048);
	for (unsigned bytes = 64; bytes < 9300; bytes++) {
		unsigned frame = eal_ring_frame_bytes(bytes);
		assert_true(frame >= bytes + 66); // header and link address of TPACKET_V2
		assert_int_equal(frame & (frame - 1), 0); // so that blocks hold whole frames
	}
}

static void the_xdp_object_carries_the_addresses(void **state)
{
	struct xdp_filter f = {.n_addresses = 1, .n_ports = 1, .ports = {0x3500}};
	struct err err = {0};
	struct stat st;

	(void)state;
	f.addresses[0] = (struct xdp_address){.bytes = {198, 18, 0, 53}, .family = 4};
	int fd = xdp_object_make(&f, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	const char *object = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(object != MAP_FAILED);
	assert_memory_equal(object, "\177ELF", 4);
	const char *place = memmem(object, (size_t)st.st_size, XDP_MAGIC, XDP_MAGIC_BYTES);
	assert_non_null(place);
	memcpy(f.magic, XDP_MAGIC, XDP_MAGIC_BYTES);
	assert_memory_equal(place, &f, sizeof(f));
	(void)close(fd);
}

struct offload_case {
	const char *driver;
	unsigned queues;
	enum offload_use use;
	const char *text; // of the log
};

static const struct offload_case offloads[] = {
	{"net_e1000_em", 1, OFFLOAD_KNOWN, "rx_checksums=ip4,udp tx_checksums=udp hash=none"},
	{"net_ixgbe_vf", 2, OFFLOAD_KNOWN, "rx_checksums=ip4,udp tx_checksums=udp hash=udp4,udp6"},
	{"net_ixgbe_vf", 2, OFFLOAD_NONE,
		"rx_checksums=software tx_checksums=software hash=udp4,udp6"},
	{"net_ena", 1, OFFLOAD_KNOWN, "rx_checksums=ip4,udp tx_checksums=software hash=none"},
	{"net_virtio", 2, OFFLOAD_KNOWN,
		"rx_checksums=software tx_checksums=software hash=udp4,udp6"},
};

static void only_known_drivers_get_checksums(void **state)
{
	const uint64_t sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	char text[OFFLOAD_TEXT_BYTES];
	struct offload o;

	(void)state;
	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		const struct offload_case *c = &offloads[i];
		struct rte_eth_dev_info info = {.driver_name = c->driver,
			.rx_offload_capa = sums,
			.tx_offload_capa =
				RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
			.flow_type_rss_offloads =
				RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP};
		offload_choose(&info, c->queues, c->use, &o);
		offload_print(&o, text);
		assert_string_equal(text, c->text);
		info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM; // half of it is no help
		offload_choose(&info, c->queues, c->use, &o);
		assert_int_equal(o.rx, 0);
	}
	assert_int_equal(unsetenv("BURST53_OFFLOADS"), 0);
	assert_int_equal(offload_use(), OFFLOAD_KNOWN);
	assert_int_equal(setenv("BURST53_OFFLOADS", "off", 1), 0);
	assert_int_equal(offload_use(), OFFLOAD_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_is_what_its_text_says),
		cmocka_unit_test(rings_take_the_frames_of_any_mtu),
		cmocka_unit_test(only_known_drivers_get_checksums),
		cmocka_unit_test(the_xdp_object_carries_the_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
