// SPDX-License-Identifier: Apache-2.0
// Frames as lines for people, and as objects.
#pragma once

#include "zones/link/capture.h"

#include <jansson.h>
#include <stddef.h>

enum { CAPTURE_LINE_BYTES = 1536 };

// "12:00:00.123456 0 in 192.0.2.1:4000 > 192.0.2.53:53 id 7 A www.example. 33 bytes"; what is no
// plain UDP is told by its size only. Returns line.
const char *capture_text(
	const struct capture_record *r, unsigned worker, char line[CAPTURE_LINE_BYTES]);

// The same; NULL when memory is short.
json_t *capture_json(const struct capture_record *r, unsigned worker);
