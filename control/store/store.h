// SPDX-License-Identifier: Apache-2.0
// All objects of one cluster that DNS is made from, with the indexes that record synthesis asks.
// Lists that are read again are compared object by object: what has not changed is only marked, so
// a relist neither doubles the memory nor reports more than the exact differences. One thread.
#pragma once

#include "control/object/object.h"
#include "control/store/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

// Told in front of each change of what is served, while the store still shows the old state. old is
// NULL for a new object, new is NULL for one that goes. Not told when both show the same in DNS.
typedef void store_changing_fn(
	void *user, const struct object_meta *old, const struct object_meta *new);

// changing may be NULL. NULL when memory is short.
struct store *store_new(store_changing_fn *changing, void *user);
void store_free(struct store *s); // NULL is fine

// As struct kube_events has them. All return 0 or -ENOMEM; after a failure the kind must be
// listed again, and a failed NEXT is dropped by store_synced.
void store_begin(struct store *s, enum object_kind kind);
// The object is taken, also on failure.
[[nodiscard]] int store_put(struct store *s, enum object_set set, struct object_meta *object);
[[nodiscard]] int store_del(struct store *s, enum object_set set, enum object_kind kind,
	const char *ns, const char *name);
[[nodiscard]] int store_keep(
	struct store *s, enum object_kind kind, const char *ns, const char *name);
[[nodiscard]] int store_synced(struct store *s, enum object_kind kind);
void store_abandoned(struct store *s, enum object_kind kind);
void store_diff(
	const struct store *s, enum object_kind kind, uint64_t upto, struct object_diff *diff);

// Objects of a kind that are served.
size_t store_count(const struct store *s, enum object_kind kind);
// Ready addresses in all slices.
size_t store_endpoints(const struct store *s);

// By name; NULL when there is none.
const struct object_namespace *store_namespace(const struct store *s, const char *ns);
const struct object_service *store_service(const struct store *s, const char *ns, const char *name);
const struct object_import *store_import(const struct store *s, const char *ns, const char *name);

// The slices of one service, in the order of their names. It may have no service object.
struct store_group {
	struct table_node node;
	const char *ns, *service;
	const struct object_slice **slices; // n of them
	size_t n, cap;
};
// kind is OBJECT_SLICE or OBJECT_IMPORT_SLICE.
const struct store_group *store_slices(
	const struct store *s, enum object_kind kind, const char *ns, const char *service);

// Who has an address: a service (as cluster IP), or an endpoint of a slice.
struct store_ref {
	const struct object_meta *owner; // OBJECT_SERVICE or OBJECT_SLICE
	uint32_t endpoint; // index in the slice
};
// *n of them in no particular order; borrowed until the next change.
const struct store_ref *store_refs(
	const struct store *s, const struct object_address *addr, size_t *n);

// How many pods of a namespace have this address, spelled so (object_pod).
size_t store_pods(const struct store *s, const char *ns, const char *label,
	const struct object_address *addr);

// A walk over everything of one sort that may take long, with changes in between; one at a time.
// What is there from beginning to end is seen once.
enum store_walk {
	STORE_WALK_NAMESPACES,
	STORE_WALK_SERVICES,
	STORE_WALK_IMPORTS,
	STORE_WALK_PODS, // places of pods: ns, label and addr
	STORE_WALK_ADDRESSES, // addr
	STORE_WALKS
};
struct store_walked {
	const struct object_meta *object; // NULL for places and addresses
	const char *ns, *label; // of a pod
	const struct object_address *addr;
};
void store_rewind(struct store *s, enum store_walk walk);
// False at the end.
bool store_step(struct store *s, enum store_walk walk, struct store_walked *out);

// Calls each for every object of the kind; each must not change the store.
typedef void store_each_fn(void *user, const struct object_meta *object);
void store_each(const struct store *s, enum object_kind kind, store_each_fn *each, void *user);

// Whether two objects of one kind and name show the same in DNS.
bool store_is_equal(const struct object_meta *a, const struct object_meta *b);
