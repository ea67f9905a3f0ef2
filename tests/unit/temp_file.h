// SPDX-License-Identifier: Apache-2.0
// A file for one test.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// Makes one with this text; its path is the caller's to unlink.
static inline void temp_file_write(char path[64], const char *text)
{
	(void)snprintf(path, 64, "/tmp/burst53-test-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}
