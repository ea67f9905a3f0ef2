// SPDX-License-Identifier: Apache-2.0
// The inside of the store, shared by its source files only.
#pragma once

#include "control/store/store.h"

// An object that is served, or (in struct next) one that differs in the list being read.
struct entry {
	struct table_node node;
	struct object_meta *object; // owned
	uint64_t mark; // == next.epoch: NEXT holds this very version too
};

// The list being read: objects that differ from those served; the others are only marked.
struct next {
	struct table pending; // struct entry
	uint64_t epoch;
	size_t n_marked;
	bool is_active;
	bool is_failed; // memory was short
};

struct address {
	struct table_node node;
	struct object_address addr;
	uint32_t n;
	uint32_t cap; // 0: the one reference is `one`
	union {
		struct store_ref one;
		struct store_ref *many; // owned
	};
};

struct pod_place {
	struct table_node node;
	struct object_address addr;
	size_t n;
	const char *label; // of object_pod, behind ns
	char ns[];
};

struct store {
	store_changing_fn *changing;
	void *user;
	struct table objects[OBJECT_KINDS]; // struct entry
	struct next next[OBJECT_KINDS];
	struct table groups[2]; // struct store_group: slices, import slices
	struct table addresses; // struct address
	struct table pods; // struct pod_place
	size_t n_endpoints;
};

uint64_t store_key(const char *ns, const char *name);
struct entry *store_find(const struct table *t, const char *ns, const char *name);

// Enters an object into the indexes of its kind, or takes it out. On -ENOMEM it is out again.
[[nodiscard]] int index_add(struct store *s, const struct object_meta *object);
void index_del(struct store *s, const struct object_meta *object);
void index_fini(struct store *s);

// Serves `object` (taken) instead of what was served under its name.
[[nodiscard]] int live_put(struct store *s, struct object_meta *object);
void live_del(struct store *s, struct entry *e);
