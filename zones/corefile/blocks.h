// SPDX-License-Identifier: Apache-2.0
// The tree of a Corefile (k8s:3.2): server blocks, their directives, and the properties inside the
// braces of a directive. Words only; what they mean is decided by the directives.
#pragma once

#include "zones/corefile/expand.h"

// A directive, or a property inside one.
struct node {
	const struct token *name;
	const struct token *args; // n_args tokens in a row
	size_t n_args;
	const struct token *open; // NULL without braces
	const struct token *close;
	struct node *next;
	struct node *first; // children
	struct node *last;
	struct node *parent;
};

struct block {
	struct token *keys; // without commas
	size_t n_keys;
	struct node *first; // directives in file order
	struct node *last;
	const struct token *close; // NULL: up to the end of the file
	struct block *next;
};

// Builds the tree in the arena. 0, -EINVAL or -ENOMEM.
[[nodiscard]] int blocks_parse(
	struct arena *a, const struct expanded *x, struct block **first, struct err *e);
