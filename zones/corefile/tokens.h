// SPDX-License-Identifier: Apache-2.0
// The words of a Corefile with their positions (k8s:3.1): quotes, comments and braces are
// understood here, everything else by later steps.
#pragma once

#include "zones/base/arena.h"
#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE };

struct token {
	const char *text; // without quotes and escapes
	const char *written; // with its variables; NULL when it had none
	const char *file;
	unsigned line; // where it begins, 1-based
	unsigned column; // in characters, 1-based
	unsigned width; // characters as written on its first line, at least 1
	size_t offset; // bytes from the start of its file, quotes included
	size_t end; // of the byte behind it
	enum token_kind kind;
	bool starts_line; // first word on its line
	bool is_quoted;
};

struct tokens {
	struct token *items;
	size_t n;
};

// Splits size_bytes bytes of text into words owned by the arena. file is borrowed for the arena's
// life. 0, -EINVAL or -ENOMEM.
[[nodiscard]] int tokens_read(struct arena *a, const char *file, const char *text,
	size_t size_bytes, struct tokens *out, struct err *e);

// Room for one more element in an arena array of n elements: the array itself, or a copy of it
// twice as long. NULL when memory is short.
void *list_grow(struct arena *a, void *items, size_t n, size_t elem_bytes);
