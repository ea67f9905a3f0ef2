// SPDX-License-Identifier: Apache-2.0
// Frames of a port for who looks for trouble: under kernel bypass no packet socket sees them. A
// ring per worker in shared memory, as for the query log: its writer makes no call, takes no lock
// and never waits; who reads too late misses frames and can tell how many. A worker copies only
// what was asked for, for the seconds that were asked for, at most CAPTURE_PER_S frames a second.
#pragma once

#include "zones/link/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURE_SLOTS = 512, // a power of two
	CAPTURE_PER_S = 20000,
	CAPTURE_BYTES = 1984, // of a frame; the rest is cut
	CAPTURE_NAME_BYTES = 255,
	CAPTURE_SECONDS_MAX = 3600,
	CAPTURE_ONE_IN_MAX = 1000000,
};

enum capture_way { CAPTURE_IN, CAPTURE_OUT };

// Which frames are wanted. Zeroed but for `seconds` it is all of them.
struct capture_filter {
	uint32_t seconds; // how long; 0: nothing is captured
	uint32_t one_in; // of the queries, each with its reply; 0 and 1: all
	uint8_t family; // of the client's network: 4, 6; 0: any client
	uint8_t prefix_len;
	uint8_t name_size; // 0: any name
	uint8_t client[16]; // network order
	uint8_t name[CAPTURE_NAME_BYTES]; // wire, lower case: it, and what is below it
};

// What was asked for; the supervisor: wo. version is odd while it is replaced.
struct capture_request {
	_Alignas(64) counter_t version;
	struct capture_filter filter;
};

struct capture_record {
	uint64_t time_ns; // Unix time
	uint32_t size_bytes; // of the frame
	uint16_t kept_bytes;
	uint8_t way; // enum capture_way
	uint8_t bytes[CAPTURE_BYTES];
};

struct capture_slot {
	_Alignas(64) counter_t number; // of the entry, counted from 1; 0 while it is written
	struct capture_record record;
};

struct capture_ring {
	_Alignas(64) counter_t written; // entries, ever
	counter_t left_out; // frames over CAPTURE_PER_S
	struct capture_slot slots[CAPTURE_SLOTS];
};

// The writer's side; private to one thread.
struct capture_writer {
	struct capture_ring *ring; // NULL: there is none
	const struct capture_request *request;
	uint64_t ticks_per_s;
	uint64_t version; // of the request that `filter` is
	struct capture_filter filter;
	bool is_on;
	uint64_t begin_ticks, begin_ns, end_ticks;
	uint64_t second_ticks; // when the current second began
	uint32_t in_second;
	uint64_t time_ns; // of this burst
};

// The UDP packet in a frame.
struct capture_view {
	uint8_t family;
	const uint8_t *source, *destination; // addresses, borrowed from the frame
	uint16_t source_port, destination_port;
	const uint8_t *message; // borrowed, too
	size_t message_bytes;
	const uint8_t *name; // of the question, wire; NULL: there is none that is whole
	size_t name_size;
};

// False: the frame holds none that is whole so far.
bool capture_view_read(const uint8_t *frame, size_t size_bytes, struct capture_view *v);

// Whether a frame is wanted.
bool capture_is_wanted(const struct capture_filter *f, const uint8_t *frame, size_t size_bytes,
	enum capture_way way);

// Replaces the request; NULL ends a capture.
void capture_ask(struct capture_request *r, const struct capture_filter *f);

// The first half of capture_begin, for a request that changed or a capture under way.
bool capture_begin_slow(struct capture_writer *w, uint64_t version, uint64_t now_ticks);

// Whether the frames of this burst shall be offered.
static inline bool capture_begin(struct capture_writer *w, uint64_t now_ticks)
{
	if (w->ring == NULL)
		return false;
	uint64_t version = counter_get(&w->request->version);
	if (version == w->version && !w->is_on)
		return false;
	return capture_begin_slow(w, version, now_ticks);
}

// After capture_begin said yes.
void capture_offer(
	struct capture_writer *w, const uint8_t *frame, size_t size_bytes, enum capture_way way);

// Copies entry `number` (counted from 1). False: it is not there any more, or not yet.
bool capture_read(const struct capture_ring *r, uint64_t number, struct capture_record *out);
