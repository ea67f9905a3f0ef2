// SPDX-License-Identifier: Apache-2.0
// The Corefile as policy for the fast path: which listener does what with the names of which zone
// (DESIGN 3). Worked out once for each Corefile, then written into every image with what moves: SOA
// serials and whether a cluster has synced.
#pragma once

#include "control/hosts.h"
#include "zones/base/arena.h"
#include "zones/corefile/cluster.h"
#include "zones/corefile/config.h"
#include "zones/image/build.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One instance of the kubernetes directive. Its names have view number index + 1.
struct policy_view {
	const struct config_kubernetes *config; // borrowed
	const struct config_k8s_external *external; // of the same block, borrowed; NULL: none
	uint32_t serial, clusterset_serial, external_serial;
	bool is_synced;
};

struct policy;

// The k8s_external of a block; NULL without one, or without the kubernetes that it gets its data
// from (CoreDNS then passes over it).
const struct config_k8s_external *policy_external(const struct config_server *s);

// The instances in the order of their views: servers in file order. Writes at most max; returns how
// many there are.
size_t policy_views(const struct config *c, struct policy_view *views, size_t max);

// config is borrowed as long as the policy lives. hosts has one element per server block (those
// without the directive are not looked at). NULL with the reason in e when the slow path
// cannot execute something, or memory is short.
struct policy *policy_new(const struct config *c, const struct hosts *hosts, struct err *e);

// The view of a block's hosts directive.
uint16_t policy_hosts_view(const struct policy *p, size_t server);
void policy_free(struct policy *p); // NULL is fine

// views as policy_views gave them, with their state now.
[[nodiscard]] int policy_write(
	const struct policy *p, struct image_build *b, const struct policy_view *views);
