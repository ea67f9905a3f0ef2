// SPDX-License-Identifier: Apache-2.0
// Lines on standard error, each written at once so that threads do not mix theirs.
#include "slowpath/base/log.h"

#include "zones/base/log_out.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void log_line(enum log_level level, const char *module, const char *message, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info"};
	char line[1024];
	va_list args;

	int n = snprintf(line, sizeof(line) - 1, "%s %s %s", names[level], module, message);
	if (n > 0 && fmt[0] != 0 && (size_t)n < sizeof(line) - 2) {
		line[n++] = ' ';
		va_start(args, fmt);
		int more = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, args);
		va_end(args);
		n += more > 0 ? more : 0;
	}
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 2;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	log_out(STDERR_FILENO, line, len);
}

bool log_limit_take(struct log_limit *limit, uint64_t interval_ms, uint64_t *held)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t); // cannot fail on Linux
	uint64_t now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	uint64_t next = atomic_load(&limit->next_ms);
	if (now < next ||
		!atomic_compare_exchange_strong(&limit->next_ms, &next, now + interval_ms)) {
		atomic_fetch_add(&limit->held, 1);
		return false;
	}
	*held = atomic_exchange(&limit->held, 0);
	return true;
}
