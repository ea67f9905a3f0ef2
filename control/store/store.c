// SPDX-License-Identifier: Apache-2.0
// The objects that are served, by kind and name.
#include "control/store/store.h"

#include "control/store/hash.h"
#include "control/store/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct store *store_new(store_changing_fn *changing, void *user)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->changing = changing;
	s->user = user;
	for (int k = 0; k < OBJECT_KINDS; k++)
		s->next[k].epoch = 1; // 0 marks nothing
	return s;
}

static void entries_free(struct table *t)
{
	struct table_node *n = t->first;

	while (n != NULL) {
		struct entry *e = (void *)n;
		n = n->next;
		object_free(e->object);
		free(e);
	}
	table_fini(t);
}

void store_free(struct store *s)
{
	if (s == NULL)
		return;
	index_fini(s);
	for (int k = 0; k < OBJECT_KINDS; k++) {
		entries_free(&s->objects[k]);
		entries_free(&s->next[k].pending);
	}
	free(s);
}

uint64_t store_key(const char *ns, const char *name)
{
	return hash_str(hash_str(0, ns), name);
}

struct entry *store_find(const struct table *t, const char *ns, const char *name)
{
	struct table_node *n = table_first(t, store_key(ns, name));

	for (; n != NULL; n = table_next(n)) {
		struct entry *e = (void *)n;
		if (strcmp(e->object->name, name) == 0 && strcmp(e->object->ns, ns) == 0)
			return e;
	}
	return NULL;
}

static void tell(
	const struct store *s, const struct object_meta *old, const struct object_meta *new)
{
	if (s->changing != NULL)
		s->changing(s->user, old, new);
}

static int live_add(struct store *s, struct object_meta *object)
{
	struct entry *e = calloc(1, sizeof(*e));

	tell(s, NULL, object);
	if (e == NULL || index_add(s, object) != 0) {
		free(e);
		object_free(object);
		return -ENOMEM;
	}
	e->object = object;
	if (table_add(&s->objects[object->kind], &e->node, store_key(object->ns, object->name)) !=
		0) {
		index_del(s, object);
		object_free(object);
		free(e);
		return -ENOMEM;
	}
	return 0;
}

int live_put(struct store *s, struct object_meta *object)
{
	struct entry *e = store_find(&s->objects[object->kind], object->ns, object->name);

	if (e == NULL)
		return live_add(s, object);
	if (!store_is_equal(e->object, object))
		tell(s, e->object, object);
	index_del(s, e->object);
	object_free(e->object);
	e->object = object;
	if (index_add(s, object) == 0)
		return 0;
	table_del(&s->objects[object->kind], &e->node);
	object_free(object);
	free(e);
	return -ENOMEM;
}

void live_del(struct store *s, struct entry *e)
{
	tell(s, e->object, NULL);
	index_del(s, e->object);
	table_del(&s->objects[e->object->kind], &e->node);
	object_free(e->object);
	free(e);
}

size_t store_count(const struct store *s, enum object_kind kind)
{
	return s->objects[kind].n;
}

static const struct object_meta *find_object(
	const struct store *s, enum object_kind kind, const char *ns, const char *name)
{
	const struct entry *e = store_find(&s->objects[kind], ns, name);

	return e == NULL ? NULL : e->object;
}

const struct object_namespace *store_namespace(const struct store *s, const char *ns)
{
	return (const void *)find_object(s, OBJECT_NAMESPACE, "", ns);
}

const struct object_service *store_service(const struct store *s, const char *ns, const char *name)
{
	return (const void *)find_object(s, OBJECT_SERVICE, ns, name);
}

const struct object_import *store_import(const struct store *s, const char *ns, const char *name)
{
	return (const void *)find_object(s, OBJECT_IMPORT, ns, name);
}

static struct table *walk_table(struct store *s, enum store_walk walk)
{
	switch (walk) {
	case STORE_WALK_NAMESPACES:
		return &s->objects[OBJECT_NAMESPACE];
	case STORE_WALK_SERVICES:
		return &s->objects[OBJECT_SERVICE];
	case STORE_WALK_IMPORTS:
		return &s->objects[OBJECT_IMPORT];
	case STORE_WALK_PODS:
		return &s->pods;
	case STORE_WALK_ADDRESSES:
	case STORE_WALKS:
		break;
	}
	return &s->addresses;
}

void store_rewind(struct store *s, enum store_walk walk)
{
	table_rewind(walk_table(s, walk));
}

bool store_step(struct store *s, enum store_walk walk, struct store_walked *out)
{
	struct table_node *n = table_walk(walk_table(s, walk));

	*out = (struct store_walked){0};
	if (n == NULL)
		return false;
	if (walk == STORE_WALK_PODS) {
		const struct pod_place *p = (void *)n;
		out->ns = p->ns;
		out->label = p->label;
		out->addr = &p->addr;
	} else if (walk == STORE_WALK_ADDRESSES) {
		out->addr = &((const struct address *)(void *)n)->addr;
	} else {
		out->object = ((const struct entry *)(void *)n)->object;
	}
	return true;
}

void store_each(const struct store *s, enum object_kind kind, store_each_fn *each, void *user)
{
	for (struct table_node *n = s->objects[kind].first; n != NULL; n = n->next)
		each(user, ((struct entry *)(void *)n)->object);
}
