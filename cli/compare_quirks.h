// SPDX-License-Identifier: Apache-2.0
// The differences between CoreDNS (A) and burst53 (B) that are intended, by their quirk numbers.
#pragma once

#include "cli/compare_reply.h"
#include "cli/subject.h"

// What the conditions of the table look at.
struct quirk_case {
	const struct compare_question *question;
	const struct subject *subject;
	const struct facts *a, *b;
	// Whether the namespace that a PTR record's target lies in is gone: asked of B.
	bool (*is_gone)(void *user, const struct subject *target);
	void *user;
	const struct subject_zones *zones;
};

struct quirk {
	const char *number; // as documented; "EDE" and "outside" are no quirks of that list
	const char *text;
};

// The quirk that explains a difference, or NULL.
const struct quirk *quirk_explain(const struct difference *d, const struct quirk_case *c);

// All that can be returned, in the order of a report.
const struct quirk *quirk_all(size_t *n);
