// SPDX-License-Identifier: Apache-2.0
// The file of `loadbalance weighted`: a name on a line of its own, then lines `ADDRESS WEIGHT`.
#pragma once

#include "slowpath/plugin/plugin.h"

enum { WEIGHT_MAX = 255 };

struct weight {
	const uint8_t *name; // lower case
	struct plugin_peer address;
	uint8_t value; // 1 ... WEIGHT_MAX
};

struct weights {
	struct arena arena;
	struct weight *items;
	size_t n, cap;
};

// Takes the text apart (it is changed). 0, -ENOMEM or -EINVAL with the line. *w is zeroed first;
// weights_fini it in any case.
[[nodiscard]] int weights_parse(struct weights *w, char *text, struct err *err);
void weights_fini(struct weights *w);

// What an address of a name weighs: 1 where nothing is said.
unsigned weights_find(const struct weights *w, const struct response_rr *rr);
