// SPDX-License-Identifier: Apache-2.0
// The names of a service in each zone: its own, `_port._proto`, its endpoints, topology zones; and
// the same for the imports of a clusterset (k8s:2.5, 2.8, 2.9).
#include "control/synth/parts.h"
#include "control/synth/sets.h"
#include "control/synth/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// A service in one zone while its names are made.
struct place {
	struct work *w;
	const struct synth_zone *zone;
	struct dname owner; // the service's name
	const struct items *items; // what the service and its ports answer
	bool is_headless;
};

static int emit_view(struct place *p, const struct dname *name, uint8_t us_mask, uint8_t flags,
	const struct view *view, uint32_t *id)
{
	struct sets sets;
	int rc = sets_build(p->w, view, p->zone, &p->owner, &sets);

	if (rc != 0)
		return rc;
	const struct synth_name out = {.name = name,
		.us_mask = us_mask,
		.flags = flags,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = sets.set,
		.n_sets = sets.n};
	return work_emit(p->w, p->zone, &out, id);
}

static int emit_alias(struct place *p, const struct dname *name, uint8_t us_mask, uint8_t flags,
	uint32_t alias_of)
{
	const struct synth_name out = {
		.name = name, .us_mask = us_mask, .flags = flags, .alias_of = alias_of};

	return work_emit(p->w, p->zone, &out, NULL);
}

// A selection that has a name already; the next one that selects the same becomes its alias.
struct chosen {
	uint64_t sum;
	size_t n;
	uint32_t id;
};

struct choices {
	struct chosen *list;
	size_t n;
};

static uint32_t find_chosen(const struct choices *c, const struct view *v, uint64_t sum)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].n == v->n && c->list[i].sum == sum)
			return c->list[i].id;
	}
	return SYNTH_NO_ALIAS;
}

// Writes `_port._proto` in front of the service's name; an empty part is a lone underscore. False:
// too long.
static bool port_name(struct place *p, const struct port_pick *pick, struct dname *out)
{
	static const char *const protocols[] = {[OBJECT_PROTOCOL_NONE] = "_",
		[OBJECT_TCP] = "_tcp",
		[OBJECT_UDP] = "_udp",
		[OBJECT_SCTP] = "_sctp"};
	char label[DNS_LABEL_MAX_BYTES + 2] = "_";

	*out = p->owner;
	if (!pick->any_name)
		(void)strncat(label, p->items->names[pick->key.name], sizeof(label) - 2);
	const char *first = strlen(label) > DNS_LABEL_MAX_BYTES ? label + 1 : label;
	return work_name(p->w, out, pick->any_protocol ? "_" : protocols[pick->key.protocol]) &&
		work_name(p->w, out, first);
}

static uint8_t port_mask(const struct place *p, const struct port_pick *pick)
{
	if (pick->any_name && pick->any_protocol)
		return SYNTH_US_BOTH_ANY;
	if (pick->any_name)
		return SYNTH_US_FIRST_ANY;
	if (pick->any_protocol)
		return SYNTH_US_SECOND_ANY;
	return p->zone->kind == SYNTH_CLUSTERSET ? RECORD_US_AT_LEAST : RECORD_US_OPTIONAL;
}

static int emit_port(struct place *p, struct choices *c, const struct port_pick *pick)
{
	struct dname name;
	uint64_t sum;
	struct view view = items_pick(p->items, pick, &sum);
	uint32_t id = find_chosen(c, &view, sum);

	// k8s:2.5: a port of a headless service exists where a ready endpoint has it.
	if ((p->is_headless && view.n == 0) || !port_name(p, pick, &name))
		return 0;
	if (id != SYNTH_NO_ALIAS)
		return emit_alias(p, &name, port_mask(p, pick), 0, id);
	int rc = emit_view(p, &name, port_mask(p, pick), 0, &view, &id);
	if (rc == 0 && id != SYNTH_NO_ALIAS)
		c->list[c->n++] = (struct chosen){sum, view.n, id};
	return rc;
}

// Ports are sorted by name, so equal names are neighbours; protocols are few.
static int emit_ports(struct place *p, struct choices *c)
{
	const struct items *x = p->items;
	bool seen[OBJECT_SCTP + 1] = {false};
	int rc = 0;

	for (size_t i = 0; i < x->n_ports && rc == 0; i++) {
		struct port_pick pick = {.key = x->ports[i]};
		if (pick.key.name != 0 && pick.key.protocol != OBJECT_PROTOCOL_NONE)
			rc = emit_port(p, c, &pick);
		pick.any_protocol = true;
		if (rc == 0 && pick.key.name != 0 &&
			(i == 0 || x->ports[i - 1].name != pick.key.name))
			rc = emit_port(p, c, &pick);
		pick = (struct port_pick){.key = x->ports[i], .any_name = true};
		if (rc == 0 && pick.key.protocol != OBJECT_PROTOCOL_NONE &&
			!seen[pick.key.protocol])
			rc = emit_port(p, c, &pick);
		seen[pick.key.protocol] = true;
	}
	const struct port_pick all = {.any_name = true, .any_protocol = true};
	return rc != 0 || x->n_ports == 0 ? rc : emit_port(p, c, &all);
}

// k8s:2.5: `host.service`, and in a clusterset `host.cluster.service`.
static int emit_hosts(struct place *p, const struct items *endpoints)
{
	struct view view;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && items_next_host(&endpoints->view, &at, &view)) {
		const struct item *item = view.by_host[0];
		struct dname name = p->owner;
		bool is_clusterset = p->zone->kind == SYNTH_CLUSTERSET;
		if (strchr(item->host, '.') != NULL)
			continue; // k8s:2.2: two labels are a port and a protocol
		if (is_clusterset &&
			(item->cluster[0] == '\0' || !work_name(p->w, &name, item->cluster)))
			continue;
		if (work_name(p->w, &name, item->host))
			rc = emit_view(p, &name, RECORD_US_EXACT, 0, &view, NULL);
	}
	return rc;
}

static int topology_compare(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

// k8s:2.9: `<topology zone>.pin._zone.service` and the same with `prefer`.
static int emit_topology(
	struct place *p, const struct dname *pin, const struct dname *prefer, const char *topology)
{
	struct view view = items_pick_topology(p->items, topology);
	struct dname name = *pin;
	uint32_t id;

	if (names_prepend_all(&name, topology) != 0) {
		work_skip_value(p->w, "a topology zone that is no name");
		return 0;
	}
	dname_lower(&name);
	int rc = emit_view(p, &name, RECORD_US_EXACT, 0, &view, &id);
	name = *prefer;
	if (rc != 0 || id == SYNTH_NO_ALIAS || names_prepend_all(&name, topology) != 0)
		return rc;
	dname_lower(&name);
	return emit_alias(p, &name, RECORD_US_EXACT, 0, id);
}

static int emit_topologies(struct place *p, uint32_t main_id)
{
	const struct view *v = &p->items->view;
	struct dname pin = p->owner;
	const char **zones = arena_alloc(&p->w->arena, (v->n + 1) * sizeof(*zones));
	int rc = 0;

	if (zones == NULL)
		return -ENOMEM;
	if (!work_name(p->w, &pin, "_zone"))
		return 0;
	struct dname prefer = pin;
	if (!work_name(p->w, &pin, "pin") || !work_name(p->w, &prefer, "prefer"))
		return 0;
	for (size_t i = 0; i < v->n; i++)
		zones[i] = v->by_addr[i]->topology;
	qsort(zones, v->n, sizeof(*zones), topology_compare);
	for (size_t i = 0; i < v->n && rc == 0; i++) {
		if (zones[i][0] != '\0' && (i == 0 || strcasecmp(zones[i], zones[i - 1]) != 0))
			rc = emit_topology(p, &pin, &prefer, zones[i]);
	}
	// Without data of its own an entry is no data; so are all others of an empty service.
	if (rc == 0)
		rc = emit_alias(p, &pin, RECORD_US_EXACT, SYNTH_WILDCARD, SYNTH_NO_ALIAS);
	if (rc == 0)
		rc = emit_alias(p, &prefer, RECORD_US_EXACT, SYNTH_WILDCARD, main_id);
	return rc;
}

int parts_emit(struct work *w, const struct synth_zone *zone, const struct parts *parts,
	const struct dname *owner)
{
	struct place p = {.w = w,
		.zone = zone,
		.owner = *owner,
		.items = &parts->own,
		.is_headless = parts->is_headless};
	struct choices c = {0};
	uint32_t id = SYNTH_NO_ALIAS;

	bool is_zonal = w->y->config->zonal && parts->is_headless && zone->kind == SYNTH_FORWARD;
	// k8s:2.5: a headless service without ready endpoints does not exist, k8s:2.9: but no
	// topology zone is pinned to one either, which is no data.
	if (parts->is_headless && parts->own.n == 0) {
		int rc = zone->kind == SYNTH_EXTERNAL ? 0
						      : work_absent(w, zone, owner, SYNTH_UNREADY);
		return rc == 0 && is_zonal ? emit_topologies(&p, id) : rc;
	}
	if (parts->has_hosts_only)
		return emit_hosts(&p, &parts->endpoints);
	c.list = arena_alloc(&w->arena, (3 * parts->own.n_ports + 2) * sizeof(c.list[0]));
	if (c.list == NULL)
		return -ENOMEM;
	int rc = emit_view(&p, owner, RECORD_US_EXACT, 0, &parts->own.view, &id);
	if (rc != 0)
		return rc;
	if (id != SYNTH_NO_ALIAS) {
		const struct port_pick all = {.any_name = true, .any_protocol = true};
		uint64_t sum;
		struct view view = items_pick(&parts->own, &all, &sum);
		c.list[c.n++] = (struct chosen){sum, view.n, id};
	}
	rc = emit_ports(&p, &c);
	if (rc == 0)
		rc = emit_hosts(&p, &parts->endpoints);
	if (rc == 0 && is_zonal)
		rc = emit_topologies(&p, id);
	return rc;
}

static int emit_parts(struct work *w, const struct object_meta *meta, enum synth_zone_kind kind,
	const struct parts *parts)
{
	struct dname owner;
	int rc = 0;

	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		const struct synth_zone *zone = &w->y->zones[i];
		if (zone->kind == kind && work_service_name(w, zone, meta->ns, meta->name, &owner))
			rc = parts_emit(w, zone, parts, &owner);
	}
	return rc;
}

static int emit_aliases(struct work *w, const struct object_service *service)
{
	int rc = 0;

	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		if (w->y->zones[i].kind == SYNTH_FORWARD)
			rc = alias_emit(w, &w->y->zones[i], service);
	}
	return rc;
}

// A service that `ignore empty_service` hides.
static int emit_ignored(struct work *w, const struct object_meta *meta)
{
	struct dname owner;
	int rc = 0;

	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		const struct synth_zone *zone = &w->y->zones[i];
		if (zone->kind == SYNTH_FORWARD &&
			work_service_name(w, zone, meta->ns, meta->name, &owner))
			rc = work_absent(w, zone, &owner, SYNTH_UNREADY);
	}
	return rc;
}

int unit_service(struct work *w, const char *ns, const char *name)
{
	const struct object_service *service = store_service(w->y->store, ns, name);

	// k8s:2.5: without its namespace a service is not there.
	if (service == NULL || !synth_has_namespace(w->y, ns))
		return 0;
	if (service->type == OBJECT_EXTERNAL_NAME)
		return emit_aliases(w, service);
	struct parts parts = {.is_headless = service->headless};
	int rc = items_of_slices(
		w, store_slices(w->y->store, OBJECT_SLICE, ns, name), &parts.endpoints);
	if (rc == 0)
		rc = external_emit(w, service, &parts.endpoints);
	if (rc != 0)
		return rc;
	if (w->y->config->ignore_empty_service && !service->headless && parts.endpoints.n == 0)
		return emit_ignored(w, &service->meta);
	parts.own = parts.endpoints;
	if (!service->headless) {
		const struct items_source src = {service->cluster_ips, service->n_cluster_ips,
			service->ports, service->n_ports};
		rc = items_of_addresses(w, &src, &parts.own);
	}
	return rc != 0 ? rc : emit_parts(w, &service->meta, SYNTH_FORWARD, &parts);
}

int unit_import(struct work *w, const char *ns, const char *name)
{
	const struct object_import *import = store_import(w->y->store, ns, name);

	if (import == NULL || !synth_has_namespace(w->y, ns))
		return 0;
	struct parts parts = {.is_headless = import->headless,
		.has_hosts_only = !import->headless && import->n_ports == 0};
	int rc = items_of_slices(
		w, store_slices(w->y->store, OBJECT_IMPORT_SLICE, ns, name), &parts.endpoints);
	if (rc != 0)
		return rc;
	parts.own = parts.endpoints;
	if (!import->headless) {
		const struct items_source src = {
			import->ips, import->n_ips, import->ports, import->n_ports};
		rc = items_of_addresses(w, &src, &parts.own);
	}
	return rc != 0 ? rc : emit_parts(w, &import->meta, SYNTH_CLUSTERSET, &parts);
}
