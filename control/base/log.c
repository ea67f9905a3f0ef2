// SPDX-License-Identifier: Apache-2.0
// Log lines: built in a buffer on the stack, written by one write(2) so that lines never mix.
#include "control/base/log.h"

#include "zones/base/log_out.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static enum log_level max_level = LOG_LEVEL_INFO;

// A line under construction; what does not fit is cut, one byte stays for the newline.
struct line {
	char *buf;
	size_t size;
	size_t len;
};

static void line_char(struct line *l, char c)
{
	if (l->len + 1 < l->size)
		l->buf[l->len++] = c;
}

static void line_str(struct line *l, const char *s)
{
	for (; *s != '\0'; s++)
		line_char(l, *s);
}

static bool is_plain(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '=' || *s == '\\')
			return false;
	return true;
}

// Everything outside printable ASCII becomes \xNN: a name from the API cannot forge lines or
// colours.
static void line_quoted(struct line *l, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	line_char(l, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			line_char(l, '\\');
			line_char(l, *s);
		} else if (c == '\n') {
			line_str(l, "\\n");
		} else if (c < ' ' || c > '~') {
			line_str(l, "\\x");
			line_char(l, hex[c >> 4]);
			line_char(l, hex[c & 15]);
		} else {
			line_char(l, *s);
		}
	}
	line_char(l, '"');
}

static void line_field(struct line *l, const struct log_field *f)
{
	char num[24];

	line_char(l, ' ');
	line_str(l, f->key);
	line_char(l, '=');
	if (f->str == NULL) {
		(void)snprintf(num, sizeof(num), "%lld", (long long)f->num); // always fits
		line_str(l, num);
	} else if (is_plain(f->str)) {
		line_str(l, f->str);
	} else {
		line_quoted(l, f->str);
	}
}

unsigned long log_print(char *buf, unsigned long size_bytes, enum log_level level,
	const char *module, const char *message, const struct log_field *fields)
{
	struct line l = {.buf = buf, .size = size_bytes};

	if (size_bytes == 0)
		return 0;
	line_str(&l, level_names[level]);
	line_char(&l, ' ');
	line_str(&l, module);
	line_char(&l, ' ');
	line_str(&l, message);
	for (const struct log_field *f = fields; f->key != NULL; f++)
		line_field(&l, f);
	buf[l.len++] = '\n';
	return l.len;
}

void log_write(enum log_level level, const char *module, const char *message,
	const struct log_field *fields)
{
	char buf[LINE_BYTES];

	if (level > max_level)
		return;
	log_out(STDERR_FILENO, buf, log_print(buf, sizeof(buf), level, module, message, fields));
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

int log_level_parse(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(word, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool log_limit_pass(struct log_limit *limit, uint64_t interval_ms, uint64_t *held)
{
	struct timespec ts = {0};
	uint64_t now;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); // cannot fail for this clock
	now = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (limit->next_ms != 0 && now < limit->next_ms) {
		limit->held++;
		return false;
	}
	*held = limit->held;
	limit->held = 0;
	limit->next_ms = now + interval_ms;
	return true;
}
