// SPDX-License-Identifier: Apache-2.0
// Cuts bases, builds overlays.
#include "control/layers.h"

#include "control/base/log.h"
#include "control/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void layers_init(struct layers *l, struct setup *setup)
{
	memset(l, 0, sizeof(*l));
	l->setup = setup;
}

void layers_abandon(struct layers *l)
{
	image_build_free(l->build);
	l->build = NULL;
	dirty_clear(&l->next);
	l->is_cutting = false;
}

void layers_fini(struct layers *l)
{
	layers_abandon(l);
	dirty_clear(&l->since);
	aliases_fini(&l->aliases);
}

uint32_t layers_serial(const struct layers *l)
{
	uint32_t serial = 0;

	for (size_t i = 0; i < l->setup->n_instances; i++) {
		const struct synth *y = &l->setup->instances[i].synth;
		if (y->serial > serial)
			serial = y->serial;
		if (y->clusterset_serial > serial)
			serial = y->clusterset_serial;
	}
	return serial;
}

struct enter {
	struct layers *l;
	size_t instance;
};

static void enter_alias(void *user, const struct object_meta *o)
{
	struct enter *e = user;

	changes_alias(e->l, e->instance, NULL, o);
}

int layers_synced(struct layers *l, const struct cluster *c)
{
	for (size_t i = 0; i < l->setup->n_instances; i++) {
		struct enter e = {l, i};
		if (l->setup->instances[i].cluster == c)
			store_each(cluster_store(c), OBJECT_SERVICE, enter_alias, &e);
	}
	return l->failed;
}

// Names on their way into an image.
struct feed {
	struct image_build *build;
	uint16_t view;
	struct name_list *names; // NULL: nobody wants to know which they were
};

static uint8_t name_flags(unsigned synth)
{
	unsigned flags = 0;

	if (synth & SYNTH_POD_NS)
		flags |= NAME_POD_NS;
	if (synth & SYNTH_WILDCARD)
		flags |= NAME_WILDCARD;
	if (synth & SYNTH_STRICT)
		flags |= NAME_STRICT;
	if (synth & SYNTH_NO_PTR)
		flags |= NAME_NO_PTR;
	if (synth & SYNTH_FOR_ADDRESS)
		flags |= NAME_TOMBSTONE | NAME_FOR_ADDRESS;
	if (synth & SYNTH_UNREADY)
		flags |= NAME_TOMBSTONE | NAME_UNREADY;
	return (uint8_t)flags;
}

static int feed_name(void *user, const struct synth_name *n, uint32_t *id)
{
	struct feed *f = user;
	const struct image_build_name out = {.view = f->view,
		.wire = n->name->wire,
		.us_mask = n->us_mask,
		.flags = name_flags(n->flags),
		.sets = n->sets,
		.n_sets = n->n_sets,
		.alias_of = n->alias_of == SYNTH_NO_ALIAS ? IMAGE_NONE : n->alias_of};

	if (f->names != NULL && name_list_add(f->names, n->name, n->us_mask) != 0)
		return -ENOMEM;
	return image_build_name(f->build, &out, id);
}

static const char *unit_kind_name(enum synth_unit_kind kind)
{
	static const char *const names[] = {[UNIT_APEX] = "zone",
		[UNIT_NAMESPACE] = "namespace",
		[UNIT_SERVICE] = "service",
		[UNIT_IMPORT] = "serviceimport",
		[UNIT_POD] = "pod",
		[UNIT_REVERSE] = "address"};

	return names[kind];
}

static bool is_clean(const struct synth_report *r)
{
	return r->skipped_names == 0 && r->skipped_values == 0 && r->capped_sets == 0;
}

// rel:K5: what is left out is counted and named; the others are unaffected.
static void tell(struct layers *l, const struct synth_unit *u, const struct synth_report *r)
{
	enum { LINES = 32, EACH_MS = 10000 }; // so many lines in so much time
	static struct log_limit limit[LINES];
	static unsigned next;
	const struct object_meta *o = r->owner; // of an address, which has no name
	uint64_t held = 0;

	l->stats.skipped += r->skipped_names + r->skipped_values;
	l->stats.capped += r->capped_sets;
	if (!log_limit_pass(&limit[next % LINES], EACH_MS, &held))
		return;
	next++;
	log_warn("synth", "object cannot be served whole", LOG_STR("kind", unit_kind_name(u->kind)),
		LOG_STR("namespace", o != NULL ? o->ns : u->ns),
		LOG_STR("name", o != NULL ? o->name : u->name), LOG_STR("reason", r->why),
		LOG_NUM("names_skipped", r->skipped_names),
		LOG_NUM("values_skipped", r->skipped_values),
		LOG_NUM("sets_capped", r->capped_sets), LOG_NUM("held_back", held));
}

static int feed_unit(struct layers *l, size_t instance, const struct synth_unit *unit,
	struct feed *f, bool *is_told)
{
	const struct synth_sink sink = {f, feed_name};
	struct synth_report report;

	f->view = (uint16_t)(instance + 1);
	int rc = synth_emit(&l->setup->instances[instance].synth, unit, &sink, &report);
	if (!is_clean(&report) && !*is_told) {
		*is_told = true;
		tell(l, unit, &report);
	}
	return rc;
}

static int feed_apexes(struct layers *l, struct image_build *b)
{
	const struct synth_unit apex = {.kind = UNIT_APEX, .ns = "", .name = ""};
	struct feed f = {.build = b};
	int rc = 0;

	for (size_t i = 0; i < l->setup->n_instances && rc == 0; i++) {
		bool is_told = true;
		rc = feed_unit(l, i, &apex, &f, &is_told);
	}
	return rc;
}

// Names of hosts files only change with the setup: bases carry them, overlays need not.
static int feed_hosts(const struct layers *l, struct image_build *b)
{
	const struct setup *s = l->setup;
	int rc = 0;

	for (size_t i = 0; i < s->config.n_servers && rc == 0; i++) {
		if (s->hosts[i].config != NULL)
			rc = hosts_feed(&s->hosts[i], policy_hosts_view(s->policy, i), b);
	}
	return rc;
}

int layers_cut(struct layers *l, uint64_t generation, uint32_t serial)
{
	const struct image_build_id id = {.kind = IMAGE_BASE,
		.generation = generation,
		.serial = serial,
		.corefile = setup_corefile(l->setup)};

	layers_abandon(l);
	l->build = image_build_new(&id);
	if (l->build == NULL)
		return -ENOMEM;
	int rc = policy_write(l->setup->policy, l->build, setup_views(l->setup));
	if (rc == 0)
		rc = feed_apexes(l, l->build);
	if (rc == 0)
		rc = feed_hosts(l, l->build);
	if (rc != 0) {
		layers_abandon(l);
		return rc;
	}
	l->is_cutting = true;
	l->failed = 0;
	l->instance = 0;
	l->walk = -1;
	l->units = 0;
	l->stats = (struct layers_stats){0};
	return 0;
}

static struct synth_unit walked_unit(enum store_walk walk, const struct store_walked *w)
{
	static const enum synth_unit_kind kinds[STORE_WALKS] = {
		[STORE_WALK_NAMESPACES] = UNIT_NAMESPACE,
		[STORE_WALK_SERVICES] = UNIT_SERVICE,
		[STORE_WALK_IMPORTS] = UNIT_IMPORT,
		[STORE_WALK_PODS] = UNIT_POD,
		[STORE_WALK_ADDRESSES] = UNIT_REVERSE};
	struct synth_unit u = {.kind = kinds[walk], .ns = "", .name = ""};

	if (w->addr != NULL)
		u.addr = *w->addr;
	if (w->ns != NULL)
		u.ns = w->ns;
	if (w->label != NULL)
		u.name = w->label;
	if (w->object != NULL) {
		u.ns = walk == STORE_WALK_NAMESPACES ? w->object->name : w->object->ns;
		u.name = walk == STORE_WALK_NAMESPACES ? "" : w->object->name;
	}
	return u;
}

// The next unit of the base in the making; false when there is none.
static bool next_unit(struct layers *l, struct synth_unit *out)
{
	while (l->instance < l->setup->n_instances) {
		struct store *s = cluster_store(l->setup->instances[l->instance].cluster);
		struct store_walked w;
		if (l->walk >= 0 && l->walk < STORE_WALKS &&
			store_step(s, (enum store_walk)l->walk, &w)) {
			*out = walked_unit((enum store_walk)l->walk, &w);
			return true;
		}
		if (++l->walk < STORE_WALKS) {
			store_rewind(s, (enum store_walk)l->walk);
			continue;
		}
		l->walk = -1;
		l->instance++;
	}
	return false;
}

int layers_step(struct layers *l, size_t n)
{
	struct feed f = {.build = l->build};
	struct synth_unit u;

	for (size_t i = 0; i < n; i++) {
		bool is_told = false;
		if (l->failed != 0)
			return l->failed;
		if (!next_unit(l, &u))
			return 0;
		// An unsynced instance has only its fixed names (api:F1).
		if (!cluster_is_synced(l->setup->instances[l->instance].cluster) ||
			dirty_find(&l->next, l->instance, &u) != NULL)
			continue;
		l->units++;
		int rc = feed_unit(l, l->instance, &u, &f, &is_told);
		if (rc != 0)
			return rc;
	}
	return 1;
}

struct image_build *layers_take(struct layers *l)
{
	struct image_build *b = l->build;

	l->build = NULL;
	return b;
}

void layers_switch(struct layers *l, uint64_t generation, uint64_t hash)
{
	dirty_clear(&l->since);
	l->since = l->next;
	l->next = (struct dirty){0};
	l->is_cutting = false;
	l->has_base = true;
	l->base_generation = generation;
	l->base_hash = hash;
}

static int listed_compare(const void *a, const void *b)
{
	const struct listed_name *x = a;
	const struct listed_name *y = b;
	size_t n = dname_size(x->wire, DNS_NAME_MAX_BYTES);
	size_t m = dname_size(y->wire, DNS_NAME_MAX_BYTES);
	int c = memcmp(x->wire, y->wire, n < m ? n : m);

	if (c == 0 && n != m)
		c = n < m ? -1 : 1;
	return c != 0 ? c : (int)x->us_mask - (int)y->us_mask;
}

// Sorted array (malloc) of a list; NULL when memory is short.
static struct listed_name *sorted(const struct name_list *l, size_t *n)
{
	struct listed_name *out = malloc((l->size_bytes / 2 + 1) * sizeof(*out));
	size_t pos = 0;

	*n = 0;
	if (out == NULL)
		return NULL;
	while (name_list_next(l, &pos, &out[*n]))
		(*n)++;
	qsort(out, *n, sizeof(*out), listed_compare);
	return out;
}

// Hides the names that the base has and the unit no longer.
static int feed_tombstones(
	const struct dirty_unit *u, const struct name_list *names, struct image_build *b)
{
	struct listed_name name;
	size_t pos = 0;
	size_t n;
	int rc = 0;

	if (u->old.size_bytes == 0)
		return 0;
	struct listed_name *now = sorted(names, &n);
	if (now == NULL)
		return -ENOMEM;
	while (rc == 0 && name_list_next(&u->old, &pos, &name)) {
		const struct image_build_name gone = {.view = (uint16_t)(u->instance + 1),
			.wire = name.wire,
			.us_mask = name.us_mask,
			.flags = NAME_TOMBSTONE,
			.alias_of = IMAGE_NONE};
		if (bsearch(&name, now, n, sizeof(*now), listed_compare) == NULL)
			rc = image_build_name(b, &gone, NULL);
	}
	free(now);
	return rc;
}

static int feed_dirty(struct layers *l, struct image_build *b)
{
	struct name_list names = {0};
	int rc = 0;

	for (struct table_node *n = l->since.units.first; n != NULL && rc == 0; n = n->next) {
		struct dirty_unit *u = (void *)n;
		struct feed f = {.build = b, .names = &names};
		names.size_bytes = 0;
		rc = feed_unit(l, u->instance, &u->unit, &f, &u->is_told);
		if (rc == 0)
			rc = feed_tombstones(u, &names, b);
	}
	name_list_fini(&names);
	return rc;
}

struct image_build *layers_overlay(struct layers *l, uint64_t generation, uint32_t serial)
{
	const struct image_build_id id = {.kind = IMAGE_OVERLAY,
		.generation = generation,
		.base_generation = l->base_generation,
		.base_hash = l->base_hash,
		.serial = serial,
		.corefile = setup_corefile(l->setup)};
	struct image_build *b = image_build_new(&id);

	if (b == NULL)
		return NULL;
	int rc = policy_write(l->setup->policy, b, setup_views(l->setup));
	if (rc == 0)
		rc = feed_apexes(l, b);
	if (rc == 0)
		rc = feed_dirty(l, b);
	if (rc == 0)
		return b;
	image_build_free(b);
	return NULL;
}
