// SPDX-License-Identifier: Apache-2.0
// The list/watch client of the Kubernetes API: one libuv loop, one request per resource, every
// object handed on as it streams in. What it finds goes to a table of callbacks; both the client
// and a saved dump use it.
#pragma once

#include "control/kube/config.h"
#include "control/object/object.h"
#include "zones/base/err.h"

#include <uv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All on the loop's thread, in order per kind. begin, put/del (NEXT), then synced or abandoned;
// put/del (LIVE) only after the first synced. None may close the client.
struct kube_events {
	void *user;
	// NEXT starts empty (what it may have held is dropped).
	void (*begin)(void *user, enum object_kind kind);
	// Add or replace by (kind, ns, name). The object is taken.
	void (*put)(void *user, enum object_set set, struct object_meta *object);
	// It is gone, or not relevant any more. It may be unknown. The strings are borrowed.
	void (*del)(void *user, enum object_set set, enum object_kind kind, const char *ns,
		const char *name);
	// NEXT shall hold what LIVE holds of this name, if anything: the object exists, but cannot
	// be read. May be NULL.
	void (*keep)(void *user, enum object_kind kind, const char *ns, const char *name);
	// NEXT replaces LIVE now. The data is that of resource_version (borrowed).
	void (*synced)(void *user, enum object_kind kind, const char *resource_version);
	// NEXT is dropped, LIVE stays as it is.
	void (*abandoned)(void *user, enum object_kind kind);
	// Compares NEXT with LIVE, leaving out objects with a resource version above upto
	// (UINT64_MAX: none). Before each synced but the first, for the shrink guard and the audit.
	// NULL: no guard.
	void (*diff)(void *user, enum object_kind kind, uint64_t upto, struct object_diff *diff);
};

// What to watch, and which optional fields to keep in memory. The strings are copied.
struct kube_spec {
	enum object_kind kind;
	const char *label_selector; // NULL: all
	const char *field_selector; // NULL: what the kind needs (pods: not the ended ones)
	bool keep_target_names; // endpoints[].targetRef.name: endpoint_pod_names
	bool keep_zones; // endpoints[].zone, nodeName: zonal
};

enum kube_phase {
	KUBE_IDLE, // waiting for a back-off to end
	KUBE_LISTING, // reading a whole list, as stream or in pages
	KUBE_WATCHING,
};

enum kube_relist_reason {
	KUBE_RELIST_FIRST,
	KUBE_RELIST_GONE, // 410
	KUBE_RELIST_TOO_LARGE, // the server has not reached our resource version
	KUBE_RELIST_BACKWARDS, // a resource version went back: etcd was restored
	KUBE_RELIST_BROKEN, // a watch sent what it must not
	KUBE_RELIST_SHORT, // watches end as soon as they start
	KUBE_RELIST_SHRINK, // confirming a list that lost many objects
	KUBE_RELIST_AUDIT, // periodic
	KUBE_RELIST_REASONS,
};

enum kube_result {
	KUBE_OK,
	KUBE_ERR_CONNECT, // could not connect, or TLS failed
	KUBE_ERR_TIMEOUT, // silence
	KUBE_ERR_CUT, // ended in the middle
	KUBE_ERR_401,
	KUBE_ERR_403,
	KUBE_ERR_404,
	KUBE_ERR_410,
	KUBE_ERR_429,
	KUBE_ERR_OTHER_4XX,
	KUBE_ERR_5XX,
	KUBE_ERR_CONTENT, // not what an API server sends
	KUBE_RESULTS,
};

// How long a reply took to begin: up to 5, 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5, 10 s, and more.
enum { KUBE_REPLY_BUCKETS = 12 };

// One per kind; times are CLOCK_MONOTONIC milliseconds as uv_now gives them, 0 for never.
struct kube_stats {
	enum kube_phase phase;
	bool watched; // this kind was asked for
	bool synced; // LIVE has been filled once
	bool streaming_refused; // paged list + watch is used
	uint64_t synced_ms; // last time that LIVE was replaced
	uint64_t last_event_ms;
	uint64_t last_bookmark_ms;
	uint64_t last_contact_ms; // any byte of a good reply
	uint64_t failing_since_ms; // 0 while all is well
	uint64_t backoff_ms; // 0 when none is running
	uint64_t list_results[KUBE_RESULTS];
	uint64_t watch_results[KUBE_RESULTS];
	uint64_t relists[KUBE_RELIST_REASONS];
	uint64_t events; // put and del after the first sync
	uint64_t bookmarks;
	uint64_t objects_skipped; // could not be parsed, or not an object of this kind
	uint64_t values_skipped; // bad single values inside objects that were kept
	uint64_t shrinks_held; // lists that were not taken before a second one confirmed them
	uint64_t drift; // objects that an audit found wrong
	uint64_t bytes_read;
	uint64_t requests;
	uint64_t replies[KUBE_REPLY_BUCKETS], replies_ns;
	char resource_version[40];
	char last_error[160];
};

// All in milliseconds. kube_timing_default fills in api:1.1; tests make them short.
struct kube_timing {
	unsigned watch_ms; // asked from the server: uniform in [watch, 2 * watch)
	unsigned backoff_ms;
	unsigned backoff_max_ms;
	unsigned backoff_connect_max_ms; // while nobody answers at all
	unsigned backoff_reset_ms;
	unsigned short_watch_ms;
	unsigned connect_ms;
	unsigned silence_ms; // without a byte: the connection is dead
	unsigned audit_ms; // uniform in [audit, 3 * audit); 0: never
	unsigned settle_ms; // both sets follow the events for so long before an audit compares them
	unsigned confirm_ms; // between a list that lost many objects and the one that confirms it
	unsigned refused_ms; // how long a refused streaming list is remembered
	unsigned credentials_ms; // period of reading rotated files again
	unsigned page; // objects per page
	unsigned shrink_percent; // guard: more than this share ...
	unsigned shrink_objects; // ... and more than so many removed by one list
};

void kube_timing_default(struct kube_timing *timing);

struct kube_client;

// config is borrowed until the client is closed, events is copied. loop must outlive the client.
// On failure NULL, with the reason in e.
struct kube_client *kube_client_new(uv_loop_t *loop, const struct kube_config *config,
	const struct kube_events *events, const struct kube_timing *timing, struct err *e);

// Starts to list and watch one kind; once per kind.
[[nodiscard]] int kube_client_watch(struct kube_client *client, const struct kube_spec *spec);

// Reads the kind again from the start, as an audit does; a list that is being read is read once
// more. May be called from the events: their receiver could not take an object.
void kube_client_relist(struct kube_client *client, enum object_kind kind);

// Borrowed, changes as the loop runs.
const struct kube_stats *kube_client_stats(const struct kube_client *client, enum object_kind kind);

// True when every watched kind is synced (and at least one is watched).
bool kube_client_is_synced(const struct kube_client *client);

// Ends all requests. No callback follows but done, when nothing of the client is in the loop any
// more; the client is freed then. done may be NULL.
void kube_client_close(struct kube_client *client, void (*done)(void *user), void *user);

const char *kube_result_name(enum kube_result result);
const char *kube_relist_reason_name(enum kube_relist_reason reason);
