// SPDX-License-Identifier: Apache-2.0
// Everything that can be found wrong before anything is changed: the Corefile, rights, the
// interface, the addresses. What it finds out is what the supervisor works with.
#pragma once

#include "cli/drop_rule.h"
#include "cli/listens.h"
#include "cli/net_link.h"
#include "cli/places.h"
#include "cli/probe.h"
#include "cli/run_options.h"
#include "cli/state.h"

#include "zones/base/err.h"

struct preflight {
	struct net_link link; // of af_packet and af_xdp
	struct probe probe; // whether an address is taken
	enum address_mode modes[RUN_ADDRESSES_MAX];
	uint16_t ports[DROP_PORTS_MAX]; // served by plain DNS, ascending
	size_t n_ports;
	struct listens listens; // the Corefile's places
	struct places places; // of /health, /ready, /metrics
	bool is_no_huge; // decided once leftovers of an earlier instance hold no pages any more
	const char *hugepage_note; // a sentence for the log, or NULL
	int api_netns_fd; // -1: ours; owned
};

// 0 or -errno with a sentence in *err; takes milliseconds. *p must be closed in both cases.
[[nodiscard]] int preflight_check(
	const struct run_options *o, struct preflight *p, struct err *err);

// Begins to ask the link whether an address is taken. Only after leftovers of an earlier instance
// are gone, which would answer.
[[nodiscard]] int preflight_probe(
	const struct run_options *o, struct preflight *p, struct err *err);

void preflight_close(struct preflight *p);
