// SPDX-License-Identifier: Apache-2.0
// Tests of where the secrets of DNS cookies come from.
#include "cli/cookies.h"

#include "zones/base/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#define A "000102030405060708090a0b0c0d0e0f"
#define B "F0E0D0C0B0A090807060504030201000"

static char folder[] = "/tmp/burst53-cookies-XXXXXX";
static char own[64], given[64];

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

// Reads the memfd; returns how many bytes are in it.
static size_t take(const char *file, uint8_t out[64])
{
	struct err err = {0};
	int fd = -1;

	if (cookies_open(file, folder, &fd, &err) != 0)
		fail_msg("%s", err.text);
	ssize_t n = pread(fd, out, 64, 0);
	assert_int_equal(pwrite(fd, out, 1, 0), -1); // sealed
	assert_int_equal(close(fd), 0);
	return (size_t)n;
}

static void a_restart_keeps_the_secret(void **state)
{
	uint8_t first[64], second[64];
	struct stat st;

	(void)state;
	(void)unlink(own);
	assert_int_equal(take(NULL, first), 16);
	assert_int_equal(take(NULL, second), 16);
	assert_memory_equal(first, second, 16);
	assert_int_equal(stat(own, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)unlink(own);
	assert_int_equal(take(NULL, second), 16);
	assert_memory_not_equal(first, second, 16);
}

static void an_old_secret_is_followed_and_still_taken(void **state)
{
	uint8_t first[64], second[64], third[64];
	const struct utimbuf long_ago = {.modtime = time(NULL) - COOKIES_ROLL_S - 60};

	(void)state; // RFC 9018 5
	(void)unlink(own);
	assert_int_equal(take(NULL, first), 16);
	assert_int_equal(utime(own, &long_ago), 0);
	assert_int_equal(take(NULL, second), 32);
	assert_memory_equal(second + 16, first, 16);
	assert_memory_not_equal(second, first, 16);
	assert_int_equal(take(NULL, third), 32); // not again at each start
	assert_memory_equal(third, second, 32);
}

static void a_torn_file_of_our_own_is_replaced(void **state)
{
	uint8_t bytes[64];

	(void)state;
	write_text(own, "0123");
	assert_int_equal(take(NULL, bytes), 16);
	assert_int_equal(take(NULL, bytes), 16);
}

static void a_given_file_is_read_in_its_order(void **state)
{
	uint8_t bytes[64];

	(void)state;
	write_text(given, "# of the fleet\n" A "  # makes cookies\n\n" B "\n");
	assert_int_equal(take(given, bytes), 32);
	assert_int_equal(bytes[1], 1);
	assert_int_equal(bytes[16], 0xf0);
	assert_int_equal(bytes[30], 0x10);
}

static void a_wrong_file_says_where_and_why(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *message;
	} cases[] = {{"", 0, "none in it"}, {"x", 1, "32 hexadecimal digits"},
		{A "\n" A "0\n", 2, "32 hexadecimal digits"}, {A "\n" B "\n" A "\n", 3, "third"},
		{"+1" A, 1, "32 hexadecimal digits"}};
	struct err none = {0};
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		write_text(given, cases[i].text);
		assert_int_not_equal(cookies_open(given, folder, &fd, &err), 0);
		if (err.line != cases[i].line || strstr(err.text, cases[i].message) == NULL)
			fail_msg("case %zu: %u: %s", i, err.line, err.text);
	}
	assert_int_equal(cookies_open("/nonexistent/file", folder, &fd, &none), -ENOENT);
	assert_int_equal(fd, -1);
}

// Complaints about the torn file are no result.
static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(own, sizeof(own), "%s/cookies", folder);
	(void)snprintf(given, sizeof(given), "%s/given", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(own);
	(void)unlink(given);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_keeps_the_secret),
		cmocka_unit_test(an_old_secret_is_followed_and_still_taken),
		cmocka_unit_test(a_torn_file_of_our_own_is_replaced),
		cmocka_unit_test(a_given_file_is_read_in_its_order),
		cmocka_unit_test(a_wrong_file_says_where_and_why),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
