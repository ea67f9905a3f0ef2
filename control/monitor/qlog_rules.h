// SPDX-License-Identifier: Apache-2.0
// What the Corefile in force wants written: which format for a query, and which errors are told
// together (CoreDNS plugin/log, plugin/errors).
#pragma once

#include "zones/link/qlog.h"
#include "zones/regex/regex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qlog_told {
	struct regex *pattern; // NULL: it cannot be compiled and holds for nothing
	uint64_t n; // errors since `since_ms`
	uint64_t since_ms; // of the first of them
};

// Zeroed at first; private to one thread.
struct qlog_selection {
	uint64_t version; // of the rules
	struct qlog_rules rules; // a copy
	struct qlog_told told[QLOG_CONSOLIDATES_MAX];
	bool has_errors; // some block has `errors`
};

// Takes what is in the page when that has changed. True: it has, and what was counted together is
// forgotten.
bool qlog_rules_take(struct qlog_selection *s, const struct qlog_rules *page);
void qlog_rules_fini(struct qlog_selection *s);

// The format for a query, or NULL.
const char *qlog_rules_format(const struct qlog_selection *s, const struct qlog_record *r);

enum qlog_verdict { QLOG_WRITE, QLOG_HOLD };

// Whether an error gets a line of its own; *level is that of the line.
enum qlog_verdict qlog_rules_error(
	struct qlog_selection *s, const char *reason, size_t len, uint64_t now_ms, unsigned *level);

// The summary of errors whose time is over, into line; 0 for none. Call until it is 0.
size_t qlog_rules_summary(
	struct qlog_selection *s, uint64_t now_ms, char *line, size_t size_bytes, unsigned *level);
