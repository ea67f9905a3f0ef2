// SPDX-License-Identifier: Apache-2.0
// Lines of the form `level module message key=value ...` on standard error. The message is a
// constant sentence, what varies is in the fields; values that are not plain words are quoted and
// escaped.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR, // an operation failed
	LOG_LEVEL_WARN, // odd, but handled
	LOG_LEVEL_INFO, // a state changed
	LOG_LEVEL_DEBUG, // off by default
};

// One key=value. str NULL means that num is the value.
struct log_field {
	const char *key;
	const char *str;
	int64_t num;
};

#define LOG_STR(k, s) ((struct log_field){.key = (k), .str = (s) != NULL ? (s) : ""})
#define LOG_NUM(k, n) ((struct log_field){.key = (k), .num = (int64_t)(n)})

// log_info("kube", "resource synced", LOG_STR("resource", name), LOG_NUM("objects", n));
#define log_error(module, message, ...) \
	log_write(LOG_LEVEL_ERROR, module, message, \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_warn(module, message, ...) \
	log_write(LOG_LEVEL_WARN, module, message, \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_info(module, message, ...) \
	log_write(LOG_LEVEL_INFO, module, message, \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_debug(module, message, ...) \
	log_write(LOG_LEVEL_DEBUG, module, message, \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

// Everything above this level is dropped. Default LOG_LEVEL_INFO. Set before threads start.
void log_set_level(enum log_level level);

// Finds "error", "warn", "info", "debug"; returns 0 or -EINVAL.
[[nodiscard]] int log_level_parse(const char *word, enum log_level *level);

// Writes one line with a single write(2); lines longer than 2 KiB are cut. The fields end with one
// whose key is NULL. Any thread.
void log_write(enum log_level level, const char *module, const char *message,
	const struct log_field *fields);

// Prints the line that log_write would write, with its newline, into buf; returns its length.
unsigned long log_print(char *buf, unsigned long size_bytes, enum log_level level,
	const char *module, const char *message, const struct log_field *fields);

// For conditions that repeat: one zeroed struct per call site (or per object it is about).
struct log_limit {
	uint64_t next_ms; // CLOCK_MONOTONIC, 0 before the first
	uint64_t held; // lines held back since the last one
};

// True when a line may be written now; then *held is how many were held back since the last one.
bool log_limit_pass(struct log_limit *limit, uint64_t interval_ms, uint64_t *held);
