// SPDX-License-Identifier: Apache-2.0
// Label selectors as the API server evaluates them; needed where no server does: for dumps.
#pragma once

#include <jansson.h>

#include <stdbool.h>

// True when labels (an object, or NULL for none) satisfy all requirements of selector; NULL and ""
// select all. Forms: a=b a==b a!=b a in (x,y) a notin (x,y) a !a, joined by commas.
bool selector_matches(const char *selector, const json_t *labels);

// False when it has none of these forms.
bool selector_is_valid(const char *selector);
