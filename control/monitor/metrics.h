// SPDX-License-Identifier: Apache-2.0
// Everything that /metrics shows: CoreDNS' names, labels and buckets (k8s:2.13), and burst53's own.
#pragma once

#include "control/monitor/qlog_writer.h"
#include "control/monitor/tap_thread.h"
#include "control/monitor/text.h"
#include "zones/link/counters.h"
#include "zones/link/health.h"

#include <stdint.h>

// The checks of ourselves behind coredns_health_*: CoreDNS asks its own /health once a second.
enum { CHECK_BUCKETS = 6 };

struct checks {
	uint64_t buckets[CHECK_BUCKETS];
	double sum_s;
	uint64_t failures;
};

struct metrics {
	const struct counters_page *page; // borrowed
	const struct health *health; // borrowed
	const struct checks *checks; // borrowed
	const struct qlog_stats *qlog; // borrowed
	const struct tap_stats *tap; // borrowed
	const char *version;
	uint64_t now_ns; // CLOCK_MONOTONIC
};

void metrics_write(const struct metrics *m, struct text *out);

// A check took so long after it was due.
void checks_add(struct checks *c, uint64_t took_us, bool is_alive);

// The parts, in the order they are written. Private to control/monitor.
void metrics_dns(const struct metrics *m, struct text *out);
void metrics_coredns(const struct metrics *m, struct text *out);
void metrics_outside(const struct metrics *m, struct text *out);
void metrics_rules(const struct metrics *m, struct text *out);
void metrics_kubernetes(const struct metrics *m, struct text *out);
void metrics_dataplane(const struct metrics *m, struct text *out);
void metrics_control(const struct metrics *m, struct text *out);
void metrics_processes(const struct metrics *m, struct text *out);
