// SPDX-License-Identifier: Apache-2.0
// Copies an object into one block: every part is walked twice by the same code, first to measure,
// then to copy, so that the two cannot disagree.
#include "control/object/object.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct pack {
	char *base; // NULL while measuring
	size_t used;
	const char *last_from; // the string packed last, and where it went
	const char *last_to;
};

// Room for n elements; NULL while measuring or when n is 0.
static void *pack_room(struct pack *p, size_t n, size_t elem_bytes, size_t align)
{
	void *room;

	if (n == 0)
		return NULL;
	p->used = (p->used + align - 1) & ~(align - 1);
	room = p->base != NULL ? p->base + p->used : NULL;
	p->used += n * elem_bytes;
	return room;
}

static const void *pack_copy(
	struct pack *p, const void *from, size_t n, size_t elem_bytes, size_t align)
{
	void *room = pack_room(p, n, elem_bytes, align);

	return room != NULL ? memcpy(room, from, n * elem_bytes) : NULL;
}

// Empty strings cost nothing; a string equal to the one before it (node names, zones) is kept once.
static const char *pack_str(struct pack *p, const char *s)
{
	if (*s == '\0')
		return "";
	if (p->last_from != NULL && strcmp(p->last_from, s) == 0)
		return p->last_to;
	p->last_from = s;
	p->last_to = pack_copy(p, s, strlen(s) + 1, 1, 1);
	return p->last_to;
}

static void pack_meta(struct pack *p, struct object_meta *to, const struct object_meta *from)
{
	const char *ns = pack_str(p, from->ns);
	const char *name = pack_str(p, from->name);

	if (to == NULL)
		return;
	*to = *from;
	to->ns = ns;
	to->name = name;
}

static const struct object_address *pack_addresses(
	struct pack *p, const struct object_address *from, size_t n)
{
	return pack_copy(p, from, n, sizeof(*from), alignof(struct object_address));
}

static const struct object_port *pack_ports(
	struct pack *p, const struct object_port *from, size_t n)
{
	struct object_port *to = pack_room(p, n, sizeof(*to), alignof(struct object_port));

	for (size_t i = 0; i < n; i++) {
		const char *name = pack_str(p, from[i].name);

		if (to == NULL)
			continue;
		to[i] = from[i];
		to[i].name = name;
	}
	return to;
}

static struct object_namespace *namespace_walk(struct pack *p, const struct object_namespace *from)
{
	struct object_namespace *to =
		pack_room(p, 1, sizeof(*to), alignof(struct object_namespace));

	pack_meta(p, to != NULL ? &to->meta : NULL, &from->meta);
	return to;
}

static const char *const *pack_hosts(struct pack *p, const char *const *from, size_t n)
{
	const char **to = pack_room(p, n, sizeof(*to), alignof(const char *));

	for (size_t i = 0; i < n; i++) {
		const char *host = pack_str(p, from[i]);

		if (to != NULL)
			to[i] = host;
	}
	return to;
}

static struct object_service *service_walk(struct pack *p, const struct object_service *from)
{
	struct object_service *to = pack_room(p, 1, sizeof(*to), alignof(struct object_service));
	struct object_service o = *from;

	o.ports = pack_ports(p, from->ports, from->n_ports);
	o.ingress_hosts = pack_hosts(p, from->ingress_hosts, from->n_ingress_hosts);
	o.cluster_ips = pack_addresses(p, from->cluster_ips, from->n_cluster_ips);
	o.external_ips = pack_addresses(p, from->external_ips, from->n_external_ips);
	o.external_name = pack_str(p, from->external_name);
	pack_meta(p, &o.meta, &from->meta);
	if (to != NULL)
		*to = o;
	return to;
}

static void endpoint_walk(
	struct pack *p, struct object_endpoint *to, const struct object_endpoint *from)
{
	struct object_endpoint o = *from;

	o.addresses = pack_addresses(p, from->addresses, from->n_addresses);
	o.hostname = pack_str(p, from->hostname);
	o.target_name = pack_str(p, from->target_name);
	if (to != NULL)
		*to = o;
}

static struct object_slice *slice_walk(struct pack *p, const struct object_slice *from)
{
	struct object_slice *to = pack_room(p, 1, sizeof(*to), alignof(struct object_slice));
	struct object_slice o = *from;
	struct object_endpoint *ends;

	o.ports = pack_ports(p, from->ports, from->n_ports);
	ends = pack_room(p, from->n_endpoints, sizeof(*ends), alignof(struct object_endpoint));
	o.endpoints = ends;
	for (size_t i = 0; i < from->n_endpoints; i++)
		endpoint_walk(p, ends != NULL ? &ends[i] : NULL, &from->endpoints[i]);
	// Nodes and zones apart from the rest, so that equal neighbours meet.
	for (size_t i = 0; i < from->n_endpoints; i++) {
		const char *node = pack_str(p, from->endpoints[i].node_name);

		if (ends != NULL)
			ends[i].node_name = node;
	}
	for (size_t i = 0; i < from->n_endpoints; i++) {
		const char *zone = pack_str(p, from->endpoints[i].zone);

		if (ends != NULL)
			ends[i].zone = zone;
	}
	o.source_cluster = pack_str(p, from->source_cluster);
	o.service_name = pack_str(p, from->service_name);
	pack_meta(p, &o.meta, &from->meta);
	if (to != NULL)
		*to = o;
	return to;
}

static struct object_pod *pod_walk(struct pack *p, const struct object_pod *from)
{
	struct object_pod *to = pack_room(p, 1, sizeof(*to), alignof(struct object_pod));
	struct object_pod o = *from;

	pack_meta(p, &o.meta, &from->meta);
	o.label = pack_str(p, from->label);
	if (to != NULL)
		*to = o;
	return to;
}

static struct object_import *import_walk(struct pack *p, const struct object_import *from)
{
	struct object_import *to = pack_room(p, 1, sizeof(*to), alignof(struct object_import));
	struct object_import o = *from;

	o.ports = pack_ports(p, from->ports, from->n_ports);
	o.ips = pack_addresses(p, from->ips, from->n_ips);
	pack_meta(p, &o.meta, &from->meta);
	if (to != NULL)
		*to = o;
	return to;
}

// The second walk starts from scratch in a block of the measured size.
static bool pack_begin(struct pack *p)
{
	char *base = malloc(p->used);

	*p = (struct pack){.base = base};
	return base != NULL;
}

struct object_namespace *object_namespace_pack(const struct object_namespace *o)
{
	struct pack p = {0};

	(void)namespace_walk(&p, o); // measures
	return pack_begin(&p) ? namespace_walk(&p, o) : NULL;
}

struct object_service *object_service_pack(const struct object_service *o)
{
	struct pack p = {0};

	(void)service_walk(&p, o); // measures
	return pack_begin(&p) ? service_walk(&p, o) : NULL;
}

struct object_slice *object_slice_pack(const struct object_slice *o)
{
	struct pack p = {0};

	(void)slice_walk(&p, o); // measures
	return pack_begin(&p) ? slice_walk(&p, o) : NULL;
}

struct object_pod *object_pod_pack(const struct object_pod *o)
{
	struct pack p = {0};

	(void)pod_walk(&p, o); // measures
	return pack_begin(&p) ? pod_walk(&p, o) : NULL;
}

struct object_import *object_import_pack(const struct object_import *o)
{
	struct pack p = {0};

	(void)import_walk(&p, o); // measures
	return pack_begin(&p) ? import_walk(&p, o) : NULL;
}
