// SPDX-License-Identifier: Apache-2.0
// The Kubernetes object that a name stands for, in words.
#pragma once

#include "cli/ask.h"
#include "cli/subject.h"

#include <stddef.h>

struct explain_question {
	const struct snapshot *snapshot;
	const struct subject_zones *zones;
	const struct ask *ask;
	const struct ask_reply *reply; // to it
};

// Writes a sentence part such as "service default/web (headless)" to buf; "" when there is none to
// name. Returns buf.
const char *explain_object(const struct explain_question *q, const struct subject *subject,
	char *buf, size_t size_bytes);
