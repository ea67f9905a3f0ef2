// SPDX-License-Identifier: Apache-2.0
// What `template` counts: the numbers behind coredns_template_matches_total,
// coredns_template_template_failures_total and coredns_template_rr_failures_total of one directive.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct template_counts {
	_Atomic uint64_t matches;
	_Atomic uint64_t template_failures; // a template could not be run with what was asked
	_Atomic uint64_t rr_failures; // what it gave is no record
};

// Of a state that plugin_template.prepare made; any thread, relaxed loads.
const struct template_counts *template_counts_of(const void *state);
