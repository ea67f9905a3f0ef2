// SPDX-License-Identifier: Apache-2.0
// A benchmark that cannot go on ends with a sentence.
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, fmt, list);
	(void)fputc('\n', stderr);
	va_end(list);
	exit(1);
}
