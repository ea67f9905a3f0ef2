// SPDX-License-Identifier: Apache-2.0
// https://prometheus.io/docs/instrumenting/exposition_formats/, text-based format 0.0.4.
#include "control/monitor/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 64 << 10 };

static bool text_room(struct text *t, size_t n)
{
	size_t size = t->size_bytes == 0 ? FIRST_BYTES : t->size_bytes;

	if (t->failed)
		return false;
	if (t->size_bytes - t->len >= n)
		return true;
	while (size - t->len < n && size < TEXT_MAX_BYTES)
		size *= 2;
	char *grown = size - t->len < n ? NULL : realloc(t->buf, size);
	if (grown == NULL) {
		t->failed = true;
		return false;
	}
	t->buf = grown;
	t->size_bytes = size;
	return true;
}

static void text_bytes(struct text *t, const char *bytes, size_t n)
{
	if (!text_room(t, n))
		return;
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
}

void text_format(struct text *t, const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > 0)
		text_bytes(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void text_string(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

static void text_escaped(struct text *t, const char *value)
{
	for (const char *p = value; *p != 0; p++) {
		char c = *p >= ' ' && *p <= '~' ? *p : '?';
		if (*p == '\n')
			text_string(t, "\\n");
		else if (c == '"' || c == '\\')
			text_bytes(t, (const char[]){'\\', c}, 2);
		else
			text_bytes(t, &c, 1);
	}
}

static void text_labels(struct text *t, const struct labels *labels, const char *le)
{
	size_t n = labels == NULL ? 0 : labels->n;

	if (n == 0 && le == NULL)
		return;
	text_string(t, "{");
	for (size_t i = 0; i < n; i++) {
		text_string(t, i == 0 ? "" : ",");
		text_string(t, labels->list[i].name);
		text_string(t, "=\"");
		text_escaped(t, labels->list[i].value);
		text_string(t, "\"");
	}
	if (le != NULL) {
		text_string(t, n == 0 ? "le=\"" : ",le=\"");
		text_string(t, le);
		text_string(t, "\"");
	}
	text_string(t, "}");
}

static void text_number(struct text *t, double value)
{
	char number[40];

	if (isinf(value) || isnan(value))
		value = 0; // a clock or a counter that makes no sense
	(void)snprintf(number, sizeof(number), " %.12g\n", value); // always fits
	text_string(t, number);
}

static void text_integer(struct text *t, uint64_t value)
{
	char number[24];

	(void)snprintf(number, sizeof(number), " %" PRIu64 "\n", value); // always fits
	text_string(t, number);
}

void text_metric(struct text *t, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	text_string(t, "# HELP ");
	text_string(t, name);
	text_string(t, " ");
	text_string(t, help);
	text_string(t, "\n# TYPE ");
	text_string(t, name);
	text_string(t, " ");
	text_string(t, types[type]);
	text_string(t, "\n");
}

void text_count(struct text *t, const char *name, const struct labels *labels, uint64_t value)
{
	text_string(t, name);
	text_labels(t, labels, NULL);
	text_integer(t, value);
}

void text_value(struct text *t, const char *name, const struct labels *labels, double value)
{
	text_string(t, name);
	text_labels(t, labels, NULL);
	text_number(t, value);
}

void text_counter(struct text *t, const char *name, const char *help, uint64_t value)
{
	text_metric(t, name, METRIC_COUNTER, help);
	text_count(t, name, NULL, value);
}

void text_gauge(struct text *t, const char *name, const char *help, double value)
{
	text_metric(t, name, METRIC_GAUGE, help);
	text_value(t, name, NULL, value);
}

void text_histogram(
	struct text *t, const char *name, const struct labels *labels, const struct histogram *h)
{
	uint64_t count = 0;
	char le[32];

	for (size_t i = 0; i <= h->n_bounds; i++) {
		count += h->counts[i];
		if (i < h->n_bounds)
			(void)snprintf(le, sizeof(le), "%g", h->bounds[i]); // always fits
		text_string(t, name);
		text_string(t, "_bucket");
		text_labels(t, labels, i < h->n_bounds ? le : "+Inf");
		text_integer(t, count);
	}
	text_string(t, name);
	text_string(t, "_sum");
	text_labels(t, labels, NULL);
	text_number(t, h->sum);
	text_string(t, name);
	text_string(t, "_count");
	text_labels(t, labels, NULL);
	text_integer(t, count);
}
