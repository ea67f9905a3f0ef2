// SPDX-License-Identifier: Apache-2.0
// Where the Corefile wants /health, /ready and /metrics served.
#pragma once

#include "zones/base/err.h"
#include "zones/corefile/config.h"

#include <stddef.h>

enum { PLACES_MAX = 32, PLACE_BYTES = 256 };

enum place_kind { PLACE_HEALTH, PLACE_READY, PLACE_METRICS };

struct place {
	enum place_kind kind;
	char text[PLACE_BYTES]; // "HOST:PORT", "[HOST]:PORT" or ":PORT" for every address
};

struct places {
	struct place list[PLACES_MAX];
	size_t n;
	uint64_t lameduck_ms; // the longest that a block asks for
};

// Each place once per kind. 0 or -E2BIG with a sentence in *err.
[[nodiscard]] int places_take(const struct config *c, struct places *out, struct err *err);
