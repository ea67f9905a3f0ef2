// SPDX-License-Identifier: Apache-2.0
// What the slow path counts of single directives, by labels that the Corefile makes: a bounded
// table of series. What finds no room is counted without its labels.
#pragma once

#include "zones/link/counter.h"

#include <stddef.h>
#include <stdint.h>

enum {
	RULE_SERIES_MAX = 256,
	RULE_LABELS_BYTES = 448, // of all values of a series, each ended by 0
	RULE_VALUES_MAX = 7,
};

// Values in the order of the labels that control/monitor gives the metric.
enum rule_metric {
	RULE_PUNTS, // zone, directive, line
	RULE_TEMPLATE_MATCHES, // server, zone, view, class, type
	RULE_TEMPLATE_FAILURES, // and section, template
	RULE_RR_FAILURES, // the same
	RULE_AUTOPATH_SUCCESSES, // server
	RULE_AUTOPATH_PODS, // server: clients that are pods
	RULE_AUTOPATH_STRANGERS, // server: clients that are none
	RULE_ACL_BLOCKED, // server, zone, view
	RULE_ACL_FILTERED, // the same
	RULE_ACL_DROPPED, // the same
	RULE_ACL_ALLOWED, // server, view
	RULE_DNS64_TRANSLATED, // server
	RULE_LOCALHOST, // none
	RULE_METRICS
};

struct rule_series {
	uint32_t hash;
	uint16_t metric; // enum rule_metric
	uint16_t size_bytes; // of values
	char values[RULE_LABELS_BYTES];
	counter_t n;
};

struct rule_counters {
	_Atomic uint32_t n; // series that can be read
	counter_t left_out[RULE_METRICS];
	struct rule_series series[RULE_SERIES_MAX];
};

// Adds one. Any thread of one process; values that do not fit are cut.
void rule_count(struct rule_counters *c, enum rule_metric metric, const char *const *values,
	size_t n_values);

// Of all series of a metric.
uint64_t rule_counters_sum(const struct rule_counters *c, enum rule_metric metric);

// How many series can be read, whatever stands in the page.
uint32_t rule_counters_n(const struct rule_counters *c);
