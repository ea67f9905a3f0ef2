// SPDX-License-Identifier: Apache-2.0
// What the documents of a dump's file say they are. The elements of a typed list ("ServiceList")
// need not repeat it, and whoever sorts the members of a list writes its kind behind its elements.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dump_kinds {
	char (*kinds)[64]; // owned; cut when longer
	size_t n, cap;
	bool is_read;
};

// Reads the whole file once more. What it cannot read has no kinds: whoever reads the file for its
// objects says what is wrong with it. 0 or -ENOMEM.
[[nodiscard]] int dump_kinds_read(struct dump_kinds *k, const char *path, bool is_json);

// The kind of a document, counted from 0; "" when it says none.
const char *dump_kinds_find(const struct dump_kinds *k, size_t document);

void dump_kinds_free(struct dump_kinds *k);
