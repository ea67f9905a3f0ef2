// SPDX-License-Identifier: Apache-2.0
// The settings of `burst53 run` as data: burst53.conf, and over it the command line.
#pragma once

#include "cli/address.h"

#include "zones/base/err.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RUN_ADDRESSES_MAX = 16,
	RUN_WORKERS_MAX = 32,
	RUN_NETWORKS_MAX = 64,
};

enum port_kind {
	PORT_NONE, // kernel sockets, no DPDK
	PORT_AF_PACKET,
	PORT_AF_XDP,
	PORT_EAL, // device arguments handed to DPDK as they are
	PORT_PCI,
};

// The largest frame the dataplane's buffers hold: AF_PACKET's frames and the packet pool are made
// for this MTU.
enum { PORT_MTU_MAX = 9216 };

enum hugepages { HUGE_AUTO, HUGE_OFF };

struct run_options {
	const char *conf;
	const char *kubeconfig, *context, *dump; // all NULL: in the cluster
	const char *port; // as written
	enum port_kind port_kind;
	char ifname[IFNAMSIZ]; // of af_packet and af_xdp
	struct address addresses[RUN_ADDRESSES_MAX];
	size_t n_addresses;
	struct address gateways[2];
	size_t n_gateways;
	unsigned workers;
	const char *idle; // NULL: chosen by the kind of port
	const char *run_dir, *state_dir;
	enum hugepages hugepages;
	unsigned memory_mb;
	unsigned mtu; // of a card; 0: 1500
	unsigned vlan; // tag of all frames; 0: none
	const char *api_netns; // NULL: the supervisor's own
	uint16_t dns_port; // 0: as the Corefile says
	const char *max_image_age; // NULL: control's own default
	const char *pidfile;
	const char *user; // of the processes that need no rights; NULL: user_choose()
	bool is_quiet;
	struct address networks[RUN_NETWORKS_MAX]; // clients of the cluster
	size_t n_networks;
	const char *outside; // pass, limit or drop: all other clients
	unsigned rate, rate_burst, rate_slip; // of limit
	const char *rate_prefixes4, *rate_prefixes6;
	const char *cookie_file; // NULL: our own, in the state directory
	bool has_no_cookies;
	const char *keep_inside; // names that are not forwarded; NULL: none
	bool mixes_case; // in questions to upstreams
	char *file_text; // owned: what strings of burst53.conf point into
};

enum run_parse { RUN_PARSED, RUN_HELP, RUN_WRONG };

// Reads both; strings stay borrowed from argv. RUN_HELP: help was printed on stdout. RUN_WRONG: the
// reason was printed on stderr. *out needs run_options_fini in any case.
enum run_parse run_options_parse(int argc, char **argv, struct run_options *out);
void run_options_fini(struct run_options *o);
