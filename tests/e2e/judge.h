// SPDX-License-Identifier: Apache-2.0
// What the checker asks and how it judges a reply.
//
// Storm data: a headless service NAME (storm.default.svc.cluster.local) whose four endpoints
// h0..h3 have the addresses 10.X.Y.Z with XYZ = 4 * generation + i and the port 1024 + generation
// mod 60000, named p over TCP.
#pragma once

#include "zones/wire/dname.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUDGE_RDATA_MAX = 128, STORM_ENDPOINTS = 4, STORM_PORT_FIRST = 1024, STORM_PORTS = 60000 };

struct judge_case {
	struct dname name;
	uint16_t type;
	uint16_t rcode;
	char *rdata[JUDGE_RDATA_MAX]; // sorted
	size_t n_rdata;
};

struct judge {
	struct judge_case *cases;
	size_t n;
	bool is_storm;
	uint32_t newest; // generation seen so far
	uint32_t generations; // how many different ones were seen
};

// Both return 0 or -errno; the judge needs judge_fini in any case.
[[nodiscard]] int judge_load(struct judge *j, const char *path);
[[nodiscard]] int judge_storm(struct judge *j, const char *name);
void judge_fini(struct judge *j);

// Writes question number `question` as a message into msg (512 bytes); returns its size.
size_t judge_question(const struct judge *j, uint32_t question, uint16_t id, uint8_t *msg);

struct judge_reply {
	uint32_t question;
	uint32_t floor; // newest generation seen before the question was sent
	const uint8_t *msg;
	size_t size_bytes;
	char why[256]; // out: a sentence, when it is wrong
};

// Is it the right reply?
bool judge_is_right(struct judge *j, struct judge_reply *r);
