// SPDX-License-Identifier: Apache-2.0
// A client's query that waits for an answer from outside: all that its reply will need. Private to
// slowpath/outside.
#pragma once

#include "slowpath/forward/fetch.h"
#include "slowpath/outside/outside.h"

struct pending {
	struct waiter w; // first
	struct outside_thread *thread;
	struct origin origin; // reply NULL: nobody waits (a refresh)
	struct group *counted; // its n_queries counts this one; NULL: not counted
	struct cache_found stale; // what may be answered when the upstreams fail
	struct timer patience; // serve_stale verify: how long they are waited for
	bool is_answered;
	uint32_t stale_ttl_s;
	uint16_t id, flags;
	struct query_edns edns;
	struct answer_env env; // without find
	uint8_t nsid[UINT8_MAX]; // what env points to
	struct ask_options options;
	struct entry_view view;
	uint16_t question_bytes;
	uint8_t question[DNS_HEADER_BYTES + DNS_NAME_MAX_BYTES + 4]; // with the header
};

// What a query asks, as caches and upstreams see it.
void ask_make(const struct query *q, struct ask *a);

// Copies what the reply will need. NULL when memory is short.
struct pending *pending_new(const struct outside *o, const struct entry_view *view);

// Writes the reply (at most 65,535 bytes) and hands it to the origin.
void pending_reply(struct pending *p, const struct entry *e, const struct entry_view *view);

// Frees it with what it holds.
void pending_free(struct pending *p);
