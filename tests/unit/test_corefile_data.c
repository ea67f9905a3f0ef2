// SPDX-License-Identifier: Apache-2.0
// The Corefiles that clusters come with are accepted, with the blocks they should have; those of
// former versions are refused with every place named.
#include "zones/corefile/cluster.h"
#include "zones/corefile/config.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int parse(const char *name, struct config *c, struct err *e)
{
	const struct config_options o = {.all_errors = true, .skip_file_checks = true};
	const char *data = getenv("B53_TEST_DATA");
	char path[1024];

	assert_non_null(data);
	(void)snprintf(path, sizeof(path), "%s/corefiles/%s", data, name);
	return config_parse_file(path, &o, c, e);
}

static void shipped_corefiles_are_accepted(void **state)
{
	static const struct {
		const char *name;
		size_t servers;
		size_t directives; // of the first block
		uint16_t port; // of the first block
	} cases[] = {
		{"aks/Corefile", 2, 14, 53},
		{"deployment.Corefile", 2, 10, 53},
		{"eks.Corefile", 1, 10, 53},
		{"gardener/Corefile", 1, 12, 8053},
		{"helm-chart.Corefile", 1, 10, 53},
		{"k3s/Corefile", 1, 11, 53},
		{"kops-ipv6.Corefile", 1, 11, 53},
		{"kops.Corefile", 1, 11, 53},
		{"kubeadm-2024.Corefile", 1, 10, 53},
		{"kubeadm.Corefile", 1, 10, 53},
		{"kubespray-nodelocaldns.Corefile", 5, 8, 53},
		{"kubespray.Corefile", 2, 7, 53},
		{"microk8s.Corefile", 1, 11, 53},
		{"nodelocaldns.Corefile", 4, 8, 53},
		{"walkthrough.Corefile", 1, 11, 53},
	};

	(void)state;
	assert_int_equal(setenv("MY_HOST_IP", "198.18.0.1", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config c = {0};
		struct err e = {0};
		char text[512];
		if (parse(cases[i].name, &c, &e) != 0)
			fail_msg("%s", err_print(&e, text, sizeof(text)));
		assert_int_equal(c.n_servers, cases[i].servers);
		assert_int_equal(c.servers[0].keys[0].port, cases[i].port);
		if (c.servers[0].n_directives != cases[i].directives)
			fail_msg("%s: %zu directives", cases[i].name, c.servers[0].n_directives);
		config_free(&c);
	}
}

static void cidr_zones_of_a_deployment_become_reverse_zones(void **state)
{
	struct config c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse("deployment.Corefile", &c, &e), 0);
	const struct config_kubernetes *k = c.servers[0].kubernetes;
	assert_int_equal(k->zones.n, 1 + 16 + 1); // 10.96.0.0/12 stands for 16 zones
	assert_string_equal(k->zones.items[1].text, "96.10.in-addr.arpa.");
	assert_string_equal(k->zones.items[16].text, "111.10.in-addr.arpa.");
	assert_string_equal(k->zones.items[17].text,
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa.");
	config_free(&c);
}

static void imported_files_are_listed_for_reload(void **state)
{
	struct config c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse("aks/Corefile", &c, &e), 0);
	assert_int_equal(c.files.n, 4);
	config_free(&c);
}

static void old_corefiles_are_refused_with_every_place(void **state)
{
	static const struct {
		const char *name;
		unsigned lines[5];
	} cases[] = {
		{"old/proxy.Corefile", {6, 10, 0}},
		{"old/transfer.Corefile", {4, 6, 7, 9, 0}},
		{"old/federation.Corefile", {5, 7, 11, 12, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config c = {0};
		struct err e = {0};
		size_t n = 0;
		assert_int_equal(parse(cases[i].name, &c, &e), -EINVAL);
		for (; cases[i].lines[n] != 0; n++) {
			assert_true(n < c.n_problems);
			assert_int_equal(c.problems[n].pos.line, cases[i].lines[n]);
			assert_int_not_equal(c.problems[n].fix, FIX_NONE);
		}
		assert_int_equal(c.n_problems, n);
		config_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_corefiles_are_accepted),
		cmocka_unit_test(cidr_zones_of_a_deployment_become_reverse_zones),
		cmocka_unit_test(imported_files_are_listed_for_reload),
		cmocka_unit_test(old_corefiles_are_refused_with_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
