// SPDX-License-Identifier: Apache-2.0
// Builds each object loosely, its strings still inside the JSON and its arrays in an arena, and
// packs it.
#include "control/kube/decode.h"

#include "zones/base/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_NAME_LABEL "kubernetes.io/service-name"
#define MULTI_NAME_LABEL "multicluster.kubernetes.io/service-name"
#define MULTI_CLUSTER_LABEL "multicluster.kubernetes.io/source-cluster"
#define TRIGGER_ANNOTATION "endpoints.kubernetes.io/last-change-trigger-time"

// One object being decoded.
struct decode {
	const struct kube_spec *spec;
	const json_t *json;
	struct object_meta meta;
	struct arena arena;
	unsigned skipped;
	const char *skipped_field; // of the first one
	bool is_manifest; // no API server has filled in its defaults
	bool no_memory;
};

// Counts a value that cannot be used.
static void skip(struct decode *d, const char *field)
{
	if (d->skipped++ == 0)
		d->skipped_field = field;
}

// Absent and null are "", something else that is no string is "" and counted.
static const char *str_or_empty(struct decode *d, const json_t *json, const char *key)
{
	const json_t *v = json_object_get(json, key);
	const char *s = decode_str_of(v);

	if (s != NULL)
		return s;
	if (v != NULL && !json_is_null(v))
		skip(d, key);
	return "";
}

// An arena array; NULL when there is nothing to hold or no memory, which is remembered.
static void *room(struct decode *d, size_t n, size_t elem_bytes)
{
	void *p = n != 0 ? arena_alloc(&d->arena, n * elem_bytes) : NULL;

	if (n != 0 && p == NULL)
		d->no_memory = true;
	return p;
}

// The elements of an array; 0 when it is absent or something else. Never more than fit the 16-bit
// counts.
static size_t array_len(struct decode *d, const json_t *v, const char *field)
{
	size_t n = json_array_size(v);

	if (v != NULL && !json_is_array(v) && !json_is_null(v))
		skip(d, field);
	if (n > UINT16_MAX) {
		skip(d, field);
		return UINT16_MAX;
	}
	return n;
}

// Adds the addresses of an array of strings, the member key, behind the n that are there; returns
// how many there are then.
static size_t add_addresses(
	struct decode *d, const json_t *json, const char *key, struct object_address *out, size_t n)
{
	const json_t *array = json_object_get(json, key);
	size_t len = array_len(d, array, key);

	for (size_t i = 0; i < len; i++) {
		const char *s = decode_str_of(json_array_get(array, i));

		if (s != NULL && object_address_parse(s, &out[n]))
			n++;
		else
			skip(d, key);
	}
	return n;
}

static bool is_absent(const json_t *v)
{
	return v == NULL || json_is_null(v);
}

static enum object_protocol protocol_of(struct decode *d, const json_t *port)
{
	const char *s = str_or_empty(d, port, "protocol");

	if (strcmp(s, "TCP") == 0)
		return OBJECT_TCP;
	if (strcmp(s, "UDP") == 0)
		return OBJECT_UDP;
	if (strcmp(s, "SCTP") == 0)
		return OBJECT_SCTP;
	if (*s != '\0')
		skip(d, "protocol");
	else if (d->is_manifest && is_absent(json_object_get(port, "protocol")))
		return OBJECT_TCP;
	return OBJECT_PROTOCOL_NONE;
}

static bool port_of(struct decode *d, const json_t *json, struct object_port *out)
{
	const json_t *number = json_object_get(json, "port");
	json_int_t value = -1; // k8s:6: nil port

	if (number != NULL && !json_is_null(number)) {
		value = json_is_integer(number) ? json_integer_value(number) : -2;
		if (value < 0 || value > UINT16_MAX)
			return false;
	}
	if (!json_is_object(json))
		return false;
	out->name = str_or_empty(d, json, "name");
	out->number = (int32_t)value;
	out->protocol = protocol_of(d, json);
	return true;
}

static const struct object_port *ports_of(struct decode *d, const json_t *array, uint16_t *n_out)
{
	size_t len = array_len(d, array, "ports");
	struct object_port *ports = room(d, len, sizeof(*ports));
	uint16_t n = 0;

	for (size_t i = 0; ports != NULL && i < len; i++) {
		if (port_of(d, json_array_get(array, i), &ports[n]))
			n++;
		else
			skip(d, "ports");
	}
	*n_out = n;
	return ports;
}

static struct object_meta *decode_namespace(struct decode *d)
{
	struct object_namespace o = {.meta = d->meta};
	struct object_namespace *packed = object_namespace_pack(&o);

	return packed != NULL ? &packed->meta : NULL;
}

static enum object_service_type service_type(const char *s)
{
	if (strcmp(s, "NodePort") == 0)
		return OBJECT_NODE_PORT;
	if (strcmp(s, "LoadBalancer") == 0)
		return OBJECT_LOAD_BALANCER;
	if (strcmp(s, "ExternalName") == 0)
		return OBJECT_EXTERNAL_NAME;
	return OBJECT_CLUSTER_IP;
}

// clusterIPs, or clusterIP where an old server has no list (k8s:6).
static void service_cluster_ips(struct decode *d, const json_t *spec, struct object_service *o)
{
	const json_t *ips = json_object_get(spec, "clusterIPs");
	const char *first = decode_str_of(json_array_get(ips, 0));
	size_t n = array_len(d, ips, "clusterIPs");
	struct object_address *out;

	if (n == 0)
		first = str_or_empty(d, spec, "clusterIP");
	o->headless = first != NULL && strcmp(first, "None") == 0;
	out = o->headless ? NULL : room(d, n + 1, sizeof(*out));
	if (out == NULL)
		return;
	o->cluster_ips = out;
	if (n != 0)
		o->n_cluster_ips = (uint16_t)add_addresses(d, spec, "clusterIPs", out, 0);
	else if (first != NULL && *first != '\0' && object_address_parse(first, out))
		o->n_cluster_ips = 1;
	else if (first != NULL && *first != '\0')
		skip(d, "clusterIP");
}

// spec.externalIPs, then status.loadBalancer.ingress[]: what k8s_external answers with.
static void service_external(struct decode *d, struct object_service *o)
{
	const json_t *spec = json_object_get(d->json, "spec");
	const json_t *lb = json_object_get(json_object_get(d->json, "status"), "loadBalancer");
	const json_t *ingress = json_object_get(lb, "ingress");
	size_t n_ips = array_len(d, json_object_get(spec, "externalIPs"), "externalIPs");
	size_t n_ingress = array_len(d, ingress, "ingress");
	struct object_address *out = room(d, n_ips + n_ingress, sizeof(*out));
	const char **hosts = room(d, n_ingress, sizeof(*hosts));
	size_t n = 0;

	if (out == NULL || (n_ingress != 0 && hosts == NULL))
		return;
	n = add_addresses(d, spec, "externalIPs", out, n);
	for (size_t i = 0; i < n_ingress; i++) {
		const char *ip = str_or_empty(d, json_array_get(ingress, i), "ip");
		const char *host = str_or_empty(d, json_array_get(ingress, i), "hostname");

		if (*ip != '\0' && n < UINT16_MAX && object_address_parse(ip, &out[n]))
			n++;
		else if (*ip != '\0')
			skip(d, "ingress");
		if (*host != '\0')
			hosts[o->n_ingress_hosts++] = host;
	}
	o->external_ips = out;
	o->ingress_hosts = hosts;
	o->n_external_ips = (uint16_t)(n <= UINT16_MAX ? n : UINT16_MAX);
}

static struct object_meta *decode_service(struct decode *d)
{
	const json_t *spec = json_object_get(d->json, "spec");
	struct object_service o = {.meta = d->meta};
	struct object_service *packed;

	o.type = service_type(str_or_empty(d, spec, "type"));
	o.external_name = str_or_empty(d, spec, "externalName");
	o.ports = ports_of(d, json_object_get(spec, "ports"), &o.n_ports);
	service_cluster_ips(d, spec, &o);
	service_external(d, &o);
	packed = d->no_memory ? NULL : object_service_pack(&o);
	return packed != NULL ? &packed->meta : NULL;
}

// k8s:6: ready nil means true. Anything that is neither is not trusted to be ready.
static bool is_ready(struct decode *d, const json_t *endpoint)
{
	const json_t *ready = json_object_get(json_object_get(endpoint, "conditions"), "ready");

	if (ready == NULL || json_is_null(ready))
		return true;
	if (!json_is_boolean(ready))
		skip(d, "ready");
	return json_is_true(ready);
}

static bool endpoint_of(struct decode *d, const json_t *json, struct object_endpoint *out)
{
	const json_t *addresses = json_object_get(json, "addresses");
	struct object_address *a;

	if (!is_ready(d, json))
		return false;
	a = room(d, array_len(d, addresses, "addresses"), sizeof(*a));
	if (a == NULL)
		return false;
	out->addresses = a;
	out->n_addresses = (uint16_t)add_addresses(d, json, "addresses", a, 0);
	out->hostname = str_or_empty(d, json, "hostname");
	out->target_name = "";
	out->node_name = "";
	out->zone = "";
	if (d->spec->keep_target_names)
		out->target_name = str_or_empty(d, json_object_get(json, "targetRef"), "name");
	if (d->spec->keep_zones) {
		out->node_name = str_or_empty(d, json, "nodeName");
		out->zone = str_or_empty(d, json, "zone");
	}
	return out->n_addresses != 0;
}

static void slice_endpoints(struct decode *d, struct object_slice *o)
{
	const json_t *array = json_object_get(d->json, "endpoints");
	size_t len = array_len(d, array, "endpoints");
	struct object_endpoint *ends = room(d, len, sizeof(*ends));

	for (size_t i = 0; ends != NULL && i < len; i++) {
		const json_t *json = json_array_get(array, i);

		if (!json_is_object(json))
			skip(d, "endpoints");
		else if (endpoint_of(d, json, &ends[o->n_endpoints]))
			o->n_endpoints++;
	}
	o->endpoints = ends;
}

// NULL also when the slice belongs to no Service: the caller tells by no_memory.
static struct object_meta *decode_slice(struct decode *d)
{
	const json_t *meta = json_object_get(d->json, "metadata");
	const json_t *labels = json_object_get(meta, "labels");
	bool multi = d->meta.kind == OBJECT_IMPORT_SLICE;
	struct object_slice o = {.meta = d->meta, .source_cluster = ""};
	struct object_slice *packed;
	const char *trigger;

	o.service_name = decode_str(labels, multi ? MULTI_NAME_LABEL : SERVICE_NAME_LABEL);
	if (o.service_name == NULL || *o.service_name == '\0')
		return NULL;
	if (multi)
		o.source_cluster = str_or_empty(d, labels, MULTI_CLUSTER_LABEL);
	trigger = decode_str(json_object_get(meta, "annotations"), TRIGGER_ANNOTATION);
	o.trigger_ms = trigger != NULL ? decode_time_ms(trigger) : 0;
	o.ports = ports_of(d, json_object_get(d->json, "ports"), &o.n_ports);
	slice_endpoints(d, &o);
	packed = d->no_memory ? NULL : object_slice_pack(&o);
	d->no_memory = packed == NULL;
	return packed != NULL ? &packed->meta : NULL;
}

// k8s:2.6: a question is made an address by its dashes and compared with the text. 0, or -EINVAL
// for a text that no question becomes: with upper case, a dotted part or a zone.
static int spell_pod(const char *text, const struct object_address *ip, char label[64])
{
	char canonical[INET6_ADDRSTRLEN] = "";
	size_t len = strlen(text);

	label[0] = '\0';
	if (ip->family == OBJECT_IPV4 && strchr(text, ':') == NULL)
		return 0; // has one spelling only
	if (strspn(text, "0123456789abcdef:") != len)
		return -EINVAL;
	if (ip->family == OBJECT_IPV6)
		(void)inet_ntop(AF_INET6, ip->bytes, canonical, sizeof(canonical)); // has room
	if (strcmp(text, canonical) == 0)
		return 0;
	for (size_t i = 0; i <= len; i++) // an address has less than 64 characters
		label[i] = text[i] == ':' ? '-' : text[i];
	return 0;
}

// Ended pods are left out by the field selector; a dump has them. A pod that is being deleted is
// gone.
static struct object_meta *decode_pod(struct decode *d)
{
	const json_t *status = json_object_get(d->json, "status");
	const json_t *deleted =
		json_object_get(json_object_get(d->json, "metadata"), "deletionTimestamp");
	const char *phase = str_or_empty(d, status, "phase");
	const char *ip = str_or_empty(d, status, "podIP");
	struct object_pod o = {.meta = d->meta};
	struct object_pod *packed;
	char label[64] = "";

	if (deleted != NULL && !json_is_null(deleted))
		return NULL;
	if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0 ||
		strcmp(phase, "Unknown") == 0)
		return NULL;
	if (*ip != '\0' && (!object_address_parse(ip, &o.ip) || spell_pod(ip, &o.ip, label) != 0)) {
		o.ip = (struct object_address){0};
		skip(d, "podIP");
	}
	o.label = label;
	packed = object_pod_pack(&o);
	d->no_memory = packed == NULL;
	return packed != NULL ? &packed->meta : NULL;
}

static struct object_meta *decode_import(struct decode *d)
{
	const json_t *spec = json_object_get(d->json, "spec");
	const json_t *ips = json_object_get(spec, "ips");
	struct object_import o = {.meta = d->meta};
	struct object_import *packed;
	struct object_address *out = room(d, array_len(d, ips, "ips") + 1, sizeof(*out));

	o.headless = strcmp(str_or_empty(d, spec, "type"), "Headless") == 0;
	if (out != NULL)
		o.n_ips = (uint16_t)add_addresses(d, spec, "ips", out, 0);
	o.ips = out;
	o.ports = ports_of(d, json_object_get(spec, "ports"), &o.n_ports);
	packed = d->no_memory ? NULL : object_import_pack(&o);
	return packed != NULL ? &packed->meta : NULL;
}

static struct object_meta *decode_any(struct decode *d)
{
	switch (d->meta.kind) {
	case OBJECT_NAMESPACE:
		return decode_namespace(d);
	case OBJECT_SERVICE:
		return decode_service(d);
	case OBJECT_SLICE:
	case OBJECT_IMPORT_SLICE:
		return decode_slice(d);
	case OBJECT_POD:
		return decode_pod(d);
	case OBJECT_IMPORT:
		return decode_import(d);
	case OBJECT_KINDS:
		break;
	}
	return NULL;
}

enum decode_result decode_object(const struct kube_spec *spec, const json_t *json,
	const char *default_ns, struct decoded *out)
{
	const json_t *meta = decode_member(json, "metadata", JSON_OBJECT);
	struct decode d = {.spec = spec,
		.json = json,
		.meta = {.kind = spec->kind},
		.is_manifest = default_ns != NULL};
	bool can_be_irrelevant = spec->kind == OBJECT_SLICE || spec->kind == OBJECT_IMPORT_SLICE ||
		spec->kind == OBJECT_POD;
	const char *rv = decode_str(meta, "resourceVersion");

	*out = (struct decoded){.resource_version = rv != NULL ? rv : ""};
	out->name = decode_str(meta, "name");
	out->ns = decode_str(meta, "namespace");
	if (spec->kind == OBJECT_NAMESPACE)
		out->ns = "";
	else if (out->ns == NULL || *out->ns == '\0')
		out->ns = default_ns;
	if (out->name == NULL || *out->name == '\0' || out->ns == NULL)
		return DECODE_BAD;
	d.meta.ns = out->ns;
	d.meta.name = out->name;
	d.meta.resource_version = decode_resource_version(out->resource_version);
	out->object = decode_any(&d);
	out->values_skipped = d.skipped;
	out->skipped_field = d.skipped_field;
	arena_fini(&d.arena);
	if (out->object != NULL)
		return DECODE_OK;
	return can_be_irrelevant && !d.no_memory ? DECODE_IRRELEVANT : DECODE_NO_MEMORY;
}
