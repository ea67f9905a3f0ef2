// SPDX-License-Identifier: Apache-2.0
// k8s_external: `service.namespace.ZONE` with the outside addresses of a service, and on request
// the endpoints of services that have none (k8s:2.14).
#include "control/synth/parts.h"
#include "control/synth/work.h"

#include "zones/wire/dname.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const protocols[] = {
	[OBJECT_TCP] = "_tcp", [OBJECT_UDP] = "_udp", [OBJECT_SCTP] = "_sctp"};

static bool external_name(struct work *w, const struct synth_zone *zone,
	const struct object_service *service, struct dname *out)
{
	*out = zone->name;
	return work_name(w, out, service->meta.ns) && work_name(w, out, service->meta.name);
}

// What a load balancer's host names answer: A and AAAA by way of the first, SRV with all.
struct hosts_of {
	struct work *w;
	const struct synth_zone *zone;
	struct record_data *target; // n of them
	size_t n;
};

static int hosts_parse(const struct object_service *service, struct hosts_of *h)
{
	h->target = arena_alloc(&h->w->arena, service->n_ingress_hosts * sizeof(*h->target) + 1);
	if (h->target == NULL)
		return -ENOMEM;
	for (uint16_t i = 0; i < service->n_ingress_hosts; i++) {
		if (dname_parse(service->ingress_hosts[i], &h->target[h->n].target) == 0)
			h->n++;
		else
			work_skip_value(h->w, "a load balancer's host name that is no name");
	}
	return 0;
}

static bool is_picked(const struct object_port *p, const struct object_port *only)
{
	return p->number >= 0 && (only == NULL || p == only);
}

// Ports of one number and several protocols make the same record: an RRset has it once (RFC 2181
// 5). Returns how many are left.
static size_t drop_twins(struct record_data *srv, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < kept &&
			(srv[k].port != srv[i].port ||
				!dname_is_equal(srv[k].target.wire, srv[i].target.wire)))
			k++;
		if (k == kept)
			srv[kept++] = srv[i];
	}
	return kept;
}

// One name; only: the port that it is for, NULL for the service itself.
static int emit_host_name(struct hosts_of *h, const struct object_service *service,
	const struct dname *name, const struct object_port *only)
{
	uint16_t flags = h->w->y->has_upstream ? RECORD_SET_PUNT : 0;
	size_t max = h->n * service->n_ports;
	struct record_data *srv = arena_alloc(&h->w->arena, max * sizeof(*srv) + 1);
	struct record_set sets[3] = {{.type = RR_TYPE_A}, {.type = RR_TYPE_AAAA},
		{.type = RR_TYPE_SRV, .ttl_s = h->w->ttl_s, .data = srv}};

	if (srv == NULL)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		sets[i].rr_type = RR_TYPE_CNAME;
		sets[i].flags = flags;
		sets[i].ttl_s = h->w->ttl_s;
		sets[i].data = h->target;
		sets[i].n = 1;
	}
	for (uint16_t p = 0; p < service->n_ports; p++) {
		for (size_t i = 0; i < h->n && is_picked(&service->ports[p], only); i++) {
			srv[sets[2].n] = h->target[i];
			srv[sets[2].n++].port = (uint16_t)service->ports[p].number;
		}
	}
	for (size_t i = 0; i < sets[2].n; i++) // rule W
		srv[i].weight = (uint16_t)(sets[2].n >= 100 ? 1 : 100 / sets[2].n);
	sets[2].n = drop_twins(srv, sets[2].n);
	const struct synth_name out = {.name = name,
		.us_mask = only == NULL ? RECORD_US_EXACT : RECORD_US_OPTIONAL,
		.alias_of = SYNTH_NO_ALIAS,
		.sets = sets,
		.n_sets = sets[2].n > 0 ? 3 : 2};
	return work_emit(h->w, h->zone, &out, NULL);
}

static int emit_hosts(struct work *w, const struct synth_zone *zone,
	const struct object_service *service, const struct dname *owner)
{
	struct hosts_of h = {.w = w, .zone = zone};
	int rc = hosts_parse(service, &h);

	if (rc != 0 || h.n == 0)
		return rc;
	rc = emit_host_name(&h, service, owner, NULL);
	for (uint16_t i = 0; i < service->n_ports && rc == 0; i++) {
		const struct object_port *p = &service->ports[i];
		struct dname name = *owner;
		char label[DNS_LABEL_MAX_BYTES + 1] = "_";
		if (p->name[0] == '\0' || p->protocol == OBJECT_PROTOCOL_NONE ||
			strlen(p->name) >= DNS_LABEL_MAX_BYTES)
			continue;
		(void)strncat(label, p->name, sizeof(label) - 2);
		if (work_name(w, &name, protocols[p->protocol]) && work_name(w, &name, label))
			rc = emit_host_name(&h, service, &name, p);
	}
	return rc;
}

static int emit_addresses(struct work *w, const struct synth_zone *zone,
	const struct object_service *service, const struct dname *owner)
{
	const struct items_source src = {
		service->external_ips, service->n_external_ips, service->ports, service->n_ports};
	struct parts parts = {0};
	int rc = items_of_addresses(w, &src, &parts.own);

	return rc == 0 ? parts_emit(w, zone, &parts, owner) : rc;
}

// Without outside addresses: the endpoints of a headless service, and of others by their names.
static int emit_endpoints(struct work *w, const struct synth_zone *zone,
	const struct object_service *service, const struct items *endpoints,
	const struct dname *owner)
{
	struct parts parts = {.endpoints = *endpoints,
		.is_headless = service->headless,
		.has_hosts_only = !service->headless};

	if (service->headless)
		parts.own = *endpoints;
	return parts_emit(w, zone, &parts, owner);
}

static int emit_in_zone(struct work *w, const struct synth_zone *zone,
	const struct object_service *service, const struct items *endpoints)
{
	struct dname owner;

	// A namespace of that name is hidden behind the zone's own name server, as in CoreDNS.
	if (strcasecmp(service->meta.ns, w->y->external->apex) == 0)
		return 0;
	if (!external_name(w, zone, service, &owner))
		return 0;
	if (service->n_external_ips > 0)
		return emit_addresses(w, zone, service, &owner);
	if (service->n_ingress_hosts > 0)
		return emit_hosts(w, zone, service, &owner);
	if (!w->y->external->headless)
		return 0;
	return emit_endpoints(w, zone, service, endpoints, &owner);
}

int external_emit(
	struct work *w, const struct object_service *service, const struct items *endpoints)
{
	int rc = 0;

	for (size_t i = 0; i < w->y->n_zones && rc == 0; i++) {
		if (w->y->zones[i].kind != SYNTH_EXTERNAL)
			continue;
		w->ttl_s = w->y->external->ttl;
		rc = emit_in_zone(w, &w->y->zones[i], service, endpoints);
		w->ttl_s = w->y->config->ttl;
	}
	return rc;
}
