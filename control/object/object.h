// SPDX-License-Identifier: Apache-2.0
// The Kubernetes objects that cluster DNS is made from, reduced to the fields it consumes (k8s:6).
// An object is one malloc block with its strings inside: object_*_pack makes it, free() ends it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One kind per list that is watched. Slices of the clusterset are watched on their own (k8s:2.8).
enum object_kind {
	OBJECT_NAMESPACE,
	OBJECT_SERVICE,
	OBJECT_SLICE,
	OBJECT_POD,
	OBJECT_IMPORT,
	OBJECT_IMPORT_SLICE, // struct object_slice, service_name from the multicluster label
	OBJECT_KINDS,
};

// The head of every object. Objects are told apart by (kind, ns, name).
struct object_meta {
	const char *ns; // "" for a Namespace
	const char *name;
	uint64_t resource_version; // 0 when the text is not a decimal number
	enum object_kind kind;
};

enum object_family {
	OBJECT_IPV4 = 4,
	OBJECT_IPV6 = 6,
};

struct object_address {
	uint8_t family; // enum object_family
	uint8_t bytes[16]; // network order; an IPv4 address is in the first four, the rest is 0
};

enum object_protocol {
	OBJECT_PROTOCOL_NONE, // absent: matches no _tcp or _udp
	OBJECT_TCP,
	OBJECT_UDP,
	OBJECT_SCTP,
};

struct object_port {
	const char *name; // "" when absent
	int32_t number; // 0..65535, -1 when absent
	enum object_protocol protocol;
};

struct object_namespace {
	struct object_meta meta;
};

enum object_service_type {
	OBJECT_CLUSTER_IP, // also an unknown or absent type
	OBJECT_NODE_PORT,
	OBJECT_LOAD_BALANCER,
	OBJECT_EXTERNAL_NAME,
};

struct object_service {
	struct object_meta meta;
	enum object_service_type type;
	bool headless; // the first of clusterIPs is "None"
	const char *external_name; // "" when absent
	const struct object_address *cluster_ips; // in the order of clusterIPs; none when headless
	const struct object_address
		*external_ips; // spec.externalIPs, then the load balancer's addresses
	const char *const *ingress_hosts; // status.loadBalancer.ingress[].hostname
	const struct object_port *ports;
	uint16_t n_cluster_ips;
	uint16_t n_external_ips;
	uint16_t n_ingress_hosts;
	uint16_t n_ports;
};

// Endpoints that are not ready are not here (k8s:6).
struct object_endpoint {
	const struct object_address *addresses;
	const char *hostname; // "" when absent, as the three below
	const char *target_name; // targetRef.name: the pod
	const char *node_name;
	const char *zone;
	uint16_t n_addresses;
};

struct object_slice {
	struct object_meta meta;
	const char *service_name; // from the label that names the owner, never ""
	const char *source_cluster; // "" outside the clusterset
	const struct object_endpoint *endpoints;
	const struct object_port *ports;
	int64_t trigger_ms; // Unix time of endpoints.kubernetes.io/last-change-trigger-time, 0 when
			    // absent
	uint32_t n_endpoints;
	uint16_t n_ports;
};

struct object_pod {
	struct object_meta meta;
	struct object_address ip; // family 0 when it has none yet
	// The address as a label, as it is spelled, when that is not the canonical text, which is
	// "" (k8s:2.6: CoreDNS compares texts).
	const char *label;
};

struct object_import {
	struct object_meta meta;
	bool headless; // spec.type Headless, else ClusterSetIP
	const struct object_address *ips;
	const struct object_port *ports;
	uint16_t n_ips;
	uint16_t n_ports;
};

// Each copies a struct whose parts may lie anywhere into one new block, owned by the caller; equal
// strings next to each other are kept once. Pointers of parts with n 0 may be NULL, strings may not
// be NULL. NULL when memory is short.
struct object_namespace *object_namespace_pack(const struct object_namespace *o);
struct object_service *object_service_pack(const struct object_service *o);
struct object_slice *object_slice_pack(const struct object_slice *o);
struct object_pod *object_pod_pack(const struct object_pod *o);
struct object_import *object_import_pack(const struct object_import *o);

// Takes any packed object by its head; NULL is fine.
void object_free(struct object_meta *meta);

// Bytes of the block an object lies in, for counting memory.
size_t object_size_bytes(const struct object_meta *meta);

// "namespaces", "services", "endpointslices", ...; for logs and metrics.
const char *object_kind_name(enum object_kind kind);

// Parses exactly one IPv4 or IPv6 address without zone or prefix length; an IPv4-mapped one becomes
// IPv4. Returns false and leaves *out alone when it is none.
bool object_address_parse(const char *text, struct object_address *out);
bool object_address_is_equal(const struct object_address *a, const struct object_address *b);

// Each kind has two sets of objects. LIVE is what is served; NEXT is the list that is being read
// and becomes LIVE as a whole. In an audit both receive events for a while.
enum object_set {
	OBJECT_LIVE,
	OBJECT_NEXT,
};

// How NEXT differs from LIVE.
struct object_diff {
	size_t n_live;
	size_t n_next;
	size_t added; // in NEXT only
	size_t removed; // in LIVE only
	size_t changed; // in both, with different resource versions
};
