// SPDX-License-Identifier: Apache-2.0
// Log lines never wait for who reads them, and what was left out is said.
#include "zones/base/log_out.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINES = 4096 }; // more than a pipe holds

static const char line[] = "info test a line that is long enough to fill a pipe after a while\n";

static void what_nobody_reads_is_left_out_and_said(void **state)
{
	static char text[2 * LINES * sizeof(line)];
	char said[128];
	int fds[2];
	size_t n = 0;
	ssize_t more;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (unsigned i = 0; i < LINES; i++)
		log_out(fds[1], line, sizeof(line) - 1); // a write(2) would block for good
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	while ((more = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)more;
	size_t came = n / (sizeof(line) - 1);
	assert_int_equal(n % (sizeof(line) - 1), 0);
	assert_true(came > 0 && came < LINES);

	log_out(fds[1], line, sizeof(line) - 1);
	more = read(fds[0], text, sizeof(text) - 1);
	assert_true(more > 0);
	text[more] = 0;
	(void)snprintf(said, sizeof(said), "left out, nobody read them count=%zu\n", LINES - came);
	assert_non_null(strstr(text, said));
	assert_string_equal(text + more - (sizeof(line) - 1), line);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_reads_is_left_out_and_said)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
