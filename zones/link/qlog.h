// SPDX-License-Identifier: Apache-2.0
// What `log` and `errors` shall write about queries, handed from the threads that answer to the one
// that writes lines. A ring per thread in shared memory: its writer makes no call, takes no lock
// and never waits; who reads too late misses entries and can tell how many. A thread notes at most
// QLOG_PER_S queries a second and counts the rest.
#pragma once

#include "zones/link/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QLOG_SLOTS = 1024, // a power of two
	QLOG_PER_S = 2000,
	QLOG_NAME_BYTES = 255,
	QLOG_UPSTREAM_BYTES = 48,
	QLOG_RULES_MAX = 64,
	QLOG_FORMAT_BYTES = 768,
	QLOG_PATTERN_BYTES = 256,
};

// CoreDNS' classes of responses, as bits: pkg/response.
enum qlog_class_bit { QLOG_CLASS_SUCCESS = 1, QLOG_CLASS_DENIAL = 2, QLOG_CLASS_ERROR = 4 };
enum { QLOG_CLASSES = 7 };

enum qlog_record_flag {
	QLOG_RECORD_DO = 1,
	QLOG_RECORD_TCP = 2,
	QLOG_RECORD_ERROR = 4, // for `errors`, else for `log`
	QLOG_RECORD_NO_REPLY = 8, // what is said of replies is not known
};

struct qlog_record {
	uint64_t took_ns;
	uint8_t client[16], server[16];
	uint16_t client_port, server_port;
	uint16_t id;
	uint16_t header_flags; // of the reply
	uint16_t rcode; // extended
	uint16_t type, class;
	uint16_t request_bytes, reply_bytes;
	uint16_t udp_bytes; // that the client takes
	uint16_t block; // of the Corefile, counted from 0
	uint8_t family;
	uint8_t flags; // enum qlog_record_flag
	uint8_t reason; // enum qlog_reason, of an error
	uint8_t name_size;
	uint8_t name[QLOG_NAME_BYTES]; // wire form, as the client spelled it
	char upstream[QLOG_UPSTREAM_BYTES]; // of an error; ends with 0
};

// Why a query failed.
enum qlog_reason {
	QLOG_TIMED_OUT,
	QLOG_UNREACHABLE,
	QLOG_MALFORMED,
	QLOG_CERTIFICATE,
	QLOG_REASONS
};

struct qlog_slot {
	_Alignas(64) counter_t number; // of the entry, counted from 1; 0 while it is written
	struct qlog_record record;
};

struct qlog_ring {
	_Alignas(64) counter_t written; // entries, ever
	counter_t left_out; // queries over QLOG_PER_S
	struct qlog_slot slots[QLOG_SLOTS];
};

// The writer's side; private to one thread.
struct qlog_writer {
	struct qlog_ring *ring; // NULL: there is none
	uint64_t ticks_per_s;
	uint64_t second_ticks; // when the current second began
	uint32_t in_second;
};

// What a thread knows of a query besides the reply.
struct qlog_query {
	const uint8_t *client, *server; // 16 bytes, or 4
	uint64_t now_ticks, took_ns;
	size_t request_bytes;
	uint16_t client_port, server_port;
	uint16_t udp_bytes;
	uint16_t rcode;
	uint16_t block;
	uint8_t family;
	uint8_t classes; // that are logged: bits
	uint8_t flags; // enum qlog_record_flag
};

// A question that no upstream answered.
struct qlog_failure {
	const uint8_t *name; // wire
	uint8_t name_size;
	uint8_t reason; // enum qlog_reason
	uint8_t flags; // QLOG_RECORD_TCP: the upstream was asked over a connection
	uint16_t type, class, rcode;
	uint64_t now_ticks;
	const char *upstream; // "192.0.2.1:53", "" for none
};

void qlog_fail(struct qlog_writer *w, const struct qlog_failure *f);

// Notes a query by its whole reply, when its class is asked for.
void qlog_write(
	struct qlog_writer *w, const struct qlog_query *q, const uint8_t *reply, size_t size_bytes);

// A record of a query by a message with its question.
void qlog_record_fill(
	struct qlog_record *r, const struct qlog_query *q, const uint8_t *reply, size_t size_bytes);

// The class of a reply's header.
enum qlog_class_bit qlog_class_of(const uint8_t *reply, size_t size_bytes);

// Copies entry `number` (counted from 1). False: it is not there any more, or not yet.
bool qlog_read(const struct qlog_ring *r, uint64_t number, struct qlog_record *out);

// One `log` of a block for a zone, or one `errors` (its zone is the root); in order of the
// Corefile.
struct qlog_rule {
	uint16_t block;
	uint8_t classes;
	uint8_t zone_size;
	uint8_t zone[QLOG_NAME_BYTES]; // wire, lower case
	char format[QLOG_FORMAT_BYTES]; // ends with 0
};

// One `consolidate` of a block's `errors`.
struct qlog_consolidate {
	uint16_t block;
	uint8_t level; // 0 error, 1 warning, 2 info, 3 debug
	uint8_t shows_first;
	uint64_t period_ms;
	char pattern[QLOG_PATTERN_BYTES]; // ends with 0
};

enum { QLOG_CONSOLIDATES_MAX = 16 };

// Replaced as a whole by a reload; version is odd meanwhile. Control: wo.
struct qlog_rules {
	counter_t version;
	uint32_t n, n_consolidates;
	struct qlog_rule list[QLOG_RULES_MAX];
	struct qlog_consolidate consolidates[QLOG_CONSOLIDATES_MAX];
};
