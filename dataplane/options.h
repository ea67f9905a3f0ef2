// SPDX-License-Identifier: Apache-2.0
// The command line of burst53-dataplane as data. The supervisor writes it.
#pragma once

#include "dataplane/net/host.h"
#include "dataplane/port/spec.h"
#include "dataplane/port/xdp_filter.h"
#include "dataplane/worker/worker.h"

#include <stdbool.h>
#include <sys/types.h>

struct options {
	struct port_spec port;
	struct host_address addresses[HOST_ADDRESSES_MAX];
	unsigned n_addresses;
	uint16_t served_ports[XDP_PORTS_MAX]; // UDP, for what the port itself filters; none: 53
	unsigned n_served_ports;
	unsigned workers;
	enum worker_outside outside;
	struct networks networks;
	struct rate_options rate; // of all workers together
	int cookie_fd; // one or two secrets of 16 bytes; -1: no cookies
	enum worker_idle idle;
	bool is_no_huge;
	unsigned memory_mb;
	unsigned vlan; // tag of all frames; 0: none
	unsigned mtu; // of a port without interface; 0: 1500
	int publish_fd, counters_fd, punt_fd, base_fd, overlay_fd, tun_fd; // -1: none
	int go_fd; // a byte comes when the port may open; -1: it may at once
	uid_t peer_uid; // who may publish besides our own uid
};

enum options_parse { OPTIONS_PARSED, OPTIONS_HELP, OPTIONS_WRONG };

// Strings stay borrowed from argv. OPTIONS_HELP: printed on stdout; OPTIONS_WRONG: the reason was
// printed on stderr.
enum options_parse options_parse(int argc, char **argv, struct options *out);
