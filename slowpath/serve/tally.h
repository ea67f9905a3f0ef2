// SPDX-License-Identifier: Apache-2.0
// What a query and its reply are counted under; travels with the origin when the reply comes
// later. Only the thread that took the query counts it.
#pragma once

#include "zones/link/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What `log` needs of a query besides its reply.
struct tally_log {
	uint8_t client[16], server[16];
	uint32_t request_bytes;
	uint16_t client_port, server_port;
	uint16_t udp_bytes;
	uint16_t block;
	uint8_t family;
	uint8_t classes; // 0: not logged
	uint8_t flags; // enum qlog_record_flag
	uint8_t tap_wish; // enum tap_wish
};

struct tally {
	struct qlog_writer *writer; // NULL: not logged
	struct tap_writer *tap; // NULL: not told by dnstap
	struct tally_log log;
	struct thread_scope *scope; // NULL: not counted
	uint64_t start_ns;
	uint8_t plugin; // enum scope_plugin of what answers
	uint8_t transport; // enum transport
	bool is_failed; // the reply is an error of `forward`, not an upstream's
};

struct image_rule;
struct query;
struct request;
struct server;

// The query came in; it has been parsed and belongs to a rule (NULL: to none).
void tally_start(struct tally *t, const struct server *s, const struct request *r);
void tally_request(struct tally *t, const struct server *s, const struct request *r,
	const struct query *q, const struct image_rule *rule);

// A reply is ready, with its extended rcode. Once per tally.
void tally_reply(const struct tally *t, uint16_t rcode, const uint8_t *msg, size_t size_bytes);

// The same for a whole message from elsewhere; none (size_bytes 0) counts nothing.
void tally_message(const struct tally *t, const uint8_t *msg, size_t size_bytes);
