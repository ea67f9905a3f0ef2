// SPDX-License-Identifier: Apache-2.0
// The counters of all threads of all processes, added up per server and zone.
#pragma once

#include "zones/link/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOTALS_MAX = 2 * SCOPES_MAX, TOTALS_UDP = 0, TOTALS_TCP = 1 };

struct scope_total {
	struct scope_label label;
	uint64_t types[2][2][SCOPE_TYPES_MAX]; // by transport, family and class of the type
	uint64_t request_bytes[2][SCOPE_SIZE_BUCKETS], request_bytes_sum[2];
	uint64_t response_bytes[2][SCOPE_SIZE_BUCKETS], response_bytes_sum[2];
	uint64_t do_bits;
	uint64_t responses[SCOPE_PLUGIN_COUNT][SCOPE_RCODE_COUNT];
	uint64_t punts[SCOPE_PLUGIN_COUNT];
	uint64_t latency[SCOPE_LATENCY_BUCKETS];
	double latency_sum_s;
};

struct totals {
	size_t n;
	struct scope_total list[TOTALS_MAX];
};

// Replaces *out. Pairs that both processes know are one entry.
void totals_collect(const struct counters_page *page, struct totals *out);

// Whether an entry has counted a request or a response.
bool total_has_counted(const struct scope_total *t);
