// SPDX-License-Identifier: Apache-2.0
// Asks, compares and explains: what `compare` does with its questions.
#pragma once

#include "cli/compare_report.h"
#include "cli/exchange.h"

// Asks all questions and fills the report. What nothing explains is asked once more at the end: on
// a cluster that changes the two servers do not always see a change at the same moment. 0, -ENOMEM,
// or what exchange_run returned.
struct compare_job {
	struct exchange *exchange;
	struct exchange_options options;
	const struct questions *questions;
	const struct subject_zones *zones;
	struct compare_report *report;
};
[[nodiscard]] int compare_judge(const struct compare_job *job);
