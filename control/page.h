// SPDX-License-Identifier: Apache-2.0
// What control tells of itself in the shared page, for status and metrics. Private to control.
#pragma once

#include "control/cluster.h"
#include "control/setup.h"
#include "zones/link/counters.h"

#include <stddef.h>
#include <stdint.h>

// Times that endpoints name for what is being published (k8s:2.13, programming duration). More at
// once than fit are not measured.
enum { PAGE_TRIGGERS_MAX = 64 };

struct page_triggers {
	int64_t waiting_ms[PAGE_TRIGGERS_MAX], sent_ms[PAGE_TRIGGERS_MAX]; // Unix time
	size_t n_waiting, n_sent;
};

// Objects, resources, synced; every heartbeat. holds: a saved snapshot is served.
void page_heartbeat(struct control_counters *page, const struct setup *setup, bool holds);

// The Corefile in force: which directives serve which zone.
void page_corefile(struct control_counters *page, const struct setup *setup);

// A change comes in; then it is sent; then it is served, event_ns after which it came (0: none).
void page_changing(struct page_triggers *t, const struct cluster *c, const struct object_meta *old,
	const struct object_meta *new);
void page_sent(struct page_triggers *t);
void page_served(struct control_counters *page, struct page_triggers *t, uint64_t event_ns);
