// SPDX-License-Identifier: Apache-2.0
// What a comparison found: counts by quirk, unexplained differences in full, go or no go.
#pragma once

#include "cli/compare_quirks.h"
#include "cli/questions.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { REPORT_QUIRKS_MAX = 32 };

struct compare_report {
	size_t asked, same, explained, unexplained, silent; // silent: neither server answered
	size_t by_quirk[REPORT_QUIRKS_MAX]; // questions, by the order of quirk_all
	char example[REPORT_QUIRKS_MAX][128]; // the first question of each
	size_t not_asked; // questions that --limit left out
	size_t show_max; // unexplained ones in full
	json_t *details; // owned; of the unexplained ones
};

// One question that was judged: which quirks, and what nothing explains.
struct compare_finding {
	const struct question *question;
	const struct facts *a, *b;
	const struct quirk *quirks[DIFFERENCES_MAX];
	size_t n_quirks;
	struct differences unexplained;
};

// 0 or -ENOMEM.
[[nodiscard]] int compare_report_init(struct compare_report *r, size_t show_max);
void compare_report_fini(struct compare_report *r);

void compare_report_add(struct compare_report *r, const struct compare_finding *f);

// Nothing unexplained, something to judge from, and all of it looked at.
bool compare_report_is_go(const struct compare_report *r);

void compare_report_print(const struct compare_report *r, FILE *out);
// 0 or -1.
[[nodiscard]] int compare_report_json(const struct compare_report *r, FILE *out);
