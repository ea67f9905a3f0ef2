// SPDX-License-Identifier: Apache-2.0
// Answers fetched from outside. Equal questions are joined: whoever asks while one is under way
// waits for the same answer (proto:F4). A question belongs to one thread, chosen by its hash, so
// that this holds over all threads.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/plan.h"
#include "slowpath/forward/tell.h"
#include "slowpath/message/entry.h"
#include "zones/link/qlog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetcher;

struct fetch_limits {
	// Questions under way on one thread. Half as many connections are kept for the next ones.
	unsigned max_fetches;
	bool mixes_case; // letters of names in random case, over UDP (proto:F6)
	struct qlog_writer *log; // borrowed; NULL: failures are not written down
	struct tap_writer *tap; // borrowed; NULL: dnstap is told nothing
};

// Runs on the loop of one thread. NULL when memory is short.
struct fetcher *fetcher_new(struct loop *loop, const struct fetch_limits *limits);
// Ends what is under way: waiters get no answer (entry NULL). NULL is fine.
void fetcher_free(struct fetcher *f);

struct waiter;
// Called on the waiter's home thread. w->entry is held for the callee, NULL only when the process
// stops; w->plan is still held, and the callee's to drop.
typedef void waiter_fn(struct waiter *w);

// Somebody who waits; embedded in its owner.
struct waiter {
	struct mail mail; // first
	struct waiter *next;
	struct loop *home;
	waiter_fn *done;
	struct fetcher *fetcher; // of the thread that owns the question
	struct plan *plan; // held
	const struct plan_chain *chain; // of the plan
	struct ask ask;
	const struct ask_options *options; // borrowed from the owner; NULL for none
	uint64_t hash; // ask_hash with the plan's key
	struct tell_about about;
	bool is_tcp; // how the client asked
	bool is_refresh; // the cached answer is known, and to be replaced
	struct entry *entry;
};

// Takes the waiter until done. Any thread; done is never called inside.
void fetch(struct waiter *w);
