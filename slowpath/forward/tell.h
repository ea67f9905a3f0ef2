// SPDX-License-Identifier: Apache-2.0
// What `dnstap` is told of questions to upstreams and their replies.
#pragma once

#include "slowpath/forward/group.h"
#include "zones/link/tap.h"

// Who made us ask; of several who wait for one answer, the first.
struct tell_about {
	uint8_t client[16], server[16]; // server: the address that was asked, ours
	uint16_t client_port, server_port;
	uint16_t block; // of the Corefile
	uint8_t family;
	uint8_t wish; // enum tap_wish; 0: nobody is told
};

struct tell_message {
	const struct upstream *upstream;
	const uint8_t *bytes;
	size_t size_bytes;
	uint64_t start_ns, now_ns; // CLOCK_MONOTONIC: when we asked, and the message's own
	enum tap_kind kind;
	bool is_stream;
};

// w NULL: there is nobody to tell.
void tell(struct tap_writer *w, const struct tell_about *about, const struct tell_message *m);
