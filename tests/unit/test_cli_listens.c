// SPDX-License-Identifier: Apache-2.0
// Tests of which sockets a Corefile means: exactly those it binds, on every port it names.
#include "cli/listens.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct listens listens, sockets;

static int take(const char *corefile, struct err *err)
{
	const struct config_options how = {.skip_file_checks = true};
	struct config c = {0};

	if (config_parse_text("Corefile", corefile, &how, &c, err) != 0)
		fail_msg("%s", err->text);
	int rc = listens_take(&c, &listens, err);
	config_free(&c);
	return rc;
}

// "ADDRESS:PORT ADDRESS:PORT ..."
static const char *print(const struct listens *l)
{
	static char text[1024];
	size_t pos = 0;

	text[0] = 0;
	for (size_t i = 0; i < l->n; i++)
		pos += (size_t)snprintf(text + pos, sizeof(text) - pos, "%s%s:%u",
			i == 0 ? "" : " ", l->list[i].address.text, l->list[i].port);
	return text;
}

#define WHOAMI " {\n whoami\n}\n"
#define BIND(what) " {\n bind " what "\n whoami\n}\n"

static size_t parse_all(const char *text, struct address out[4])
{
	char copy[128], *save = NULL;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		assert_int_equal(address_parse(w, &out[n++], NULL), 0);
	return n;
}

static void kernel_mode_binds_what_the_corefile_binds(void **state)
{
	static const struct {
		const char *corefile, *addresses, *want;
	} cases[] = {
		{"." WHOAMI, "", "0.0.0.0:53 :::53"},
		{"." WHOAMI, "127.0.0.2 fd00::2", "127.0.0.2:53 fd00::2:53"},
		{"." BIND("127.0.0.1"), "", "127.0.0.1:53"},
		{"." BIND("127.0.0.1 ::1"), "", "127.0.0.1:53 ::1:53"},
		{"." BIND("127.0.0.1"), "127.0.0.2", "127.0.0.1:53"},
		{"." BIND("lo"), "", "127.0.0.1:53 ::1:53"},
		{"." BIND("lo {\n  except ::1\n }"), "", "127.0.0.1:53"},
		{"." BIND("lo 192.0.2.1 {\n  except lo\n }"), "", "192.0.2.1:53"},
		{"." BIND("192.0.2.1 192.0.2.2 {\n  except 192.0.2.2\n }"), "", "192.0.2.1:53"},
		{"a." BIND("lo") "b." BIND("lo {\n  except 127.0.0.1\n }"), "",
			"127.0.0.1:53 ::1:53"},
		{".:53 a.:5353 b.:53" BIND("127.0.0.1"), "", "127.0.0.1:53 127.0.0.1:5353"},
		{"." BIND("169.254.20.10") "a." BIND("169.254.20.10 10.96.0.10"), "",
			"169.254.20.10:53 10.96.0.10:53"},
		{"." WHOAMI "a." BIND("127.0.0.1") "b.:54" BIND("127.0.0.1"), "",
			"0.0.0.0:53 :::53 127.0.0.1:54"},
		{"." WHOAMI "a." BIND("127.0.0.1"), "127.0.0.2", "127.0.0.2:53 127.0.0.1:53"},
		{"." BIND("0.0.0.0"), "", "0.0.0.0:53 :::53"},
		{"." BIND("::"), "", "0.0.0.0:53 :::53"},
		{"." BIND("::"), "127.0.0.2 fd00::2", "127.0.0.2:53 fd00::2:53"},
		{"." BIND("0.0.0.0") "a." BIND("127.0.0.1 ::1"), "", "0.0.0.0:53 :::53"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address addresses[4];
		struct err err = {0};
		size_t n = parse_all(cases[i].addresses, addresses);
		assert_int_equal(take(cases[i].corefile, &err), 0);
		assert_int_equal(listens_kernel(&listens, addresses, n, &sockets, &err), 0);
		if (strcmp(print(&sockets), cases[i].want) != 0)
			fail_msg("case %zu: %s", i, print(&sockets));
	}
}

static void other_modes_bind_their_own_addresses_only(void **state)
{
	static const struct {
		const char *corefile, *want;
	} cases[] = {
		{"." WHOAMI, "10.0.0.1:53 fd00::1:53"},
		{".:53 a.:5353" WHOAMI, "10.0.0.1:53 fd00::1:53 10.0.0.1:5353 fd00::1:5353"},
		{"." BIND("10.0.0.1"), "10.0.0.1:53"},
		{"." BIND("127.0.0.1"), ""},
		{"." WHOAMI "a.:54" BIND("fd00::1 fd00::2"), "10.0.0.1:53 fd00::1:53 fd00::1:54"},
	};
	struct address addresses[4];

	(void)state;
	size_t n = parse_all("10.0.0.1 fd00::1", addresses);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		assert_int_equal(take(cases[i].corefile, &err), 0);
		assert_int_equal(listens_of(&listens, addresses, n, &sockets, &err), 0);
		if (strcmp(print(&sockets), cases[i].want) != 0)
			fail_msg("case %zu: %s", i, print(&sockets));
	}
}

static void what_cannot_be_bound_is_an_error_with_its_place(void **state)
{
	struct err missing = {0}, many = {0};
	char corefile[4096] = "";

	(void)state;
	assert_int_equal(take(".\n" BIND("nix0"), &missing), -ENODEV);
	assert_int_equal(missing.line, 3);
	assert_non_null(strstr(missing.text, "nix0"));
	for (int port = 1; port <= 40; port++)
		(void)snprintf(corefile + strlen(corefile), 32, "a%d.:%d ", port, port);
	(void)strcat(corefile, WHOAMI);
	assert_int_equal(take(corefile, &many), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_mode_binds_what_the_corefile_binds),
		cmocka_unit_test(other_modes_bind_their_own_addresses_only),
		cmocka_unit_test(what_cannot_be_bound_is_an_error_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
