// SPDX-License-Identifier: Apache-2.0
// From a changed object to the units that an overlay must carry.
#include "control/changes.h"

#include <errno.h>

static int note_name(void *user, const struct synth_name *name, uint32_t *id)
{
	*id = 0;
	return name_list_add(user, name->name, name->us_mask);
}

// Notes a unit in one set, with the names it has now. True when it is new there.
static bool note_unit(
	struct layers *l, struct dirty *d, size_t instance, const struct synth_unit *unit)
{
	if (dirty_find(d, instance, unit) != NULL)
		return false;
	struct dirty_unit *u = dirty_add(d, instance, unit);
	const struct synth_sink sink = {u == NULL ? NULL : &u->old, note_name};
	if (u == NULL || synth_emit(&l->setup->instances[instance].synth, unit, &sink, NULL) != 0)
		l->failed = -ENOMEM;
	return u != NULL;
}

// Units to note, because an object changed or because an alias points to one that did.
struct queue {
	struct layers *l;
	size_t instance;
	struct dirty seen;
};

static bool note_both(struct layers *l, size_t instance, const struct synth_unit *unit)
{
	bool is_new = false;

	if (l->has_base)
		is_new |= note_unit(l, &l->since, instance, unit);
	if (l->is_cutting)
		is_new |= note_unit(l, &l->next, instance, unit);
	return is_new;
}

static void queue_add(struct queue *q, const struct synth_unit *unit)
{
	if (dirty_find(&q->seen, q->instance, unit) == NULL &&
		dirty_add(&q->seen, q->instance, unit) == NULL)
		q->l->failed = -ENOMEM;
}

static void on_touch(void *user, const struct synth_unit *unit)
{
	queue_add(user, unit);
}

static void queue_aliases(struct queue *q, const struct synth_unit *target)
{
	const struct alias *a = aliases_first(&q->l->aliases, q->instance, target);

	for (; a != NULL; a = aliases_next(a)) {
		const struct synth_unit u = {.kind = UNIT_SERVICE, .ns = a->ns, .name = a->name};
		queue_add(q, &u);
	}
}

// The table's list is the queue: what is added while it is worked through comes at its end, and
// nothing is in it twice.
static void queue_run(struct queue *q)
{
	const struct synth_unit apex = {.kind = UNIT_APEX, .ns = "", .name = ""};

	queue_aliases(q, &apex); // the fixed names can change with any slice (k8s:2.4)
	for (struct table_node *n = q->seen.units.first; n != NULL; n = n->next) {
		const struct dirty_unit *u = (void *)n;
		if (note_both(q->l, q->instance, &u->unit))
			queue_aliases(q, &u->unit);
	}
	dirty_clear(&q->seen);
}

static void bump(struct synth *y, const struct object_meta *o, uint32_t now_s)
{
	bool is_import = o->kind == OBJECT_IMPORT || o->kind == OBJECT_IMPORT_SLICE;

	// Forward only, whatever the clock does (k8s:2.1).
	if ((is_import || o->kind == OBJECT_NAMESPACE) && now_s > y->clusterset_serial)
		y->clusterset_serial = now_s;
	if ((o->kind == OBJECT_SERVICE || o->kind == OBJECT_SLICE) && now_s > y->external_serial)
		y->external_serial = now_s;
	if (!is_import && now_s > y->serial)
		y->serial = now_s;
}

void changes_alias(
	struct layers *l, size_t i, const struct object_meta *old, const struct object_meta *new)
{
	const struct synth *y = &l->setup->instances[i].synth;

	if (old != NULL && old->kind == OBJECT_SERVICE)
		aliases_del(&l->aliases, y, i, (const void *)old);
	if (new != NULL &&new->kind == OBJECT_SERVICE &&
		aliases_add(&l->aliases, y, i, (const void *)new) != 0)
		l->failed = -ENOMEM;
}

void layers_changing(struct layers *l, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new, uint32_t now_s)
{
	for (size_t i = 0; i < l->setup->n_instances; i++) {
		struct instance *in = &l->setup->instances[i];
		struct queue q = {.l = l, .instance = i};
		if (in->cluster != c)
			continue;
		if (l->has_base || l->is_cutting) {
			synth_touch(&in->synth, old, new, on_touch, &q);
			queue_run(&q);
		}
		changes_alias(l, i, old, new);
		bump(&in->synth, new != NULL ? new : old, now_s);
	}
}
