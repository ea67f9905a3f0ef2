// SPDX-License-Identifier: Apache-2.0
// The port: opened once at start, one receive and one transmit queue per worker.
#pragma once

#include "dataplane/port/offload.h"
#include "dataplane/port/spec.h"
#include "dataplane/port/vf.h"

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

enum {
	PORT_BURST = 32,
	PORT_MTU_MAX = 9216, // larger frames do not fit the buffers
	PORT_GROUPS_MAX = 17,
	PORT_PRIVATE_BYTES = 64, // of each buffer, for whoever queues it
};

struct port_options {
	struct port_spec spec;
	unsigned queues;
	enum offload_use offloads;
	const uint8_t (*groups)[6]; // link-layer multicast addresses to let in
	size_t n_groups;
};

struct port {
	uint16_t id;
	uint16_t mtu;
	uint8_t mac[6];
	uint8_t trust; // enum frame_trust: what the device checks and fills in
	struct offload offload;
	const char *filter; // how multicast is let in: list, all, interface, none
	unsigned queues;
	struct rte_mempool *pool;
	char ifname[IFNAMSIZ]; // empty without one
	int group_fd; // holds the groups of an interface, -1 without
	int xdp_fd; // holds the XDP program of an interface, -1 without
	struct vf vf; // of a PCI port
	unsigned looks; // at what the host does with it
};

// The MTU the port will have, before EAL starts: *mtu is the one that is wanted of a port without
// interface, 0 for the default. An error when its frames do not fit (PORT_MTU_MAX)
// or the interface cannot be used. 0 or -errno.
[[nodiscard]] int port_preflight(const struct port_spec *spec, unsigned *mtu, struct err *err);

// Configures and starts the one port that EAL probed. 0 or -errno with a sentence; *port needs
// port_close in both cases.
[[nodiscard]] int port_open(
	const struct port_options *o, unsigned mtu, struct port *port, struct err *err);
void port_close(struct port *port);

// Why this process cannot go on with the port, or NULL. Ten times a second, by the main thread.
const char *port_loss(struct port *port);

bool port_is_link_up(const struct port *port);

// Buffers that are neither free nor in a cache: none of a port that is closed, when nobody holds
// any.
unsigned port_buffers_missing(const struct port *port);

// What the port itself lost: full rings, no buffers.
struct port_losses {
	uint64_t rx_pkts, tx_pkts, rx_bytes, tx_bytes, rx_errors, tx_errors;
	uint64_t missed, no_buffer;
};
void port_losses_read(const struct port *port, struct port_losses *out);
