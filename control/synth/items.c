// SPDX-License-Identifier: Apache-2.0
// Collects items, sorts them once, and selects from the sorted arrays.
#include "control/synth/items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// k8s:6: a service or slice without ports has one pseudo port that gives addresses but no SRV.
static const struct object_port no_port = {.name = "", .number = -1};

static int name_compare(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

// A name that a query can spell; one of 63 octets only without the underscore (k8s:2.5).
static bool is_port_name(const char *name)
{
	return *name == '\0' || (*name != '_' && names_is_label(name));
}

// Collects the names of n ports.
static void add_names(struct items *x, const struct object_port *ports, size_t n)
{
	for (size_t i = 0; i < n && i < x->port_limit; i++) {
		if (is_port_name(ports[i].name))
			x->names[x->n_names++] = ports[i].name;
	}
}

static void unique_names(struct items *x)
{
	size_t n = 0;

	qsort(x->names, x->n_names, sizeof(x->names[0]), name_compare);
	for (size_t i = 0; i < x->n_names; i++) {
		if (n == 0 || strcasecmp(x->names[n - 1], x->names[i]) != 0)
			x->names[n++] = x->names[i];
	}
	x->n_names = n;
}

static bool name_find(const struct items *x, const char *name, uint16_t *index)
{
	const char *const *hit =
		bsearch(&name, x->names, x->n_names, sizeof(x->names[0]), name_compare);

	if (hit == NULL || !is_port_name(name))
		return false;
	*index = (uint16_t)(hit - x->names);
	return true;
}

static void item_add(struct work *w, struct items *x, const struct item *item)
{
	if (x->n == x->cap) {
		work_skip_value(w, "more pairs of port and address than can be served");
		return;
	}
	x->all[x->n++] = *item;
}

int items_compare_host(const struct item *a, const struct item *b)
{
	int c = strcasecmp(a->host, b->host);

	return c != 0 ? c : strcasecmp(a->cluster, b->cluster);
}

static int addr_compare(const struct item *a, const struct item *b)
{
	return memcmp(a->addr, b->addr, sizeof(*a->addr));
}

static int by_port_compare(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a;
	const struct item *y = *(const struct item *const *)b;
	int c = items_compare_host(x, y);

	if (c == 0 && x->number != y->number)
		c = x->number < y->number ? -1 : 1;
	return c != 0 ? c : addr_compare(x, y);
}

static int by_host_compare(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a;
	const struct item *y = *(const struct item *const *)b;
	int c = items_compare_host(x, y);

	if (c == 0)
		c = addr_compare(x, y);
	return c != 0 ? c : (x->number > y->number) - (x->number < y->number);
}

static int by_addr_compare(const void *a, const void *b)
{
	return addr_compare(*(const struct item *const *)a, *(const struct item *const *)b);
}

static int view_alloc(struct work *w, size_t n, struct view *v)
{
	const struct item **room = arena_alloc(&w->arena, 3 * (n + 1) * sizeof(*room));

	if (room == NULL)
		return -ENOMEM;
	*v = (struct view){room, room + n, room + 2 * n, 0};
	return 0;
}

static int sort_items(struct work *w, struct items *x)
{
	struct view *v = &x->view;
	int rc = view_alloc(w, x->n, v);

	if (rc == 0)
		rc = view_alloc(w, x->n, &x->picked);
	if (rc != 0)
		return rc;
	v->n = x->n;
	for (size_t i = 0; i < x->n; i++)
		v->by_port[i] = v->by_host[i] = v->by_addr[i] = &x->all[i];
	qsort(v->by_port, v->n, sizeof(v->by_port[0]), by_port_compare);
	qsort(v->by_host, v->n, sizeof(v->by_host[0]), by_host_compare);
	qsort(v->by_addr, v->n, sizeof(v->by_addr[0]), by_addr_compare);
	return 0;
}

static int port_compare(const void *a, const void *b)
{
	const struct port_key *x = a;
	const struct port_key *y = b;

	return x->name != y->name ? (int)x->name - (int)y->name
				  : (int)x->protocol - (int)y->protocol;
}

// Notes the ports of one source; room for all of them is there.
static void add_ports(struct work *w, struct items *x, const struct object_port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t name = 0;
		if (i == x->port_limit) {
			work_skip_value(w, "more ports than can be served");
			return;
		}
		if (name_find(x, ports[i].name, &name))
			x->ports[x->n_ports++] =
				(struct port_key){name, (uint8_t)ports[i].protocol};
		else
			work_skip_value(w, "a port whose name is no service name");
	}
}

static void unique_ports(struct items *x)
{
	size_t n = 0;

	qsort(x->ports, x->n_ports, sizeof(x->ports[0]), port_compare);
	for (size_t i = 0; i < x->n_ports; i++) {
		if (n == 0 || port_compare(&x->ports[n - 1], &x->ports[i]) != 0)
			x->ports[n++] = x->ports[i];
	}
	x->n_ports = n;
}

// Arrays for at most n_ports ports and n items.
static int items_alloc(struct work *w, struct items *x, size_t n_ports, size_t n)
{
	*x = (struct items){
		.cap = n < SYNTH_ITEMS_MAX ? n : SYNTH_ITEMS_MAX, .port_limit = SYNTH_PORTS_MAX};
	x->names = arena_alloc(&w->arena, (n_ports + 1) * sizeof(x->names[0]));
	x->ports = arena_alloc(&w->arena, (n_ports + 1) * sizeof(x->ports[0]));
	x->all = arena_alloc(&w->arena, (x->cap + 1) * sizeof(x->all[0]));
	if (x->names == NULL || x->ports == NULL || x->all == NULL)
		return -ENOMEM;
	x->names[x->n_names++] = "";
	return 0;
}

static size_t at_least_one(size_t n)
{
	return n == 0 ? 1 : n;
}

static const struct object_port *ports_or_none(const struct object_port *ports, size_t n)
{
	return n == 0 ? &no_port : ports;
}

// One endpoint, or the service itself, at every port of n.
static void add_items(struct work *w, struct items *x, struct item item,
	const struct object_port *ports, size_t n)
{
	for (size_t i = 0; i < n && i < x->port_limit; i++) {
		if (!name_find(x, ports[i].name, &item.port_name))
			continue; // counted by add_ports
		item.number = ports[i].number;
		item.protocol = (uint8_t)ports[i].protocol;
		item_add(w, x, &item);
	}
}

int items_of_addresses(struct work *w, const struct items_source *src, struct items *out)
{
	const struct object_port *ports = ports_or_none(src->ports, src->n_ports);
	size_t n_ports = at_least_one(src->n_ports);
	int rc = items_alloc(w, out, n_ports, n_ports * src->n_addrs);

	if (rc != 0)
		return rc;
	add_names(out, ports, n_ports);
	unique_names(out);
	add_ports(w, out, ports, n_ports);
	unique_ports(out);
	for (size_t i = 0; i < src->n_addrs; i++) {
		struct item item = {
			.host = "", .cluster = "", .topology = "", .addr = &src->addrs[i]};
		add_items(w, out, item, ports, n_ports);
	}
	return sort_items(w, out);
}

// NULL when memory is short.
static const char *host_name(
	struct work *w, const struct object_endpoint *e, const struct object_address *addr)
{
	char buf[NAMES_ADDRESS_MAX_BYTES];
	const char *host = synth_host_name(w->y, e, addr, buf);

	return host == buf ? arena_copy(&w->arena, buf, strlen(buf) + 1) : host;
}

static int slice_items(struct work *w, const struct object_slice *s, struct items *x)
{
	for (uint32_t i = 0; i < s->n_endpoints; i++) {
		const struct object_endpoint *e = &s->endpoints[i];
		for (uint16_t k = 0; k < e->n_addresses; k++) {
			struct item item = {.host = host_name(w, e, &e->addresses[k]),
				.cluster = s->source_cluster,
				.topology = e->zone,
				.addr = &e->addresses[k]};
			if (item.host == NULL)
				return -ENOMEM;
			add_items(w, x, item, ports_or_none(s->ports, s->n_ports),
				at_least_one(s->n_ports));
		}
	}
	return 0;
}

static size_t slice_addresses(const struct object_slice *s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->n_endpoints; i++)
		n += s->endpoints[i].n_addresses;
	return n;
}

int items_of_slices(struct work *w, const struct store_group *group, struct items *out)
{
	size_t n_slices = group == NULL ? 0 : group->n;
	size_t n_ports = 0;
	size_t n_addrs = 0;
	size_t n = 0;

	for (size_t i = 0; i < n_slices; i++) {
		const struct object_slice *s = group->slices[i];
		n_ports += at_least_one(s->n_ports);
		n_addrs += slice_addresses(s);
		n += slice_addresses(s) * at_least_one(s->n_ports);
	}
	int rc = items_alloc(w, out, n_ports, n);
	// Of too many pairs the last ports go, not the last endpoints.
	if (n > SYNTH_ITEMS_MAX)
		out->port_limit = at_least_one(SYNTH_ITEMS_MAX / n_addrs);
	for (size_t i = 0; rc == 0 && i < n_slices; i++) {
		const struct object_slice *s = group->slices[i];
		add_names(out, ports_or_none(s->ports, s->n_ports), at_least_one(s->n_ports));
	}
	if (rc != 0)
		return rc;
	unique_names(out);
	for (size_t i = 0; rc == 0 && i < n_slices; i++) {
		const struct object_slice *s = group->slices[i];
		add_ports(w, out, ports_or_none(s->ports, s->n_ports), at_least_one(s->n_ports));
		rc = slice_items(w, s, out);
	}
	unique_ports(out);
	return rc != 0 ? rc : sort_items(w, out);
}

static bool is_picked(const struct item *i, const struct port_pick *p)
{
	return (p->any_name || i->port_name == p->key.name) &&
		(p->any_protocol || i->protocol == p->key.protocol);
}

// Spreads the index of an item over 64 bits (the finaliser of splitmix64).
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct view items_pick(const struct items *items, const struct port_pick *pick, uint64_t *sum)
{
	const struct view *v = &items->view;
	struct view out = items->picked;
	size_t n[3] = {0};

	*sum = 0;
	for (size_t i = 0; i < v->n; i++) {
		if (is_picked(v->by_port[i], pick)) {
			out.by_port[n[0]++] = v->by_port[i];
			*sum += mix((uint64_t)(v->by_port[i] - items->all));
		}
		if (is_picked(v->by_host[i], pick))
			out.by_host[n[1]++] = v->by_host[i];
		if (is_picked(v->by_addr[i], pick))
			out.by_addr[n[2]++] = v->by_addr[i];
	}
	out.n = n[0];
	return out;
}

struct view items_pick_topology(const struct items *items, const char *topology)
{
	const struct view *v = &items->view;
	struct view out = items->picked;
	size_t n[3] = {0};

	for (size_t i = 0; i < v->n; i++) {
		if (strcasecmp(v->by_port[i]->topology, topology) == 0)
			out.by_port[n[0]++] = v->by_port[i];
		if (strcasecmp(v->by_host[i]->topology, topology) == 0)
			out.by_host[n[1]++] = v->by_host[i];
		if (strcasecmp(v->by_addr[i]->topology, topology) == 0)
			out.by_addr[n[2]++] = v->by_addr[i];
	}
	out.n = n[0];
	return out;
}

bool items_next_host(const struct view *all, size_t *at, struct view *out)
{
	size_t from = *at;
	size_t to = from;

	if (from == all->n)
		return false;
	while (to < all->n && items_compare_host(all->by_host[to], all->by_host[from]) == 0)
		to++;
	*at = to;
	// Both orders begin with the host, so its items stand at the same places in both.
	*out = (struct view){
		all->by_port + from, all->by_host + from, all->by_host + from, to - from};
	return true;
}
