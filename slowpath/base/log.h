// SPDX-License-Identifier: Apache-2.0
// What the slow path tells people: lines `level module message key=value ...` on stderr. The
// message is a constant sentence; fmt prints what varies.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO };

// One line with a single write; any thread. fmt gives `key=value ...` and may be empty.
__attribute__((format(printf, 4, 5))) void log_line(
	enum log_level level, const char *module, const char *message, const char *fmt, ...);

// For conditions that repeat: one zeroed struct per call site. True at most once per interval_ms;
// *held then says how many were held back since.
struct log_limit {
	_Atomic uint64_t next_ms;
	_Atomic uint64_t held;
};
bool log_limit_take(struct log_limit *limit, uint64_t interval_ms, uint64_t *held);
