// SPDX-License-Identifier: Apache-2.0
// One way from a query to its reply for everything the slow path serves: UDP and TCP sockets and
// what the workers punt (proto:R2: same bytes, same verdict).
#pragma once

#include "slowpath/feed/roots.h"
#include "slowpath/serve/origin.h"
#include "zones/answer/answer.h"
#include "zones/answer/cookie.h"
#include "zones/base/networks.h"
#include "zones/base/wrbuf.h"
#include "zones/link/counters.h"

#include <stddef.h>
#include <stdint.h>

enum {
	SERVE_UDP_QUERY_MAX_BYTES = 4096, // longer datagrams are cut by the receiver and malformed
	SERVE_IDLE_S = 30, // DESIGN 5; announced by edns-tcp-keepalive
};

struct client {
	uint8_t family; // 4 or 6, 0: not known
	uint8_t bytes[16];
	uint16_t port;
};

struct request {
	enum transport transport;
	struct server_address to;
	struct client from;
	const uint8_t *msg; // borrowed; may be the memory of the reply
	size_t size_bytes;
	uint16_t udp_max_bytes;
	uint16_t keepalive_100ms; // TCP: announced to who asks (RFC 7828)
	uint64_t generation; // of the snapshot that punted it, 0 for none
	const struct origin *origin; // borrowed: copied when the reply comes later
	bool is_punted; // by a worker, which has counted it
	bool is_own; // asked by ourselves: not counted
	bool keeps_aliases; // asked to complete an alias: no further ones are followed
	uint8_t depth; // requests of our own that this one is made for
	unsigned *n_asked; // by us for one client's query, in who waits for all; NULL: nobody yet
};

enum serve_verdict {
	SERVE_REPLY, // in the buffer
	SERVE_DROP, // nothing is sent
	SERVE_LATER, // the origin gets its reply when it is there
};

// A question that the snapshot does not answer.
struct ask_options;

struct outside {
	const struct request *request;
	const struct query *query;
	const struct answer_env *env;
	const struct image *image; // whose policy counts
	const struct image_rule *rule;
	uint16_t block; // of the Corefile, the rule's
	uint8_t tap_wish; // enum tap_wish: what dnstap is told
	const uint8_t *zone; // of the rule, where that is not known any more; NULL: the root
	const struct image_step *step; // the punting one
	struct tally *tally; // of a reply that is made at once
	const struct ask_options *options; // for upstreams; NULL for none
};

struct server;
typedef enum serve_verdict outside_fn(struct server *s, const struct outside *o, struct wrbuf *w);

// What one thread needs for serving.
struct server {
	const struct root *root; // valid during one turn of the loop
	outside_fn *outside; // NULL: nothing answers names outside
	void *outside_ctx;
	const struct counters_page *counters; // NULL without; ro
	const struct cookie_secrets *cookies; // NULL: none are sent
	const struct networks *networks; // NULL: everybody is answered
	struct qlog_writer *log; // NULL: nothing is logged
	struct tap_writer *tap; // NULL: nothing is told by dnstap
	struct thread_scope *scopes; // SCOPES_MAX of them, this thread: wo; NULL without
	struct rule_counters *rules; // of all threads; NULL without
};

// w needs room for 512 bytes at least (TCP: 65,535 for whole answers).
enum serve_verdict serve_query(struct server *s, const struct request *r, struct wrbuf *w);

// Completes an error reply to a parsed query whose header and question stand in w.
void serve_error(const struct query *q, const struct answer_env *env, enum rcode rcode,
	enum ede ede, struct wrbuf *w);

// What a step counts as (enum scope_plugin).
uint8_t serve_plugin(const struct server *s, const struct image_step *step);

// proto:A1: strangers learn nothing, whatever they send.
bool serve_is_stranger(const struct server *s, const struct client *c);

// proto:H19: ports of small services, which would answer our answer.
bool serve_is_bad_port(uint16_t port);

// proto:H20: an error never goes to a DNS port.
bool serve_is_error_loop(uint16_t port, const uint8_t *reply);
