// SPDX-License-Identifier: Apache-2.0
// A reply as text for people or as JSON.
#pragma once

#include "cli/ask.h"

#include <stdbool.h>
#include <stdio.h>

struct reply_text {
	const struct snapshot *snapshot;
	const struct ask *ask;
	const struct ask_reply *reply;
	bool is_explained;
	bool is_kernel; // there are no workers
};

// Both return 0, or -EBADMSG when the reply is malformed.
[[nodiscard]] int reply_text_print(const struct reply_text *t, FILE *out);
[[nodiscard]] int reply_text_json(const struct reply_text *t, FILE *out);
