// SPDX-License-Identifier: Apache-2.0
// One write per line, so that lines of several processes on one terminal do not mix.
#include "cli/say.h"

#include "zones/base/log_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

// Control characters of names that came from outside must not reach a terminal.
static void clean(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
}

__attribute__((format(printf, 2, 0))) static void say(
	const char *level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int len = snprintf(line, sizeof(line), "%s supervisor ", level);
	int n = vsnprintf(line + len, sizeof(line) - (size_t)len, fmt, ap);

	len = n < 0 || len + n > LINE_MAX_BYTES - 2 ? LINE_MAX_BYTES - 2 : len + n;
	clean(line, (size_t)len);
	line[len++] = '\n';
	log_out(STDERR_FILENO, line, (size_t)len);
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error", fmt, ap);
	va_end(ap);
}

void say_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warn", fmt, ap);
	va_end(ap);
}

void say_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("info", fmt, ap);
	va_end(ap);
}
