// SPDX-License-Identifier: Apache-2.0
// The threads that write to dnstap collectors, one for each that a Corefile may name. Only they
// wait for a collector: the rings go on without them, and what is lost meanwhile is counted.
#pragma once

#include "zones/link/counters.h"

#include <stdatomic.h>
#include <stdint.h>

struct tap_stats {
	_Atomic uint64_t messages; // given to collectors
	_Atomic uint64_t left_out; // not given to a collector that should have had them
	_Atomic uint64_t collectors, connected; // named by the Corefile; of them
};

struct tap_threads;

// version is borrowed for good. NULL when memory is short or no thread can be made.
struct tap_threads *tap_threads_start(const struct counters_page *page, const char *version);
// Writes what is there, as far as collectors take it, and ends; NULL is fine.
void tap_threads_stop(struct tap_threads *t);

const struct tap_stats *tap_threads_stats(const struct tap_threads *t);
