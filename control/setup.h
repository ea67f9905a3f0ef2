// SPDX-License-Identifier: Apache-2.0
// Everything that follows from one Corefile: its policy, and for each kubernetes directive the
// options of synthesis and the cluster behind it. A reload makes a new one, which takes over the
// clusters that stay.
#pragma once

#include "control/cluster.h"
#include "control/hosts.h"
#include "control/policy.h"
#include "control/synth/synth.h"
#include "zones/corefile/config.h"

struct instance {
	struct synth synth;
	struct cluster *cluster; // owned by the setup, perhaps shared by its instances
	size_t index; // its view is index + 1
	unsigned line; // of the directive
};

struct setup {
	struct config config;
	struct hosts *hosts; // one per server block, zeroed without the directive
	struct policy *policy;
	struct policy_view *views; // one per instance
	struct instance *instances;
	size_t n_instances;
};

struct setup_options {
	const char *corefile; // NULL: as CoreDNS looks for one
	uint16_t dns_port; // 0: 53
	struct cluster_source source;
	const struct object_address *addresses; // the server's own
	size_t n_addresses;
	size_t n_link; // of them, at the end: the node's own beside service addresses
};

// Parses the Corefile and makes everything but the connections. Clusters that `old` (NULL is fine)
// has and that still serve are shared with it until setup_release. NULL with the reason in e.
struct setup *setup_new(const struct setup_options *o, const struct setup *old, struct err *e);

// Starts the clusters that are not shared with old.
[[nodiscard]] int setup_start(struct setup *s, const struct setup *old, uv_loop_t *loop,
	const struct cluster_events *events, struct err *e);

bool setup_is_synced(const struct setup *s);

// What images say of the Corefile they were made of: never 0.
uint32_t setup_corefile(const struct setup *s);

// Whether a kubeconfig names a program that fetches credentials.
bool setup_runs_programs(const struct setup *s);

// Frees s; closes the clusters that `kept` (NULL is fine) does not share.
void setup_release(struct setup *s, const struct setup *kept);

// Whether a file of some hosts directive is another one now; *interval_ms becomes the shortest time
// in which one of them wants to be looked at, 0 for never.
bool setup_hosts_have_changed(const struct setup *s, uint64_t *interval_ms);

// The views as they are now.
const struct policy_view *setup_views(struct setup *s);
