// SPDX-License-Identifier: Apache-2.0
// What `autopath` counts, as CoreDNS' metric and beside it.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct autopath_counts {
	_Atomic uint64_t successes; // coredns_autopath_success_total
	_Atomic uint64_t strangers; // sources that match no pod
};

const struct autopath_counts *autopath_counts_of(const void *state);
