// SPDX-License-Identifier: Apache-2.0
// What --port means, which frames fit, and what the XDP program is told.
#include "dataplane/port/eal.h"
#include "dataplane/port/spec.h"
#include "dataplane/port/xdp.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_is_what_its_text_says),
		cmocka_unit_test(rings_take_the_frames_of_any_mtu),
		cmocka_unit_test(the_xdp_object_carries_the_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
