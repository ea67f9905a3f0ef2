// SPDX-License-Identifier: Apache-2.0
// Metrics in Prometheus' text format, written into memory that grows up to a limit.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_MAX_BYTES = 8 << 20 };

// Zeroed at first; buf is the caller's to free.
struct text {
	char *buf;
	size_t len, size_bytes;
	bool failed; // memory is short or the limit is reached: nothing more is written
};

// A short line, cut at 256 bytes.
__attribute__((format(printf, 2, 3))) void text_format(struct text *t, const char *fmt, ...);

enum { LABELS_MAX = 7 };

// Values may hold any bytes; what the format cannot carry becomes '?'.
struct label {
	const char *name;
	const char *value;
};

struct labels {
	size_t n;
	struct label list[LABELS_MAX];
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

// Begins a metric: all its samples follow at once.
void text_metric(struct text *t, const char *name, enum metric_type type, const char *help);

// One sample; labels NULL for none.
void text_count(struct text *t, const char *name, const struct labels *labels, uint64_t value);
void text_value(struct text *t, const char *name, const struct labels *labels, double value);

// A metric of one sample without labels.
void text_counter(struct text *t, const char *name, const char *help, uint64_t value);
void text_gauge(struct text *t, const char *name, const char *help, double value);

// counts has one more than n_bounds: what is above the last one.
struct histogram {
	const double *bounds;
	size_t n_bounds;
	const uint64_t *counts;
	double sum;
};
void text_histogram(
	struct text *t, const char *name, const struct labels *labels, const struct histogram *h);
