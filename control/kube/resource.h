// SPDX-License-Identifier: Apache-2.0
// One watched kind: decides after every request what to do next, so that LIVE is never empty, torn
// or silently old. The rules are those of api:1.5 and api:1.9.
#pragma once

#include "control/base/log.h"
#include "control/kube/backoff.h"
#include "control/kube/check.h"
#include "control/kube/reader.h"

#include <stdbool.h>

struct resource {
	struct reader_env *env;
	struct kube_spec spec; // strings owned
	struct kube_stats stats;
	struct reader readers[2];
	uv_timer_t retry[2]; // of the reader with the same index
	uv_timer_t decide; // does at once what may not be done inside libcurl
	uv_timer_t tick; // looks for silence and at audit_due_ms
	struct reader *live; // fills LIVE; NULL: nobody does
	struct reader *next; // fills NEXT
	struct check check;
	struct backoff backoff;
	uint64_t audit_due_ms; // the next audit, or while settling the comparison; 0: none
	uint64_t known; // resourceVersion when the list of next was asked for
	uint64_t refused_until_ms; // no streaming lists before
	enum kube_relist_reason reason; // why next reads
	struct log_limit failing; // said again every few minutes
	unsigned said; // which results the log has named since it fails, a bit each
	bool begun; // NEXT was begun and neither synced nor abandoned
	bool confirming; // next reads because the list before had lost too much
	bool again; // what is being read is already known to be wrong: read once more
	bool settling; // an audit: both follow, soon they are compared
	bool settled_once;
	bool down; // the last request could not even connect, the next one has not begun
	bool unreachable; // the last failure was that nobody could be reached
	unsigned handles; // that the loop still holds
	void (*closed)(struct resource *r);
};

// spec's strings are copied. -ENOMEM leaves nothing behind.
[[nodiscard]] int resource_init(
	struct resource *r, struct reader_env *env, const struct kube_spec *spec);

void resource_start(struct resource *r);

// Reads everything again: beside the running watch, as an audit, or after the list that is being
// read. May be called from any callback.
void resource_relist(struct resource *r);

// The server can be reached again: ends a wait that was for that.
void resource_kick(struct resource *r);

// Ends running requests and asks again from where they were: connections were made with old
// credentials.
void resource_reconnect(struct resource *r);

// Ends all; closed is called when the loop holds nothing of it any more.
void resource_close(struct resource *r, void (*closed)(struct resource *r));
