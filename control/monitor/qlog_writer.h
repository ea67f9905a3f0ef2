// SPDX-License-Identifier: Apache-2.0
// The thread that writes the lines of `log` and `errors`. Only it waits for who reads them: the
// rings go on without it, and what is lost meanwhile is counted.
#pragma once

#include "zones/link/counters.h"

#include <stdatomic.h>
#include <stdint.h>

struct qlog_stats {
	_Atomic uint64_t lines; // written
	_Atomic uint64_t left_out; // queries without a line
};

struct qlog_thread;

// Writes to fd, which is borrowed. NULL when memory is short or no thread can be made.
struct qlog_thread *qlog_thread_start(const struct counters_page *page, int fd);
// Writes what is there and ends; NULL is fine.
void qlog_thread_stop(struct qlog_thread *t);

const struct qlog_stats *qlog_thread_stats(const struct qlog_thread *t);
