// SPDX-License-Identifier: Apache-2.0
// PTR records (k8s:2.7): a service's cluster IP has one name, else each endpoint that has the
// address gives one. Namespaces that clients cannot see give none (quirk 6).
#include "control/synth/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS_ON_STACK = 4 };

static bool is_before(const struct object_meta *a, const struct object_meta *b)
{
	int c = strcmp(a->ns, b->ns);

	return c != 0 ? c < 0 : strcmp(a->name, b->name) < 0;
}

// Of several services with one address the first by name.
static const struct object_meta *first_service(
	const struct synth *y, const struct store_ref *refs, size_t n)
{
	const struct object_meta *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct object_meta *o = refs[i].owner;
		const struct object_service *s = (const void *)o;
		if (o->kind != OBJECT_SERVICE || s->type == OBJECT_EXTERNAL_NAME ||
			!synth_has_namespace(y, o->ns))
			continue;
		if (best == NULL || is_before(o, best))
			best = o;
	}
	return best;
}

// Like work_service_name; the report names the object, since the unit is only an address.
static bool owner_name(
	struct work *w, const struct object_meta *owner, const char *service, struct dname *out)
{
	size_t before = w->report->skipped_names;
	bool is_name = work_service_name(w, w->y->primary, owner->ns, service, out);

	if (w->report->skipped_names != before)
		w->report->owner = owner;
	return is_name;
}

static bool endpoint_target(struct work *w, const struct store_ref *ref,
	const struct object_address *addr, struct dname *out)
{
	const struct object_slice *s = (const void *)ref->owner;
	char buf[NAMES_ADDRESS_MAX_BYTES];

	if (ref->owner->kind != OBJECT_SLICE || !synth_has_namespace(w->y, s->meta.ns))
		return false;
	return owner_name(w, &s->meta, s->service_name, out) &&
		names_prepend_all(
			out, synth_host_name(w->y, &s->endpoints[ref->endpoint], addr, buf)) == 0;
}

static int target_compare(const void *a, const void *b)
{
	const struct record_data *x = a;
	const struct record_data *y = b;
	uint8_t n = x->target.size_bytes < y->target.size_bytes ? x->target.size_bytes
								: y->target.size_bytes;
	int c = memcmp(x->target.wire, y->target.wire, n);

	return c != 0 ? c : (int)x->target.size_bytes - (int)y->target.size_bytes;
}

static void target_add(struct record_data *data, size_t *n, const struct dname *target)
{
	memset(&data[*n], 0, offsetof(struct record_data, target));
	data[*n].target = *target;
	data[*n].priority = data[*n].weight = data[*n].port = 0;
	data[(*n)++].zone_tail_size = 0;
}

// The targets in data, which has room for n_refs of them; each once, in order.
static size_t find_targets(struct work *w, const struct object_address *addr,
	const struct store_ref *refs, size_t n_refs, struct record_data *data)
{
	const struct object_meta *service = first_service(w->y, refs, n_refs);
	struct dname target;
	size_t n = 0;
	size_t unique = 0;

	if (service != NULL) {
		if (owner_name(w, service, service->name, &target))
			target_add(data, &n, &target);
		return n;
	}
	for (size_t i = 0; i < n_refs; i++) {
		if (endpoint_target(w, &refs[i], addr, &target))
			target_add(data, &n, &target);
	}
	qsort(data, n, sizeof(data[0]), target_compare);
	for (size_t i = 0; i < n; i++) {
		if (unique == 0 || target_compare(&data[unique - 1], &data[i]) != 0)
			data[unique++] = data[i];
	}
	return unique;
}

static int emit_ptr(
	struct work *w, const struct object_address *addr, const struct record_data *data, size_t n)
{
	const struct record_set set = {
		.type = RR_TYPE_PTR, .ttl_s = w->y->config->ttl, .data = data, .n = n};
	struct dname name;
	const struct synth_name out = {.name = &name,
		.us_mask = RECORD_US_EXACT,
		.flags = SYNTH_STRICT,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = &set,
		.n_sets = 1};
	const struct synth_zone *zone = NULL;

	names_reverse(addr, &name);
	for (size_t i = 0; i < w->y->n_zones; i++) {
		const struct synth_zone *z = &w->y->zones[i];
		if (z->kind != SYNTH_EXTERNAL && dname_is_within(name.wire, z->name.wire) &&
			(zone == NULL || z->name.size_bytes > zone->name.size_bytes))
			zone = z;
	}
	return zone == NULL ? 0 : work_emit(w, zone, &out, NULL);
}

void synth_reverse_name(const struct object_address *addr, struct dname *out)
{
	names_reverse(addr, out);
}

int unit_reverse(struct work *w, const struct object_address *addr)
{
	struct record_data few[TARGETS_ON_STACK];
	size_t n_refs;
	const struct store_ref *refs = store_refs(w->y->store, addr, &n_refs);
	struct record_data *data = few;

	if (n_refs == 0 || w->y->primary == NULL)
		return 0;
	if (n_refs > TARGETS_ON_STACK)
		data = arena_alloc(&w->arena, n_refs * sizeof(*data));
	if (data == NULL)
		return -ENOMEM;
	size_t n = find_targets(w, addr, refs, n_refs, data);
	return n == 0 ? 0 : emit_ptr(w, addr, data, n);
}
