// SPDX-License-Identifier: Apache-2.0
// Label selectors as Kubernetes writes them.
#pragma once

#include <stdbool.h>

// Whether the API and CoreDNS take it: requirements `key`, `!key`, `key=value`, `key==value`,
// `key in (a, b)`, `key notin (a, b)`, separated by commas.
bool selector_is_valid(const char *text);
