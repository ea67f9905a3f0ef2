// SPDX-License-Identifier: Apache-2.0
// What `dnstap` shall tell of queries, handed from the threads that answer to those that write to
// collectors. A ring per thread in shared memory, as for the query log: its writer makes no call,
// takes no lock and never waits; who reads too late misses messages and can tell how many.
#pragma once

#include "zones/link/qlog.h"

enum {
	TAP_SLOTS = 1024, // a power of two
	TAP_PER_S = 10000, // messages of one thread
	TAP_MESSAGE_BYTES = 4096, // of DNS; longer ones (TCP) are told of without their bytes
	TAPS_MAX = 8,
	TAP_BLOCKS_MAX = 256,
	TAP_PATH_BYTES = 108, // as in sockaddr_un
	TAP_TEXT_BYTES = 256,
};

// The values are dnstap's own.
enum tap_kind {
	TAP_CLIENT_QUERY = 5,
	TAP_CLIENT_RESPONSE = 6,
	TAP_FORWARDER_QUERY = 7,
	TAP_FORWARDER_RESPONSE = 8,
};
enum tap_protocol { TAP_UDP = 1, TAP_TCP = 2, TAP_DOT = 3 };

// Which messages of a block are told: bits.
enum tap_wish { TAP_WANTED = 1, TAP_WITH_BYTES = 2 };

// Who was asked, and how, when it is an upstream server.
struct tap_upstream {
	uint8_t address[16];
	uint16_t port;
	uint8_t family; // 4 or 6
	uint8_t protocol; // enum tap_protocol
};

struct tap_record {
	uint64_t time_ns; // Unix time, of the message
	uint64_t query_ns; // Unix time, of the query
	struct qlog_record about; // header_flags, id, name: of the message itself
	struct tap_upstream upstream; // family 0: the message is between a client and us
	uint8_t kind; // enum tap_kind
	uint16_t kept_bytes; // of the message: all or none
	uint8_t bytes[TAP_MESSAGE_BYTES];
};

struct tap_slot {
	_Alignas(64) counter_t number; // of the entry, counted from 1; 0 while it is written
	struct tap_record record;
};

struct tap_ring {
	_Alignas(64) counter_t written; // entries, ever
	counter_t left_out; // messages over TAP_PER_S
	struct tap_slot slots[TAP_SLOTS];
};

// The writer's side; private to one thread.
struct tap_writer {
	struct tap_ring *ring; // NULL: there is none
	uint64_t ticks_per_s;
	uint64_t second_ticks; // when the current second began
	uint32_t in_second;
	uint64_t anchor_ticks, anchor_ns; // one moment on both clocks; 0: not known yet
};

struct tap_event {
	const struct qlog_query
		*query; // now_ticks and took_ns: when the message and its query came
	const uint8_t *message;
	size_t size_bytes;
	const struct tap_upstream *upstream; // NULL: none
	enum tap_kind kind;
	uint8_t wish; // enum tap_wish
};

// Notes a message, when it is wanted.
void tap_write(struct tap_writer *w, const struct tap_event *e);

// Copies entry `number` (counted from 1). False: it is not there any more, or not yet.
bool tap_read(const struct tap_ring *r, uint64_t number, struct tap_record *out);

// One collector, and the blocks that it is told of.
struct tap_rule {
	uint8_t blocks[TAP_BLOCKS_MAX / 8]; // bits
	uint8_t is_full; // messages with their bytes
	uint8_t family; // 0: a Unix socket, 4, 6
	uint16_t port;
	uint16_t buffer_mib;
	uint8_t address[16];
	char path[TAP_PATH_BYTES]; // ends with 0, like the texts
	char identity[TAP_TEXT_BYTES], version[TAP_TEXT_BYTES], extra[TAP_TEXT_BYTES];
};

// Replaced as a whole by a reload; version is odd meanwhile. Control: wo.
struct tap_rules {
	counter_t version;
	uint32_t n;
	struct tap_rule list[TAPS_MAX];
};
