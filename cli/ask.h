// SPDX-License-Identifier: Apache-2.0
// Asks a snapshot one question, exactly as the workers would answer it.
#pragma once

#include "zones/answer/answer.h"

#include <stdbool.h>
#include <stddef.h>

enum { ASK_BYTES = 65535 };

struct ask {
	struct server_address to;
	enum transport transport;
	const uint8_t *name; // wire form
	uint16_t type;
	uint16_t id; // rotation follows from it (quirk 18)
};

struct ask_reply {
	uint8_t msg[ASK_BYTES];
	size_t size_bytes; // 0: nothing is sent
	enum answer_verdict verdict;
	struct answer_result result; // borrows from the snapshot
};

// Where a snapshot is served: its first listener.
struct server_address ask_first_listener(const struct snapshot *s);

// Where the names of a view are served; the first listener when nowhere.
struct server_address ask_listener_of_view(const struct snapshot *s, uint16_t view);

void ask_snapshot(const struct snapshot *s, const struct ask *a, struct ask_reply *out);
