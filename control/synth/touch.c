// SPDX-License-Identifier: Apache-2.0
// Which units a change of an object can change; and units as keys.
#include "control/store/hash.h"
#include "control/synth/names.h"
#include "control/synth/work.h"

#include <stdlib.h>
#include <string.h>

uint64_t synth_unit_hash(const struct synth_unit *u)
{
	uint64_t h = hash_bytes((uint64_t)u->kind, &u->addr, sizeof(u->addr));

	return hash_str(hash_str(h, u->ns), u->name);
}

bool synth_unit_is_equal(const struct synth_unit *a, const struct synth_unit *b)
{
	return a->kind == b->kind && object_address_is_equal(&a->addr, &b->addr) &&
		strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0;
}

struct touch {
	const struct synth *y;
	synth_touch_fn *fn;
	void *user;
	const char *ns; // touch_namespace: only objects of this namespace
};

static void touch_named(
	const struct touch *t, enum synth_unit_kind kind, const char *ns, const char *name)
{
	const struct synth_unit u = {.kind = kind, .ns = ns, .name = name};

	t->fn(t->user, &u);
}

static void touch_reverse(const struct touch *t, const struct object_address *addr)
{
	const struct synth_unit u = {.kind = UNIT_REVERSE, .ns = "", .name = "", .addr = *addr};

	t->fn(t->user, &u);
}

static void touch_pod(const struct touch *t, const struct object_pod *pod)
{
	const struct synth_unit u = {
		.kind = UNIT_POD, .ns = pod->meta.ns, .name = pod->label, .addr = pod->ip};

	if (pod->ip.family != 0)
		t->fn(t->user, &u);
}

static void touch_service(const struct touch *t, const struct object_service *s)
{
	touch_named(t, UNIT_SERVICE, s->meta.ns, s->meta.name);
	for (uint16_t i = 0; i < s->n_cluster_ips; i++)
		touch_reverse(t, &s->cluster_ips[i]);
}

// What an endpoint's address is called: two slices differ for reverse names where these differ.
struct called {
	const struct object_address *addr;
	const char *hostname, *target_name;
	const char *service;
};

static int called_compare(const void *a, const void *b)
{
	const struct called *x = a;
	const struct called *y = b;
	int c = memcmp(x->addr, y->addr, sizeof(*x->addr));

	if (c == 0)
		c = strcmp(x->hostname, y->hostname);
	if (c == 0)
		c = strcmp(x->target_name, y->target_name);
	return c != 0 ? c : strcmp(x->service, y->service);
}

static size_t called_fill(const struct object_slice *s, struct called *out)
{
	size_t n = 0;

	for (uint32_t i = 0; s != NULL && i < s->n_endpoints; i++) {
		const struct object_endpoint *e = &s->endpoints[i];
		for (uint16_t k = 0; k < e->n_addresses; k++) {
			if (out != NULL)
				out[n] = (struct called){&e->addresses[k], e->hostname,
					e->target_name, s->service_name};
			n++;
		}
	}
	return n;
}

static void touch_all(const struct touch *t, const struct object_slice *s)
{
	for (uint32_t i = 0; s != NULL && i < s->n_endpoints; i++) {
		for (uint16_t k = 0; k < s->endpoints[i].n_addresses; k++)
			touch_reverse(t, &s->endpoints[i].addresses[k]);
	}
}

// The addresses that only one of the two versions has, or calls so: a hundred endpoints of which
// one is new touch one reverse name.
static void touch_difference(
	const struct touch *t, const struct object_slice *old, const struct object_slice *new)
{
	size_t n = called_fill(old, NULL);
	size_t m = called_fill(new, NULL);
	struct called *a = malloc((n + m + 1) * sizeof(*a));
	size_t i = 0;
	size_t k = 0;

	if (a == NULL) { // too many is never wrong
		touch_all(t, old);
		touch_all(t, new);
		return;
	}
	struct called *b = a + n;
	(void)called_fill(old, a);
	(void)called_fill(new, b);
	qsort(a, n, sizeof(*a), called_compare);
	qsort(b, m, sizeof(*b), called_compare);
	while (i < n || k < m) {
		int c = i == n ? 1 : k == m ? -1 : called_compare(&a[i], &b[k]);
		if (c != 0)
			touch_reverse(t, c < 0 ? a[i].addr : b[k].addr);
		i += c <= 0;
		k += c >= 0;
	}
	free(a);
}

static void touch_slice(
	const struct touch *t, const struct object_slice *old, const struct object_slice *new)
{
	const struct object_slice *both[] = {old, new};

	for (int i = 0; i < 2; i++) {
		if (both[i] != NULL)
			touch_named(t, UNIT_SERVICE, both[i]->meta.ns, both[i]->service_name);
	}
	touch_difference(t, old, new);
}

static void touch_import(const struct touch *t, const struct object_meta *o)
{
	if (o == NULL)
		return;
	const char *name = o->kind == OBJECT_IMPORT
		? o->name
		: ((const struct object_slice *)(const void *)o)->service_name;
	touch_named(t, UNIT_IMPORT, o->ns, name);
}

static void touch_member(void *user, const struct object_meta *o)
{
	const struct touch *t = user;

	if (strcmp(o->ns, t->ns) != 0)
		return;
	if (o->kind == OBJECT_SERVICE)
		touch_service(t, (const void *)o);
	else if (o->kind == OBJECT_SLICE)
		touch_all(t, (const void *)o);
	else if (o->kind == OBJECT_POD)
		touch_pod(t, (const void *)o);
	else
		touch_import(t, o);
}

// Namespaces come before what is in them and go after it: this walk is rarely long.
static void touch_namespace(struct touch *t, const char *ns)
{
	static const enum object_kind kinds[] = {
		OBJECT_SERVICE, OBJECT_SLICE, OBJECT_POD, OBJECT_IMPORT};

	touch_named(t, UNIT_NAMESPACE, ns, "");
	t->ns = ns;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		store_each(t->y->store, kinds[i], touch_member, t);
}

void synth_touch(const struct synth *y, const struct object_meta *old,
	const struct object_meta *new, synth_touch_fn *fn, void *user)
{
	struct touch t = {.y = y, .fn = fn, .user = user};
	const struct object_meta *o = new != NULL ? new : old;

	switch (o->kind) {
	case OBJECT_NAMESPACE:
		touch_namespace(&t, o->name);
		break;
	case OBJECT_SERVICE:
		if (old != NULL)
			touch_service(&t, (const void *)old);
		if (new != NULL)
			touch_service(&t, (const void *)new);
		break;
	case OBJECT_SLICE:
		touch_slice(&t, (const void *)old, (const void *)new);
		break;
	case OBJECT_POD:
		if (old != NULL)
			touch_pod(&t, (const void *)old);
		if (new != NULL)
			touch_pod(&t, (const void *)new);
		break;
	case OBJECT_IMPORT:
	case OBJECT_IMPORT_SLICE:
		touch_import(&t, old);
		touch_import(&t, new);
		break;
	case OBJECT_KINDS:
		break;
	}
}
