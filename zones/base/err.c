// SPDX-License-Identifier: Apache-2.0
// First-error-wins records of failures in input.
#include "zones/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static int err_vset(
	struct err *e, int code, const char *fmt, va_list ap)
{
	if (e == NULL || e->code != 0)
		return code;
	e->code = code;
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); // truncation is fine: text for a person
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	code = err_vset(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_set_at(
	struct err *e, int code, const char *file, const unsigned pos[2], const char *fmt, ...)
{
	va_list ap;

	if (e != NULL && e->code == 0) {
		e->line = pos[0];
		e->column = pos[1];
		if (file != NULL)
			(void)snprintf(e->file, sizeof(e->file), "%s", file); // a long path is cut
	}
	va_start(ap, fmt);
	code = err_vset(e, code, fmt, ap);
	va_end(ap);
	return code;
}

const char *err_print(const struct err *e, char *buf, unsigned long size_bytes)
{
	if (e->line == 0)
		(void)snprintf(buf, size_bytes, "%s%s%s", e->file, e->file[0] ? ": " : "", e->text);
	else
		(void)snprintf(buf, size_bytes, "%s:%u:%u: %s", e->file[0] ? e->file : "input",
			e->line, e->column, e->text);
	return buf;
}
