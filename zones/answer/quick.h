// SPDX-License-Identifier: Apache-2.0
// The replies that nearly all queries over UDP get: one look-up, then one section that fits whole,
// or no such type, or no such name. Private to zones/answer and its tests.
#pragma once

#include "zones/answer/answer.h"

// Writes the reply that answer_walk would write, with the same result; or returns false with
// nothing written: the case is not one of these.
bool answer_quick(const struct answer_plan *plan, const struct found *found, const struct query *q,
	const struct answer_env *env, struct wrbuf *w, struct answer_result *result);

// answer_write without the quick way, for every case (answer.c). Never inlined: what it needs would
// take the registers of the quick way.
__attribute__((noinline)) enum answer_verdict answer_walk(const struct answer_plan *plan,
	const struct found *found, const struct query *q, const struct answer_env *env,
	struct wrbuf *w, struct answer_result *result);
