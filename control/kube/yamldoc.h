// SPDX-License-Identifier: Apache-2.0
// YAML documents as JSON values, for kubeconfigs and manifests. Bounded: an alias is a reference to
// the value it names, never a copy, so a bomb of aliases stays as small as its text.
#pragma once

#include "zones/base/err.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct yamldoc_value {
	const json_t *json; // borrowed for the call
	bool is_item; // an element of the document's "items", which the document then lacks
	unsigned line; // 1-based
	unsigned column;
};

// Returns 0, or a negative value that ends the reading.
typedef int yamldoc_fn(void *user, const struct yamldoc_value *value);

// name is for messages. Empty documents are left out. cut_items: hand out the elements of a
// document's "items" one by one. Returns 0, -EINVAL with e set, -ENOMEM, or what fn returned.
[[nodiscard]] int yamldoc_read_text(
	const char *text, size_t n, const char *name, yamldoc_fn *fn, void *user, struct err *e);
[[nodiscard]] int yamldoc_read_file(
	FILE *file, const char *name, bool cut_items, yamldoc_fn *fn, void *user, struct err *e);
