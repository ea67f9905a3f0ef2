// SPDX-License-Identifier: Apache-2.0
// From a file to one flat list of tokens: imports and snippets pasted in place (k8s:3.4),
// environment variables replaced (k8s:3.3).
#pragma once

#include "zones/corefile/tokens.h"

#include <stdint.h>

// Something to tell that is no error.
struct expand_warning {
	const struct token *at;
	const char *text;
};

struct expanded {
	struct tokens tokens;
	struct expand_warning *warnings;
	size_t n_warnings;
	const char **files; // every file read, the first one first
	size_t n_files;
	const char *end_file; // where the text ends, for messages
	unsigned end_line;
	uint64_t hash; // FNV-1a over the tokens
};

// text is the Corefile itself; directory is what imports of the Corefile are relative to. 0,
// -EINVAL or -ENOMEM.
[[nodiscard]] int expand_text(struct arena *a, const char *name, const char *directory,
	const char *text, struct expanded *out, struct err *e);

// Reads a file of at most 16 MiB into the arena, zero-terminated. 0 or a negative errno value.
[[nodiscard]] int expand_read_file(struct arena *a, const char *path, char **text, size_t *size);

// Replaces {$NAME} and {%NAME%} by the environment; unset is empty. NULL when memory is short.
const char *expand_environment(struct arena *a, const char *text);
