// SPDX-License-Identifier: Apache-2.0
// What `burst53 check` prints: problems as a compiler shows them, the explained blocks, or both as
// JSON.
#pragma once

#include "zones/corefile/config.h"

#include <stdio.h>

struct report {
	const struct config *config;
	const char *name; // of the main file
	const char *text; // of the main file
};

// Every problem with its source line and a mark under the word.
void report_problems(FILE *out, const struct report *r);

// Every block in plain words.
void report_blocks(FILE *out, const struct report *r);

// Everything as one JSON object. 0 or -ENOMEM.
[[nodiscard]] int report_json(FILE *out, const struct report *r, int rc);

// How many problems have this severity.
size_t report_count(const struct report *r, enum config_severity severity);
