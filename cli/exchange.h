// SPDX-License-Identifier: Apache-2.0
// Asks two servers the same questions side by side, at a bounded rate, with time-outs and retries.
#pragma once

#include "cli/questions.h"

#include "zones/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct exchange_server {
	struct sockaddr_storage address;
	socklen_t size_bytes;
};

// "192.0.2.1", "192.0.2.1:5353", "fd00::1", "[fd00::1]:5353"; port 53 unless given. 0 or -EINVAL.
[[nodiscard]] int exchange_server_parse(
	const char *text, struct exchange_server *out, struct err *err);

struct exchange_options {
	unsigned qps; // questions a second
	unsigned wait_ms, tries;
	int edns_bytes; // -1: without OPT
	bool is_tcp;
};

// Both replies to one question; size 0 is silence. Good for the call.
struct exchange_replies {
	const uint8_t *msg[2];
	size_t size_bytes[2];
};

typedef void exchange_fn(
	void *user, const struct question *q, const struct exchange_replies *replies);

struct exchange;

// NULL and *err when a socket cannot be had or memory is short.
struct exchange *exchange_new(const struct exchange_server servers[2],
	const struct exchange_options *options, struct err *err);
void exchange_free(struct exchange *x); // NULL is fine

// Asks all questions, calling done for each in the order in which they end. 0, or -ETIMEDOUT when
// one of the servers has left so many in a row unanswered that it must be gone.
[[nodiscard]] int exchange_run(struct exchange *x, const struct question *const *questions,
	size_t n, exchange_fn *done, void *user);

// How many questions in a row a server has not answered.
size_t exchange_silent(const struct exchange *x, unsigned which);

// Asks one server one question over TCP, at once. The size of the reply in out, 0 for none.
size_t exchange_tcp(struct exchange *x, unsigned which, const struct question *q, uint8_t *out,
	size_t size_bytes);
