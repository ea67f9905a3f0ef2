// SPDX-License-Identifier: Apache-2.0
// Tests of the command line of burst53 run, and of the addresses in it.
#include "cli/run_options.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 40 };

// Parses a line of words; what is said on stderr and stdout is not looked at.
static enum run_parse parse(const char *line, struct run_options *o)
{
	static char text[512];
	char *argv[WORDS_MAX], *save = NULL;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "run %s", line);
	for (char *w = strtok_r(text, " ", &save); w != NULL && argc < WORDS_MAX - 1;
		w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return run_options_parse(argc, argv, o);
}

static void options_become_data(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(
		parse("--conf C --kubeconfig K --context X --port af_packet:eth0 --address "
		      "198.18.0.53/24 --address fd00::53 --gateway 198.18.0.1 --workers 4 "
		      "--idle pause --no-huge --memory 64 --mtu 9000 --vlan 4094",
			&o),
		RUN_PARSED);
	assert_string_equal(o.conf, "C");
	assert_string_equal(o.kubeconfig, "K");
	assert_string_equal(o.context, "X");
	assert_string_equal(o.ifname, "eth0");
	assert_int_equal(o.port_kind, PORT_AF_PACKET);
	assert_int_equal(o.n_addresses, 2);
	assert_int_equal(o.addresses[0].prefix_len, 24);
	assert_int_equal(o.addresses[1].family, 6);
	assert_int_equal(o.addresses[1].prefix_len, 128);
	assert_int_equal(o.n_gateways, 1);
	assert_int_equal(o.workers, 4);
	assert_string_equal(o.idle, "pause");
	assert_int_equal(o.hugepages, HUGE_OFF);
	assert_int_equal(o.memory_mb, 64);
	assert_int_equal(o.mtu, 9000);
	assert_int_equal(o.vlan, 4094);
	assert_string_equal(o.run_dir, "/run/burst53");
}

static void the_arguments_of_coredns_are_accepted(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(
		parse("-conf C -dns.port 1053 -quiet -pidfile P -port none", &o), RUN_PARSED);
	assert_int_equal(o.dns_port, 1053);
	assert_true(o.is_quiet);
	assert_string_equal(o.pidfile, "P");
	assert_int_equal(parse("-conf=C -dns.port=5 --port=none", &o), RUN_PARSED);
	assert_int_equal(o.dns_port, 5);
}

static void ports_are_known_by_their_form(void **state)
{
	static const struct {
		const char *text;
		enum port_kind kind;
		const char *idle;
	} cases[] = {{"none", PORT_NONE, "sleep"}, {"af_packet:eth0", PORT_AF_PACKET, "sleep"},
		{"af_xdp:enp1s0", PORT_AF_XDP, "sleep"}, {"eal:net_ring0", PORT_EAL, "sleep"},
		{"0000:01:00.0", PORT_PCI, "poll"}, {"3b:00.1", PORT_PCI, "poll"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run_options o;
		char line[128];
		(void)snprintf(
			line, sizeof(line), "--conf C --address 10.0.0.1 --port %s", cases[i].text);
		assert_int_equal(parse(line, &o), RUN_PARSED);
		assert_int_equal(o.port_kind, cases[i].kind);
		assert_string_equal(o.idle, cases[i].idle);
	}
}

static void wrong_command_lines_are_refused(void **state)
{
	static const char *const cases[] = {"", "--conf C", "--port none", "--conf C --port eth0",
		"--conf C --port af_packet:", "--conf C --port eal: --address 10.0.0.1",
		"--conf C --port af_packet:a/b --address 10.0.0.1",
		"--conf C --port af_packet:sixteen-chars-xx --address 10.0.0.1",
		"--conf C --port af_packet:eth0", "--conf C --port none --address 10.0.0.256",
		"--conf C --port none --address 10.0.0.1/33",
		"--conf C --port none --address ::1/129",
		"--conf C --port none --address 10.0.0.1/",
		"--conf C --port none --address 224.0.0.1",
		"--conf C --port none --address 0.0.0.0", "--conf C --port none --address ff02::1",
		"--conf C --port none --address 255.255.255.255",
		"--conf C --port none --address 10.0.0.1 --address 10.0.0.1/24",
		"--conf C --port af_packet:eth0 --address 127.0.0.1",
		"--conf C --port none --port none", "--conf C --port none --workers 0",
		"--conf C --port none --workers 33", "--conf C --port none --workers -1",
		"--conf C --port none --workers 2x", "--conf C --port none --idle fast",
		"--conf C --port none --dns.port 0", "--conf C --port none --dns.port 65536",
		"--conf C --port none extra", "--conf C --port none --kubeconfig K --dump D",
		"--conf C --port none --context X",
		"--conf C --port none --gateway 10.0.0.1 --gateway 10.0.0.2",
		"--conf C --port none --unknown", "--conf C --port none --memory"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run_options o;
		if (parse(cases[i], &o) != RUN_WRONG)
			fail_msg("accepted: %s", cases[i]);
	}
}

static void help_is_no_error(void **state)
{
	struct run_options o;

	(void)state;
	assert_int_equal(parse("--port nonsense --help", &o), RUN_WRONG);
	assert_int_equal(parse("--help", &o), RUN_HELP);
}

static void an_address_knows_its_network(void **state)
{
	static const struct {
		const char *net, *address;
		bool is_in;
	} cases[] = {{"10.1.2.3/24", "10.1.2.9", true}, {"10.1.2.3/24", "10.1.3.9", false},
		{"10.1.2.3/23", "10.1.3.9", true}, {"10.1.2.3/0", "9.9.9.9", true},
		{"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "10.1.2.2", false},
		{"fd00::1/64", "fd00::ffff", true}, {"fd00::1/63", "fd00:0:0:1::1", true},
		{"fd00::1/64", "fd00:0:0:1::1", false}, {"fd00::1/0", "10.0.0.1", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address net, a;
		assert_int_equal(address_parse(cases[i].net, &net, NULL), 0);
		assert_int_equal(address_parse(cases[i].address, &a, NULL), 0);
		assert_int_equal(address_is_on_link(&net, &a), cases[i].is_in);
	}
}

static void addresses_print_in_one_form(void **state)
{
	struct address a, b;

	(void)state;
	assert_int_equal(address_parse("FD00:0:0::0053/64", &a, NULL), 0);
	assert_string_equal(a.text, "fd00::53");
	assert_int_equal(address_parse("fd00::53", &b, NULL), 0);
	assert_true(address_is_equal(&a, &b));
	assert_int_equal(address_parse("127.9.9.9", &a, NULL), 0);
	assert_true(address_is_loopback(&a));
	assert_false(address_is_loopback(&b));
}

static int kept_stderr;

// Thirty complaints would hide what the tests say.
static int silence(void **state)
{
	(void)state;
	kept_stderr = dup(STDERR_FILENO);
	return freopen("/dev/null", "w", stderr) == NULL;
}

static int speak(void **state)
{
	(void)state;
	return dup2(kept_stderr, STDERR_FILENO) < 0 || close(kept_stderr) != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_become_data),
		cmocka_unit_test(the_arguments_of_coredns_are_accepted),
		cmocka_unit_test(ports_are_known_by_their_form),
		cmocka_unit_test_setup_teardown(wrong_command_lines_are_refused, silence, speak),
		cmocka_unit_test(help_is_no_error),
		cmocka_unit_test(an_address_knows_its_network),
		cmocka_unit_test(addresses_print_in_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
