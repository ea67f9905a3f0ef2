// SPDX-License-Identifier: Apache-2.0
// The derived indexes: slices by service, everybody by address, pods by namespace and address.
#include "control/store/hash.h"
#include "control/store/private.h"
#include "zones/base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct table *groups_of(const struct store *s, enum object_kind kind)
{
	const struct table *t = &s->groups[kind == OBJECT_IMPORT_SLICE ? 1 : 0];

	return (struct table *)(uintptr_t)t; // callers that change it have the store unconst
}

static struct store_group *group_find(const struct table *t, const char *ns, const char *service)
{
	struct table_node *n = table_first(t, store_key(ns, service));

	for (; n != NULL; n = table_next(n)) {
		struct store_group *g = (void *)n;
		if (strcmp(g->service, service) == 0 && strcmp(g->ns, ns) == 0)
			return g;
	}
	return NULL;
}

static struct store_group *group_new(struct table *t, const char *ns, const char *service)
{
	size_t ns_bytes = strlen(ns) + 1;
	size_t service_bytes = strlen(service) + 1;
	struct store_group *g = calloc(1, sizeof(*g) + ns_bytes + service_bytes);

	if (g == NULL)
		return NULL;
	char *text = (char *)(g + 1);
	g->ns = memcpy(text, ns, ns_bytes);
	g->service = memcpy(text + ns_bytes, service, service_bytes);
	if (table_add(t, &g->node, store_key(ns, service)) != 0) {
		free(g);
		return NULL;
	}
	return g;
}

static void group_end(struct table *t, struct store_group *g)
{
	if (g->n > 0)
		return;
	table_del(t, &g->node);
	free(g->slices);
	free(g);
}

static int group_add(struct table *t, const struct object_slice *slice)
{
	struct store_group *g = group_find(t, slice->meta.ns, slice->service_name);

	if (g == NULL)
		g = group_new(t, slice->meta.ns, slice->service_name);
	if (g == NULL)
		return -ENOMEM;
	void *grown = array_grow(g->slices, &g->cap, g->n + 1, sizeof(struct object_slice *));
	if (grown == NULL) {
		group_end(t, g);
		return -ENOMEM;
	}
	g->slices = grown;
	// Sorted by name, so that the same objects in any order give the same records.
	size_t at = g->n++;
	for (; at > 0 && strcmp(g->slices[at - 1]->meta.name, slice->meta.name) > 0; at--)
		g->slices[at] = g->slices[at - 1];
	g->slices[at] = slice;
	return 0;
}

static void group_del(struct table *t, const struct object_slice *slice)
{
	struct store_group *g = group_find(t, slice->meta.ns, slice->service_name);

	for (size_t i = 0; g != NULL && i < g->n; i++) {
		if (g->slices[i] != slice)
			continue;
		g->n--;
		memmove(g->slices + i, g->slices + i + 1,
			(g->n - i) * sizeof(struct object_slice *));
		group_end(t, g);
		return;
	}
}

static uint64_t address_key(const struct object_address *addr)
{
	return hash_bytes(0, addr, sizeof(*addr));
}

static struct address *address_find(const struct table *t, const struct object_address *addr)
{
	struct table_node *n = table_first(t, address_key(addr));

	for (; n != NULL; n = table_next(n)) {
		struct address *a = (void *)n;
		if (object_address_is_equal(&a->addr, addr))
			return a;
	}
	return NULL;
}

static struct address *address_new(struct table *t, const struct object_address *addr)
{
	struct address *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->addr = *addr;
	if (table_add(t, &a->node, address_key(addr)) != 0) {
		free(a);
		return NULL;
	}
	return a;
}

static struct store_ref *address_refs(struct address *a)
{
	return a->cap == 0 ? &a->one : a->many;
}

// Room for one more reference.
static int address_room(struct address *a)
{
	uint32_t cap = a->cap == 0 ? 4 : a->cap * 2;

	if (a->n == 0 || a->n < a->cap)
		return 0;
	struct store_ref *many = malloc(cap * sizeof(*many));
	if (many == NULL)
		return -ENOMEM;
	memcpy(many, address_refs(a), a->n * sizeof(*many));
	if (a->cap != 0)
		free(a->many);
	a->many = many;
	a->cap = cap;
	return 0;
}

static void address_end(struct table *t, struct address *a)
{
	if (a->n > 0)
		return;
	table_del(t, &a->node);
	if (a->cap != 0)
		free(a->many);
	free(a);
}

static int address_add(
	struct table *t, const struct object_address *addr, const struct store_ref *ref)
{
	struct address *a = address_find(t, addr);

	if (a == NULL)
		a = address_new(t, addr);
	if (a == NULL || address_room(a) != 0)
		return -ENOMEM;
	address_refs(a)[a->n++] = *ref;
	return 0;
}

static void address_del(struct table *t, const struct object_address *addr,
	const struct object_meta *owner, uint32_t endpoint)
{
	struct address *a = address_find(t, addr);

	for (uint32_t i = 0; a != NULL && i < a->n; i++) {
		struct store_ref *refs = address_refs(a);
		if (refs[i].owner != owner || refs[i].endpoint != endpoint)
			continue;
		refs[i] = refs[--a->n];
		address_end(t, a);
		return;
	}
}

// Both directions visit the same addresses: `add` false takes out as much as was entered.
static int slice_addresses(struct store *s, const struct object_slice *slice, bool add)
{
	for (uint32_t i = 0; i < slice->n_endpoints; i++) {
		const struct object_endpoint *e = &slice->endpoints[i];
		for (uint16_t k = 0; k < e->n_addresses; k++) {
			const struct store_ref ref = {&slice->meta, i};
			if (!add)
				address_del(&s->addresses, &e->addresses[k], ref.owner, i);
			else if (address_add(&s->addresses, &e->addresses[k], &ref) != 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static size_t slice_count(const struct object_slice *slice)
{
	size_t n = 0;

	for (uint32_t i = 0; i < slice->n_endpoints; i++)
		n += slice->endpoints[i].n_addresses;
	return n;
}

static int service_addresses(struct store *s, const struct object_service *service, bool add)
{
	for (uint16_t i = 0; i < service->n_cluster_ips; i++) {
		const struct store_ref ref = {&service->meta, 0};
		if (!add)
			address_del(&s->addresses, &service->cluster_ips[i], ref.owner, 0);
		else if (address_add(&s->addresses, &service->cluster_ips[i], &ref) != 0)
			return -ENOMEM;
	}
	return 0;
}

static uint64_t pod_key(const char *ns, const struct object_address *addr)
{
	return hash_bytes(hash_str(0, ns), addr, sizeof(*addr));
}

static struct pod_place *pod_find(
	const struct table *t, const char *ns, const char *label, const struct object_address *addr)
{
	struct table_node *n = table_first(t, pod_key(ns, addr));

	for (; n != NULL; n = table_next(n)) {
		struct pod_place *p = (void *)n;
		if (object_address_is_equal(&p->addr, addr) && strcmp(p->ns, ns) == 0 &&
			strcmp(p->label, label) == 0)
			return p;
	}
	return NULL;
}

static int pod_add(struct table *t, const struct object_pod *pod)
{
	if (pod->ip.family == 0)
		return 0;
	struct pod_place *p = pod_find(t, pod->meta.ns, pod->label, &pod->ip);
	if (p == NULL) {
		size_t ns_bytes = strlen(pod->meta.ns) + 1;
		size_t label_bytes = strlen(pod->label) + 1;
		p = calloc(1, sizeof(*p) + ns_bytes + label_bytes);
		if (p == NULL)
			return -ENOMEM;
		p->addr = pod->ip;
		memcpy(p->ns, pod->meta.ns, ns_bytes);
		p->label = memcpy(p->ns + ns_bytes, pod->label, label_bytes);
		if (table_add(t, &p->node, pod_key(p->ns, &p->addr)) != 0) {
			free(p);
			return -ENOMEM;
		}
	}
	p->n++;
	return 0;
}

static void pod_del(struct table *t, const struct object_pod *pod)
{
	struct pod_place *p = pod_find(t, pod->meta.ns, pod->label, &pod->ip);

	if (p == NULL || --p->n > 0)
		return;
	table_del(t, &p->node);
	free(p);
}

int index_add(struct store *s, const struct object_meta *object)
{
	int rc = 0;

	switch (object->kind) {
	case OBJECT_SERVICE:
		rc = service_addresses(s, (const void *)object, true);
		break;
	case OBJECT_SLICE:
		rc = slice_addresses(s, (const void *)object, true);
		s->n_endpoints += slice_count((const void *)object);
		if (rc == 0)
			rc = group_add(groups_of(s, OBJECT_SLICE), (const void *)object);
		break;
	case OBJECT_IMPORT_SLICE:
		rc = group_add(groups_of(s, OBJECT_IMPORT_SLICE), (const void *)object);
		break;
	case OBJECT_POD:
		rc = pod_add(&s->pods, (const void *)object);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_IMPORT:
	case OBJECT_KINDS:
		break;
	}
	if (rc != 0)
		index_del(s, object);
	return rc;
}

void index_del(struct store *s, const struct object_meta *object)
{
	switch (object->kind) {
	case OBJECT_SERVICE:
		(void)service_addresses(s, (const void *)object, false); // cannot fail
		break;
	case OBJECT_SLICE:
		(void)slice_addresses(s, (const void *)object, false); // cannot fail
		s->n_endpoints -= slice_count((const void *)object);
		group_del(groups_of(s, OBJECT_SLICE), (const void *)object);
		break;
	case OBJECT_IMPORT_SLICE:
		group_del(groups_of(s, OBJECT_IMPORT_SLICE), (const void *)object);
		break;
	case OBJECT_POD:
		pod_del(&s->pods, (const void *)object);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_IMPORT:
	case OBJECT_KINDS:
		break;
	}
}

static void group_free(struct table_node *n)
{
	free(((struct store_group *)(void *)n)->slices);
	free(n);
}

static void address_free(struct table_node *n)
{
	struct address *a = (void *)n;

	if (a->cap != 0)
		free(a->many);
	free(a);
}

static void node_free(struct table_node *n)
{
	free(n);
}

static void drain(struct table *t, void (*release)(struct table_node *n))
{
	struct table_node *n = t->first;

	while (n != NULL) {
		struct table_node *next = n->next;
		release(n);
		n = next;
	}
	table_fini(t);
}

void index_fini(struct store *s)
{
	drain(&s->groups[0], group_free);
	drain(&s->groups[1], group_free);
	drain(&s->addresses, address_free);
	drain(&s->pods, node_free);
}

const struct store_group *store_slices(
	const struct store *s, enum object_kind kind, const char *ns, const char *service)
{
	return group_find(groups_of(s, kind), ns, service);
}

const struct store_ref *store_refs(
	const struct store *s, const struct object_address *addr, size_t *n)
{
	struct address *a = address_find(&s->addresses, addr);

	*n = a == NULL ? 0 : a->n;
	return a == NULL ? NULL : address_refs(a);
}

size_t store_pods(
	const struct store *s, const char *ns, const char *label, const struct object_address *addr)
{
	const struct pod_place *p = pod_find(&s->pods, ns, label, addr);

	return p == NULL ? 0 : p->n;
}

size_t store_endpoints(const struct store *s)
{
	return s->n_endpoints;
}
