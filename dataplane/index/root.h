// SPDX-License-Identifier: Apache-2.0
// What workers answer from: one immutable snapshot with its indexes and the listeners of our
// addresses, published by one release store (DESIGN 3). The writer's side is in dataplane/feed.
#pragma once

#include "dataplane/index/index.h"

#include "zones/scope/scope_map.h"
#include "zones/snapshot/snapshot.h"

#include <rte_rcu_qsbr.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	ROOT_PORTS_MAX = 64,
	ROOT_ADDRESSES_MAX = 16,
	ROOT_DNS_PORT = 53,
	ROOT_RULES_MAX = 32,
};

// Which listener serves own address i at a port; NULL: none.
struct root_port {
	uint16_t port;
	const struct image_listener *listeners[ROOT_ADDRESSES_MAX];
};

// What NXDOMAIN and NODATA say: the zone's SOA.
struct root_denial {
	const uint8_t *rrs; // NULL: there is none, or it takes more than what follows
	const uint32_t *fixes; // where a pointer to the zone in the question belongs
	uint16_t size_bytes;
	uint8_t n_fixes;
	uint8_t zone_size;
};

// A rule of the newest image as workers' quick way needs it.
struct root_rule {
	uint8_t tail[BYTES_BLOCK], mask[BYTES_BLOCK]; // the zone's last bytes, and which count
	const uint8_t *zone;
	uint8_t zone_size, zone_labels;
	bool is_rotated, is_minimal;
	bool is_open; // a name that is not found is no name error yet
	uint16_t view, udp_max_bytes;
	uint32_t index, step_index; // in the image
	const struct image_step *step; // the first, a look-up; NULL: it is none
	const struct image_step *punt; // the first, to the slow path; NULL: it is not
	struct root_denial denial;
};

struct root {
	struct snapshot snapshot;
	struct index_pair index;
	struct scope_map scopes; // owned by who made the root
	uint64_t generation; // of the newest image, 0 without one
	unsigned n_ports;
	struct root_port ports[ROOT_PORTS_MAX];
	struct root_rule rules[ROOT_RULES_MAX]; // the image's first ones, in its order
};

struct roots {
	_Atomic(const struct root *) current; // snapshot thread: wo, workers: ro
	struct rte_rcu_qsbr *qsbr; // one reader per worker
};

// Our addresses, in the order that listeners are indexed by.
struct root_addresses {
	unsigned n;
	struct server_address list[ROOT_ADDRESSES_MAX];
};

// Fills snapshot, generation, ports and rules of a root. -E2BIG when the image serves more than
// ROOT_PORTS_MAX ports. Without an image port 53 is served, by SERVFAIL (proto:S11).
[[nodiscard]] int root_init(
	struct root *r, const struct snapshot *snapshot, const struct root_addresses *addresses);

// The listener of own address i and port, through *found whether the port is served at all.
static inline const struct image_listener *root_listener(
	const struct root *r, unsigned address, uint16_t port, bool *found)
{
	*found = true;
	for (unsigned i = 0; i < r->n_ports; i++) {
		if (r->ports[i].port != port)
			continue;
		*found = r->snapshot.base == NULL || r->ports[i].listeners[address] != NULL;
		return r->ports[i].listeners[address];
	}
	*found = false;
	return NULL;
}

// Memory for the readers' states. 0 or -ENOMEM.
[[nodiscard]] int roots_init(struct roots *r, unsigned n_readers);
void roots_fini(struct roots *r);
