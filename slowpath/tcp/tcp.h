// SPDX-License-Identifier: Apache-2.0
// DNS over TCP (RFC 7766, 7828) for one thread: its listening sockets and its connections.
#pragma once

#include "slowpath/base/loop.h"
#include "slowpath/serve/serve.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// DESIGN 5 and rel:T1; `timeouts` of the Corefile changes some of them.
struct tcp_limits {
	unsigned max_conns; // of all threads together
	uint32_t first_ms; // to the first whole query
	uint32_t rest_ms; // from the first byte of a message to its last
	uint32_t idle_ms; // after a query
	uint32_t write_ms; // until the client has read what was sent
	uint32_t linger_ms; // until the client closes after we ended
	uint32_t wait_ms; // for replies from elsewhere
	uint32_t max_queries; // per connection, 0 = unlimited
	uint16_t max_pending; // replies from elsewhere per connection
	size_t kept_max_bytes; // of half read and half written messages, per thread
	size_t unsent_max_bytes; // per connection
};
extern const struct tcp_limits tcp_limits_default;

struct tcp;

// n_conns counts the connections of all threads; everything else is used by one thread only. NULL
// when memory is short.
struct tcp *tcp_new(struct loop *loop, struct server *server, const struct tcp_limits *limits,
	_Atomic unsigned *n_conns);
void tcp_free(struct tcp *t); // closes all connections; NULL is fine

// Accepts connections of a listening socket, which is borrowed. 0 or -errno.
[[nodiscard]] int tcp_listen(struct tcp *t, int fd);

// What a Corefile says of the connections to one port.
struct tcp_port_limits {
	uint32_t read_ms, write_ms, idle_ms;
	uint32_t max_queries; // 0 = unlimited
};

// NULL: the defaults. Holds for the connections that are open, too.
void tcp_set_limits(struct tcp *t, uint16_t port, const struct tcp_port_limits *limits);

// Ports that are listened on, one after the other: the i-th, 0 when there are no more.
uint16_t tcp_port(const struct tcp *t, unsigned i);
