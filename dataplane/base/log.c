// SPDX-License-Identifier: Apache-2.0
// A line is made in one buffer, so that lines of several threads do not mix.
#include "dataplane/base/log.h"

#include "zones/base/log_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static const char *const words[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info"};

void log_line(
	enum log_level level, const char *module, const char *message, const char *fields, ...)
{
	char line[LINE_BYTES];
	va_list args;
	int n = snprintf(line, sizeof(line) - 1, "%s %s %s ", words[level], module, message);

	va_start(args, fields);
	if (n > 0 && n < LINE_BYTES - 1) {
		int more = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fields, args);
		n = more < 0 ? n : n + more;
	}
	va_end(args);
	if (n > LINE_BYTES - 2)
		n = LINE_BYTES - 2;
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n++] = '\n';
	log_out(STDERR_FILENO, line, (size_t)n);
}
