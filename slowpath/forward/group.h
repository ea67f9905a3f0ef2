// SPDX-License-Identifier: Apache-2.0
// The upstreams of one `forward` and what is known of their health. Shared by all threads; what
// changes is atomic.
#pragma once

#include "slowpath/base/holder.h"
#include "slowpath/base/log.h"
#include "slowpath/forward/files.h"
#include "zones/base/err.h"
#include "zones/image/policy.h"
#include "zones/link/outside_counters.h"
#include "zones/wire/dname.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_client;

struct upstream {
	struct sockaddr_in6 to; // or sockaddr_in
	socklen_t to_size;
	bool is_tls;
	char host[64]; // address text
	char text[80]; // "192.0.2.1:53", for logs
	char server_name[256]; // TLS: to verify, "" for none
	_Atomic uint32_t fails; // consecutive failed health checks
	atomic_bool is_probed; // some thread is checking it
	struct log_limit refusals; // of its certificate
	_Atomic uint32_t case_fails; // replies in a row that did not keep the letters' case
	struct upstream_counters *counters; // borrowed; NULL: nothing is counted
};

struct group {
	struct holder *holder; // what keeps the group and its policy alive
	const atomic_bool *is_retired; // of the plan; NULL: never
	const struct policy_forward *policy; // borrowed from the holder
	struct sockaddr_in6 source; // family 0: the system's choice
	struct tls_client *tls; // NULL without TLS upstreams
	unsigned n;
	struct upstream list[POLICY_UPSTREAMS_MAX];
	_Atomic uint32_t turn; // round robin
	_Atomic uint32_t n_queries; // under way, for max_concurrent
	atomic_bool is_looping; // its upstreams ask us (`loop`)
	struct outside_counters *counters; // borrowed; NULL: nothing is counted
};

// files has those that the policy names. NULL with a reason in *err. The holder owns the group.
struct group *group_new(const struct policy_forward *policy, const struct upstream_files *files,
	struct holder *holder, struct err *err);
void group_free(struct group *g); // NULL is fine

// From now on the group counts there.
void group_count_in(struct group *g, struct outside_counters *counters);

// Whether a newer plan is in use.
bool group_is_retired(const struct group *g);

// Whether this forward is for the name; the first also of one that has no group.
bool forward_takes(const struct policy_forward *policy, const struct dname *name);
bool group_takes(const struct group *g, const struct dname *name);

// Whether an answer with this rcode sends the question to the next upstream, or, with or without
// records in its answer section, to the next forward (k8s:2.13 failover, next).
bool group_fails_over(const struct group *g, uint16_t rcode);
bool group_wants_next(const struct group *g, uint16_t rcode, bool has_answer);

// The upstreams in the order in which they are to be tried (k8s:2.13 policy).
void group_order(struct group *g, uint8_t order[POLICY_UPSTREAMS_MAX]);

// k8s:2.13 max_fails.
bool upstream_is_down(const struct group *g, const struct upstream *u);
