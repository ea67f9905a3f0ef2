// SPDX-License-Identifier: Apache-2.0
// Whether a new version of an object shows the same in DNS: most updates (status, annotations,
// managed fields) do, and then nothing is published and the SOA serial stays (k8s:6).
#include "control/store/store.h"

#include <string.h>

static bool addresses_are_equal(
	const struct object_address *a, const struct object_address *b, size_t n)
{
	return n == 0 || memcmp(a, b, n * sizeof(*a)) == 0;
}

static bool ports_are_equal(const struct object_port *a, const struct object_port *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i].number != b[i].number || a[i].protocol != b[i].protocol ||
			strcmp(a[i].name, b[i].name) != 0)
			return false;
	}
	return true;
}

static bool services_are_equal(const struct object_service *a, const struct object_service *b)
{
	if (a->type != b->type || a->headless != b->headless ||
		a->n_cluster_ips != b->n_cluster_ips || a->n_external_ips != b->n_external_ips ||
		a->n_ingress_hosts != b->n_ingress_hosts || a->n_ports != b->n_ports)
		return false;
	for (uint16_t i = 0; i < a->n_ingress_hosts; i++) {
		if (strcmp(a->ingress_hosts[i], b->ingress_hosts[i]) != 0)
			return false;
	}
	return strcmp(a->external_name, b->external_name) == 0 &&
		addresses_are_equal(a->cluster_ips, b->cluster_ips, a->n_cluster_ips) &&
		addresses_are_equal(a->external_ips, b->external_ips, a->n_external_ips) &&
		ports_are_equal(a->ports, b->ports, a->n_ports);
}

// Node names are not looked at: they show nowhere.
static bool endpoints_are_equal(const struct object_endpoint *a, const struct object_endpoint *b)
{
	return a->n_addresses == b->n_addresses && strcmp(a->hostname, b->hostname) == 0 &&
		strcmp(a->target_name, b->target_name) == 0 && strcmp(a->zone, b->zone) == 0 &&
		addresses_are_equal(a->addresses, b->addresses, a->n_addresses);
}

static bool slices_are_equal(const struct object_slice *a, const struct object_slice *b)
{
	if (a->n_endpoints != b->n_endpoints || a->n_ports != b->n_ports ||
		strcmp(a->service_name, b->service_name) != 0 ||
		strcmp(a->source_cluster, b->source_cluster) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_endpoints; i++) {
		if (!endpoints_are_equal(&a->endpoints[i], &b->endpoints[i]))
			return false;
	}
	return ports_are_equal(a->ports, b->ports, a->n_ports);
}

static bool imports_are_equal(const struct object_import *a, const struct object_import *b)
{
	return a->headless == b->headless && a->n_ips == b->n_ips && a->n_ports == b->n_ports &&
		addresses_are_equal(a->ips, b->ips, a->n_ips) &&
		ports_are_equal(a->ports, b->ports, a->n_ports);
}

static bool pods_are_equal(const struct object_pod *a, const struct object_pod *b)
{
	return object_address_is_equal(&a->ip, &b->ip) && strcmp(a->label, b->label) == 0;
}

bool store_is_equal(const struct object_meta *a, const struct object_meta *b)
{
	switch (a->kind) {
	case OBJECT_SERVICE:
		return services_are_equal((const void *)a, (const void *)b);
	case OBJECT_SLICE:
	case OBJECT_IMPORT_SLICE:
		return slices_are_equal((const void *)a, (const void *)b);
	case OBJECT_POD:
		return pods_are_equal((const void *)a, (const void *)b);
	case OBJECT_IMPORT:
		return imports_are_equal((const void *)a, (const void *)b);
	case OBJECT_NAMESPACE:
	case OBJECT_KINDS:
		break;
	}
	return true;
}
