// SPDX-License-Identifier: Apache-2.0
// What control tells of itself through the shared page. Only control writes this.
#pragma once

#include "zones/link/counter.h"
#include "zones/link/qlog.h"
#include "zones/link/scope.h"
#include "zones/link/tap.h"

enum {
	CONTROL_RESOURCES = 6, // as enum object_kind of control/object
	CONTROL_RESULTS = 12, // as enum kube_result of control/kube
	CONTROL_RELIST_REASONS = 8, // as enum kube_relist_reason
	CONTROL_PROGRAMMING_BUCKETS = 21, // 1 ms, each next one twice as wide, and above
	CONTROL_REST_BUCKETS = 12,
	CONTROL_HOST_BYTES = 64,
	CONTROL_REASON_BYTES = 512,
	CONTROL_PATH_BYTES = 128,
};

// One watched resource; results and reasons as control/kube counts them.
struct resource_counters {
	counter_t is_watched, is_synced;
	counter_t phase; // 0 waiting, 1 listing, 2 watching
	counter_t objects;
	counter_t contact_monotonic_ms, failing_since_monotonic_ms; // 0: never, not failing
	counter_t events, bookmarks, requests, bytes;
	counter_t skipped_objects, drift_objects, shrinks_held;
	counter_t list_results[CONTROL_RESULTS], watch_results[CONTROL_RESULTS];
	counter_t relists[CONTROL_RELIST_REASONS];
};

// Services by how CoreDNS tells them apart (k8s:2.13).
enum control_service_kind {
	CONTROL_CLUSTER_IP,
	CONTROL_HEADLESS_WITH_SELECTOR,
	CONTROL_HEADLESS_WITHOUT_SELECTOR,
	CONTROL_SERVICE_KINDS
};

struct programming_counters {
	counter_t buckets[CONTROL_PROGRAMMING_BUCKETS];
	counter_t sum_ns;
};

// What is switched on for a server and zone: one bit per directive of zones/corefile/kinds.h.
struct enabled_entry {
	struct scope_label label;
	counter_t directives;
};

// Replaced as a whole by a reload; version is odd meanwhile.
struct enabled_table {
	counter_t version;
	counter_t n;
	struct enabled_entry entries[SCOPES_MAX];
};

struct control_counters {
	_Alignas(64) counter_t heartbeat_monotonic_ns;
	counter_t synced; // 1 once every resource synced
	counter_t was_synced; // 1 once that was so in any life of control on this page
	counter_t serves_saved; // 1 while a saved image that is young enough is served
	counter_t generation;
	counter_t folds, overlays;
	counter_t build_ns, publish_ns;
	counter_t services, slices, endpoints, namespaces, pods, imports;
	counter_t skipped_objects, capped_services;
	counter_t relists, drift_objects, reloads, reloads_failed;
	counter_t config_hash; // of the Corefile in force
	counter_t corefile_refused; // 1 while the newest one is not taken: reload_reason
	counter_t corefile_waits; // 1 while one is taken and its rules are not served yet
	counter_t last_event_monotonic_ns;
	counter_t changes;
	struct resource_counters resources[CONTROL_RESOURCES];
	struct programming_counters programming[CONTROL_SERVICE_KINDS];
	struct programming_counters published; // from an event to the last acknowledgement
	char api_host[CONTROL_HOST_BYTES]; // "10.96.0.1:443"; written once
	counter_t rest_buckets[CONTROL_REST_BUCKETS], rest_sum_ns; // until a reply begins
	struct enabled_table enabled;
	struct qlog_rules qlog;
	struct tap_rules taps;
	counter_t hosts_entries;
	counter_t hosts_read_s; // Unix time of the last reading, 0 without `hosts`
	char hosts_path[CONTROL_PATH_BYTES]; // of the first `hosts`; ends with 0
	char reload_reason[CONTROL_REASON_BYTES]; // of the last reload that failed; ends with 0
};
