// SPDX-License-Identifier: Apache-2.0
// Lines of `log` and `errors` as CoreDNS writes them.
#pragma once

#include "zones/link/qlog.h"

#include <stddef.h>

enum { QLOG_LINE_BYTES = 4096, QLOG_ERROR_BYTES = 320 };

// The line of a query in a format of CoreDNS' placeholders, without an end of line; what is too
// long is cut. Returns its length.
size_t qlog_text(const struct qlog_record *r, const char *format, char line[QLOG_LINE_BYTES]);

// What went wrong, as `consolidate` sees it ("read udp 192.0.2.1:53: i/o timeout").
size_t qlog_text_reason(const struct qlog_record *r, char text[QLOG_ERROR_BYTES]);

// "2 www.example. A: reason".
size_t qlog_text_error(const struct qlog_record *r, const char *reason, char line[QLOG_LINE_BYTES]);
