// SPDX-License-Identifier: Apache-2.0
// Prefix lengths of one family, each with how many times as much it may have as a single address:
// "32:1,24:32,20:256".
#pragma once

#include "zones/base/err.h"

#include <stdint.h>

enum { WIDTHS_MAX = 8, WIDTH_FACTOR_MAX = 65535 };

struct width {
	uint8_t prefix_len;
	uint16_t factor;
};

struct widths {
	unsigned n;
	struct width list[WIDTHS_MAX]; // from the narrowest network to the widest
};

// Takes a text of a family (4 or 6). 0, or -EINVAL with a sentence in *err; *out is whole only
// with 0.
[[nodiscard]] int widths_parse(
	const char *text, unsigned family, struct widths *out, struct err *err);
