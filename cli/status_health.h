// SPDX-License-Identifier: Apache-2.0
// Whether a running instance does its work: the judgement of /health and /ready, and what else an
// operator should know.
#pragma once

#include "cli/running.h"

#include <jansson.h>
#include <stdbool.h>

struct status_verdict {
	bool is_serving; // queries are answered from data, and new clients may come
	bool is_complete; // every process runs, and none hangs
	json_t *warnings; // each with a name, what it is about, and a sentence; owned
};

// Takes as long as it needs to see every loop turn, 0.8 s at most. *v needs status_verdict_fini.
void status_judge(const struct running *r, struct status_verdict *v);

void status_verdict_fini(struct status_verdict *v);
