// SPDX-License-Identifier: Apache-2.0
// From a query and what was found to the bytes of the reply. Pure functions used by the workers,
// the slow path, the commands and the tests alike: they do not log, count, allocate or look at
// anything but their arguments.
//
// Use: answer_plan, then look up plan.key when plan.needs_find (workers do that in bulk), then
// answer_write. Or answer_query, which does all three over a plain snapshot.
#pragma once

#include "zones/base/wrbuf.h"
#include "zones/snapshot/snapshot.h"
#include "zones/wire/query.h"

#include <stdbool.h>
#include <stdint.h>

// As many labels as a name for one zone's endpoints has at least in front of the served zone:
// `zone.pin._zone.svc.ns.svc` (answer.c: find_zonal).
enum { ANSWER_ZONAL_LABELS = 4 + 2 };

enum answer_verdict {
	ANSWER_REPLY, // the reply is in the buffer
	ANSWER_PUNT, // the slow path has to answer; the buffer is untouched
};

// Looks a name up for a later step of a rule.
typedef void answer_find_fn(const void *ctx, const struct name_key *key, struct found *out);

// What an answer depends on besides the query and the data.
struct answer_env {
	enum transport transport;
	uint16_t udp_max_bytes; // own limit: min(1232, MTU less headers) (proto:E6); UDP only
	bool takes_aliases; // the caller completes aliases to names outside (SET_PUNT) itself
	uint8_t cookie_size; // bytes of cookie to send when the client sent one; 0: none
	uint8_t cookie[40]; // client cookie and our server cookie (proto:C2)
	uint16_t keepalive_100ms; // TCP: edns-tcp-keepalive timeout to announce, 0 for none
	uint8_t nsid_size;
	const uint8_t *nsid; // borrowed; sent when asked for
	answer_find_fn *find;
	const void *find_ctx; // borrowed
};

// What answer_plan decided: the rule, and the key of its first step's look-up.
struct answer_plan {
	enum query_verdict verdict; // of query_parse
	const struct image *top; // NULL: no snapshot yet
	const struct image_rule *rule; // NULL: no server block covers the name
	bool needs_find;
	bool is_pod; // key is the namespace's pod name; the address is in the first label
	struct name_key key;
};

// For counters, logs and explain.
struct answer_result {
	uint16_t rcode;
	bool is_truncated;
	const struct image_rule *rule; // borrowed from the snapshot, or NULL
	const struct image_step *step; // the one that answered, or NULL
	struct found found;
};

// Chooses rule and first key. v is query_parse's verdict (QUERY_OK, QUERY_ERROR or
// QUERY_COOKIE_ONLY). listener may be NULL: REFUSED.
void answer_plan(const struct snapshot *s, const struct image_listener *listener,
	const struct query *q, enum query_verdict v, struct answer_plan *plan);

// Writes the reply. w->base holds the query's header and question (query_question_end bytes); what
// stands behind them is overwritten. On ANSWER_REPLY w->pos is the size of the reply. found is
// the result for plan->key (ignored unless needs_find). w must have room for 512 bytes at least.
enum answer_verdict answer_write(const struct answer_plan *plan, const struct found *found,
	const struct query *q, const struct answer_env *env, struct wrbuf *w,
	struct answer_result *result);

// Puts what the rule's server block tells who asks for NSID into env; nothing when it tells
// nothing. The text is the image's: who keeps env longer copies it.
void answer_name_server(
	const struct image *top, const struct image_rule *rule, struct answer_env *env);

enum answer_step_verdict {
	ANSWER_STEP_REPLY, // the reply is in the buffer
	ANSWER_STEP_PUNT,
	ANSWER_STEP_NEXT, // the step has nothing to say about the name
};

// Runs one step of plan->rule alone, for whoever walks rules itself. plan is as answer_plan made
// it but for its key; env->find looks names up.
enum answer_step_verdict answer_step(const struct answer_plan *plan, const struct image_step *step,
	const struct query *q, const struct answer_env *env, struct wrbuf *w,
	struct answer_result *result);

// Parse, plan, find and write in one call over a plain snapshot: msg of size_bytes bytes came in
// for `to`; out is where the reply goes (may be the same memory as msg). env->find is set by this
// function. Returns false when nothing must be sent (dropped: see *v) or it is a punt (*verdict).
struct answer_call {
	const struct snapshot *snapshot;
	const struct server_address *to;
	const uint8_t *msg;
	size_t size_bytes;
};
enum answer_verdict answer_query(const struct answer_call *call, struct answer_env *env,
	struct query *q, enum query_verdict *v, struct wrbuf *w, struct answer_result *result);
