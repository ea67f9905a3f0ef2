// SPDX-License-Identifier: Apache-2.0
// Is a question answered right now? Not from the snapshot, but by who serves it.
#pragma once

#include "cli/ask.h"
#include "cli/running.h"

#include <stdbool.h>

struct live_question {
	const struct ask *ask;
	bool is_address_given; // by who asks: another one does not do
};

// With a dataplane: waits until every worker has answered one more of the queries that are put into
// its loop, with the link up. Without one: asks over UDP, and *reply becomes what came back. 0,
// or -ETIMEDOUT and who does not answer, after 1.5 s at most; -ESHUTDOWN while it is drained.
[[nodiscard]] int live_answer(const struct running *r, const struct live_question *q,
	struct ask_reply *reply, struct err *err);
