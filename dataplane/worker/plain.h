// SPDX-License-Identifier: Apache-2.0
// The queries that nearly all are: one question for a name of a Kubernetes zone or of a rule that
// leaves all to the slow path, with or without an empty OPT, of a client without a limit. They are
// kept apart in small structs, so that a burst of them stays in the first cache. What is decided
// here is decided for all queries in zones/wire, zones/answer and frames.c: a test holds both to
// the same bytes and counters. Private to dataplane/worker.
#pragma once

#include "dataplane/index/root.h"

#include <stdbool.h>
#include <stdint.h>

enum { PLAIN_NAME_MAX_BYTES = 64 };

struct plain_query {
	uint8_t name[PLAIN_NAME_MAX_BYTES]; // lower case, the last block filled up with zeros
	struct name_key key; // in the burst's keys at the same place
	const struct root_rule *rule;
	const struct image_section *section; // of the type, when the name was found; NULL: none
	bool is_punted; // the slow path completes the section
	uint16_t type;
	uint16_t flags; // second word of the header
	uint16_t udp_bytes; // of OPT, 0 without
	uint8_t frame; // index
	uint8_t labels; // in front of the rule's zone
	uint8_t scope; // it counts under
	bool has_opt, is_do;
};

struct burst;
struct worker;

// The plain ones among the queries leave them for burst.plain, counted.
void burst_plain(const struct worker *w, struct burst *b);
// For the names found: asks for the answers.
void burst_plain_prefetch(struct burst *b);
// The replies to plain queries; those that need one of the other ways join the other queries.
void burst_plain_answers(struct burst *b);

// The same for names outside, with the cache of outside answers (plain_cached.c).
void burst_plain_cached_find(const struct worker *w, struct burst *b);
void burst_plain_cached_answers(const struct worker *w, struct burst *b);
