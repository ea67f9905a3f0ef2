// SPDX-License-Identifier: Apache-2.0
// The two sets of a kind. What NEXT holds is: every served object that is marked with the running
// epoch, and everything in `pending`; a name is never in both. So an object that did not change
// costs nothing, and taking NEXT over yields the exact differences.
#include "control/store/private.h"

#include <errno.h>
#include <stdlib.h>

static void pending_drop(struct next *x, struct entry *e)
{
	table_del(&x->pending, &e->node);
	object_free(e->object);
	free(e);
}

static void pending_clear(struct next *x)
{
	while (x->pending.first != NULL)
		pending_drop(x, (void *)x->pending.first);
	table_fini(&x->pending);
}

static void next_end(struct next *x)
{
	pending_clear(x);
	x->epoch++; // unmarks everything
	x->n_marked = 0;
	x->is_active = false;
	x->is_failed = false;
}

void store_begin(struct store *s, enum object_kind kind)
{
	next_end(&s->next[kind]);
	s->next[kind].is_active = true;
}

void store_abandoned(struct store *s, enum object_kind kind)
{
	next_end(&s->next[kind]);
}

static bool is_marked(const struct next *x, const struct entry *e)
{
	return x->is_active && e->mark == x->epoch;
}

static void mark(struct next *x, struct entry *e)
{
	x->n_marked += !is_marked(x, e);
	e->mark = x->epoch;
}

static void unmark(struct next *x, struct entry *e)
{
	x->n_marked -= is_marked(x, e);
	e->mark = 0;
}

// Takes the object in any case.
static int pending_put(struct next *x, struct object_meta *object)
{
	struct entry *e = store_find(&x->pending, object->ns, object->name);

	if (e != NULL) {
		object_free(e->object);
		e->object = object;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (e != NULL) {
		e->object = object;
		if (table_add(&x->pending, &e->node, store_key(object->ns, object->name)) == 0)
			return 0;
	}
	free(e);
	object_free(object);
	x->is_failed = true;
	return -ENOMEM;
}

// The same write of the same object. Equal versions alone would not do: after a restored etcd they
// are used again.
static bool is_same(const struct object_meta *a, const struct object_meta *b)
{
	return a->resource_version == b->resource_version && store_is_equal(a, b);
}

static int next_put(struct store *s, struct object_meta *object)
{
	struct next *x = &s->next[object->kind];
	struct entry *live = store_find(&s->objects[object->kind], object->ns, object->name);

	if (!x->is_active) {
		object_free(object);
		return 0;
	}
	if (live == NULL || !is_same(live->object, object)) {
		if (live != NULL)
			unmark(x, live);
		return pending_put(x, object);
	}
	struct entry *e = store_find(&x->pending, object->ns, object->name);
	if (e != NULL)
		pending_drop(x, e);
	mark(x, live);
	object_free(object);
	return 0;
}

// A marked object is about to leave LIVE: NEXT still holds it. The index entries of LIVE go with
// the caller.
static int next_inherit(struct store *s, struct entry *live)
{
	struct next *x = &s->next[live->object->kind];

	if (!is_marked(x, live))
		return 0;
	unmark(x, live);
	struct object_meta *copy = NULL;
	switch (live->object->kind) {
	case OBJECT_NAMESPACE:
		copy = (void *)object_namespace_pack((const void *)live->object);
		break;
	case OBJECT_SERVICE:
		copy = (void *)object_service_pack((const void *)live->object);
		break;
	case OBJECT_SLICE:
	case OBJECT_IMPORT_SLICE:
		copy = (void *)object_slice_pack((const void *)live->object);
		break;
	case OBJECT_POD:
		copy = (void *)object_pod_pack((const void *)live->object);
		break;
	case OBJECT_IMPORT:
		copy = (void *)object_import_pack((const void *)live->object);
		break;
	case OBJECT_KINDS:
		break;
	}
	if (copy == NULL) {
		x->is_failed = true;
		return -ENOMEM;
	}
	return pending_put(x, copy);
}

static int set_put(struct store *s, struct object_meta *object)
{
	struct entry *live = store_find(&s->objects[object->kind], object->ns, object->name);
	int kept = live == NULL ? 0 : next_inherit(s, live);
	int rc = live_put(s, object);

	return rc != 0 ? rc : kept;
}

int store_put(struct store *s, enum object_set set, struct object_meta *object)
{
	return set == OBJECT_NEXT ? next_put(s, object) : set_put(s, object);
}

static void next_del(struct store *s, enum object_kind kind, const char *ns, const char *name)
{
	struct next *x = &s->next[kind];
	struct entry *live = store_find(&s->objects[kind], ns, name);
	struct entry *e = store_find(&x->pending, ns, name);

	if (live != NULL)
		unmark(x, live);
	if (e != NULL)
		pending_drop(x, e);
}

int store_del(struct store *s, enum object_set set, enum object_kind kind, const char *ns,
	const char *name)
{
	if (set == OBJECT_NEXT) {
		next_del(s, kind, ns, name);
		return 0;
	}
	struct entry *live = store_find(&s->objects[kind], ns, name);
	if (live == NULL)
		return 0;
	int kept = next_inherit(s, live);
	live_del(s, live);
	return kept;
}

int store_keep(struct store *s, enum object_kind kind, const char *ns, const char *name)
{
	struct next *x = &s->next[kind];
	struct entry *live = store_find(&s->objects[kind], ns, name);
	struct entry *e = store_find(&x->pending, ns, name);

	if (e != NULL)
		pending_drop(x, e);
	if (live != NULL && x->is_active)
		mark(x, live);
	return 0;
}

int store_synced(struct store *s, enum object_kind kind)
{
	struct next *x = &s->next[kind];
	struct table *live = &s->objects[kind];
	int rc = 0;

	if (x->is_failed) {
		next_end(x);
		return -ENOMEM;
	}
	// What goes first: an address that moves to another object is then free.
	struct table_node *n = live->first;
	while (n != NULL) {
		struct entry *e = (void *)n;
		n = n->next;
		if (!is_marked(x, e) &&
			store_find(&x->pending, e->object->ns, e->object->name) == NULL)
			live_del(s, e);
	}
	while (x->pending.first != NULL) {
		struct entry *e = (void *)x->pending.first;
		struct object_meta *object = e->object;
		table_del(&x->pending, &e->node);
		free(e);
		int put = live_put(s, object);
		rc = rc != 0 ? rc : put;
	}
	next_end(x);
	return rc;
}

void store_diff(
	const struct store *s, enum object_kind kind, uint64_t upto, struct object_diff *diff)
{
	const struct next *x = &s->next[kind];
	const struct table *live = &s->objects[kind];

	*diff = (struct object_diff){.n_live = live->n, .n_next = x->n_marked + x->pending.n};
	for (struct table_node *n = live->first; n != NULL; n = n->next) {
		const struct entry *e = (void *)n;
		if (!is_marked(x, e) && e->object->resource_version <= upto &&
			store_find(&x->pending, e->object->ns, e->object->name) == NULL)
			diff->removed++;
	}
	for (struct table_node *n = x->pending.first; n != NULL; n = n->next) {
		const struct object_meta *o = ((const struct entry *)(void *)n)->object;
		const struct entry *e = store_find(live, o->ns, o->name);
		if (o->resource_version > upto || (e != NULL && e->object->resource_version > upto))
			continue;
		if (e == NULL)
			diff->added++;
		else
			diff->changed++;
	}
}
