// SPDX-License-Identifier: Apache-2.0
// Tests of files in resolv.conf format: which servers a text names, and what is no such file.
#include "zones/base/resolv_conf.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void name_servers_are_taken_in_order(void **state)
{
	static const struct {
		const char *text, *servers; // with a blank behind each
	} cases[] = {
		{"", ""},
		{"\n\n", ""},
		{"nameserver", ""},
		{"nameserver \t\n", ""},
		{"nameserver 192.0.2.1", "192.0.2.1 "},
		{"nameserver 192.0.2.1\r\nnameserver\t2001:db8::1  \n", "192.0.2.1 2001:db8::1 "},
		{"  nameserver 192.0.2.1 # why\n", "192.0.2.1 "},
		{"#nameserver 192.0.2.1\n; nameserver 192.0.2.1\n", ""},
		{"search a b\noptions ndots:5\nnameserver fe80::1%eth0\n", "fe80::1%eth0 "},
		{"nameserver example.net\nnameserver 192.0.2\nnameserver 192.0.2.1:53\n", ""},
		{"nameserver x\nnameserver 192.0.2.2\n", "192.0.2.2 "},
		{"nameservers 192.0.2.1\nNAMESERVER 192.0.2.1\n", ""},
		{"nameserver 192.0.2.1%eth0\n", ""},
		{"nameserver fe80::1%abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdef\n",
			""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resolv_conf r;
		char text[256], found[512] = "";
		(void)snprintf(text, sizeof(text), "%s", cases[i].text);
		resolv_conf_parse(text, &r);
		for (unsigned k = 0; k < r.n; k++)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s ",
				r.list[k]);
		if (strcmp(found, cases[i].servers) != 0)
			fail_msg("case %zu: \"%s\"", i, found);
	}
}

static void only_so_many_servers_count(void **state)
{
	struct resolv_conf r;
	char text[2048];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "nameserver 192.0.2.%d\n", i);
	resolv_conf_parse(text, &r);
	assert_int_equal(r.n, RESOLV_CONF_MAX);
	assert_string_equal(r.list[RESOLV_CONF_MAX - 1], "192.0.2.14");
}

// A file with n bytes of comment in front of a line.
static void write_file(const char *path, size_t n, const char *line)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		(void)fputc(i % 80 == 79 || i + 1 == n ? '\n' : '#', f);
	(void)fputs(line, f);
	assert_int_equal(fclose(f), 0);
}

static void what_is_no_such_file_leaves_the_servers_alone(void **state)
{
	static const char line[] = "nameserver 192.0.2.199\n";
	char folder[] = "/tmp/burst53-resolv-XXXXXX";
	char path[64];
	struct resolv_conf r = {.n = 7};

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/f", folder);
	assert_int_equal(resolv_conf_read(path, &r), -ENOENT);
	assert_int_equal(resolv_conf_read(folder, &r), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(resolv_conf_read(path, &r), -EINVAL);
	assert_int_equal(unlink(path), 0);
	write_file(path, 100, "");
	assert_int_equal(resolv_conf_read(path, &r), -ENODATA);
	assert_int_equal(r.n, 7);
	// The bound ends inside the address: half of it would be another one.
	write_file(path, RESOLV_CONF_MAX_BYTES - sizeof(line) + 3, line);
	assert_int_equal(resolv_conf_read(path, &r), -ENODATA);
	write_file(path, 1000, line);
	assert_int_equal(resolv_conf_read(path, &r), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_servers_are_taken_in_order),
		cmocka_unit_test(only_so_many_servers_count),
		cmocka_unit_test(what_is_no_such_file_leaves_the_servers_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
