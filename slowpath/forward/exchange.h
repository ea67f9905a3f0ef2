// SPDX-License-Identifier: Apache-2.0
// One attempt to get an answer from one upstream. Whoever starts it keeps the time.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/forward/group.h"
#include "slowpath/forward/tell.h"
#include "slowpath/message/ask.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;
struct stream;
struct stream_pool;

enum exchange_result {
	EXCHANGE_ANSWER,
	EXCHANGE_WRONG_ID, // UDP: somebody may be guessing; ask again over TCP (proto:F5)
	EXCHANGE_WRONG_CASE, // the same of the letters (proto:F6)
	EXCHANGE_MALFORMED, // UDP: what comes cannot be used, and nothing better came soon after
	EXCHANGE_REFUSED, // TLS: the upstream's certificate is not what it should be
	EXCHANGE_FAILED,
};

// Called once per started exchange unless it is cancelled; msg is valid during the call. It may
// start the exchange again or free it.
typedef void exchange_fn(
	struct exchange *x, enum exchange_result result, const uint8_t *msg, size_t size_bytes);

// Whether a reply to the question can be used. False: it is malformed, and over UDP the wait goes
// on.
typedef bool exchange_accept_fn(struct exchange *x, const uint8_t *msg, size_t size_bytes);

// Embedded in its owner, zeroed before the first use.
struct exchange {
	struct watch watch; // first; UDP
	struct timer patience; // UDP: since the first reply that could not be used
	struct loop *loop;
	struct stream_pool *pool; // connections of this thread
	struct group *group;
	struct upstream *upstream;
	const struct ask *ask; // borrowed
	const struct ask_options *options; // borrowed; NULL for none
	enum ask_edns edns;
	bool mixes_case; // UDP: letters of the name in random case
	struct ask sent; // then: the question as it went out
	uint16_t id;
	bool is_check; // of the upstream's health: no question of anybody
	uint64_t start_ns;
	struct tap_writer *tap; // borrowed; NULL: dnstap is told nothing
	struct tell_about about;
	bool is_stream; // the attempt under way
	exchange_accept_fn *accept; // called in front of an answer's done; NULL: any will do
	exchange_fn *done;
	bool got_garbage; // something came that was no answer (proto:F8); the owner clears it
	struct stream *stream; // TCP, TLS
};

// Sends the question over UDP from a socket of its own with a random port (proto:F2, F3), or over a
// connection to the upstream. 0, or -errno when it could not even begin (done is not called then).
[[nodiscard]] int exchange_udp(struct exchange *x);
[[nodiscard]] int exchange_stream(struct exchange *x);

// Ends it without a call of done; fine when nothing is under way.
void exchange_cancel(struct exchange *x);
