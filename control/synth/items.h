// SPDX-License-Identifier: Apache-2.0
// The (port, address) pairs of a service: what a query selects from, and what the weight of its SRV
// records counts (k8s:2.5, rule W). Private to control/synth.
#pragma once

#include "control/synth/work.h"

struct item {
	const char *host; // endpoint name; "" for the service's own addresses
	const char *cluster; // clusterset only, else ""
	const char *topology; // of the endpoint, "" when unknown
	const struct object_address *addr;
	int32_t number; // of the port; -1: the service has no ports
	uint16_t port_name; // index into items.names
	uint8_t protocol; // enum object_protocol
};

// Items in the three orders that the sets are made from. Each order is complete.
struct view {
	const struct item **by_port; // host, cluster, number, address
	const struct item **by_host; // host, cluster, address, number
	const struct item **by_addr; // address
	size_t n;
};

struct port_key {
	uint16_t name;
	uint8_t protocol;
};

struct items {
	struct item *all;
	size_t n, cap;
	struct view view; // of all
	struct view picked; // room for one selection
	const char **names; // distinct port names, sorted; [0] is ""
	size_t n_names;
	struct port_key *ports; // distinct ports
	size_t n_ports;
	size_t port_limit; // ports of one source that are looked at
};

// A service's cluster IPs times its ports.
struct items_source {
	const struct object_address *addrs;
	size_t n_addrs;
	const struct object_port *ports;
	size_t n_ports;
};
[[nodiscard]] int items_of_addresses(
	struct work *w, const struct items_source *src, struct items *out);

// All ready endpoints of slices times the ports of each slice.
[[nodiscard]] int items_of_slices(
	struct work *w, const struct store_group *group, struct items *out);

// What a query for a port selects; an empty part matches every port (k8s:2.2).
struct port_pick {
	struct port_key key;
	bool any_name, any_protocol;
};
// sum identifies the selection among those of the same items. The view is good until the next pick.
struct view items_pick(const struct items *items, const struct port_pick *pick, uint64_t *sum);

// The items of one topology zone, without case.
struct view items_pick_topology(const struct items *items, const char *topology);

// The order of (host, cluster), which two of the orders of a view begin with.
int items_compare_host(const struct item *a, const struct item *b);

// From position *at of view.by_host: the items of the next endpoint name. False at the end.
bool items_next_host(const struct view *all, size_t *at, struct view *out);
