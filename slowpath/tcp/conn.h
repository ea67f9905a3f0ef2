// SPDX-License-Identifier: Apache-2.0
// One TCP connection: a small fixed struct; buffers exist only while a message is half read or a
// reply half written (proto:P4). Private to slowpath/tcp.
#pragma once

#include "slowpath/tcp/tcp.h"
#include "zones/snapshot/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONN_LISTENERS_MAX = 64,
	CONN_PORTS_MAX = 16, // ports with limits of their own
	CONN_MESSAGE_MAX_BYTES = 2 + 65535,
	CONN_IN_BYTES = 2 * CONN_MESSAGE_MAX_BYTES, // a partial message and the next read
	CONN_OUT_BYTES = 3 * CONN_MESSAGE_MAX_BYTES,
	CONN_KEEP_FREE_BYTES = 512, // per connection outside the budget
};

// What a connection waits for; each has a list with the longest waiting first.
enum conn_state {
	CONN_FRESH, // the first whole query
	CONN_PARTIAL, // the rest of a message
	CONN_IDLE, // the next query
	CONN_BLOCKED, // the client to read
	CONN_WAITING, // replies from elsewhere
	CONN_LINGER, // the client to close, after we have sent our end
	CONN_STATES
};

struct conn {
	struct watch watch; // first
	struct tcp *tcp;
	struct tcp_port *port;
	struct conn *next; // in the list of its state
	struct conn **pprev;
	uint64_t since_ms; // in this state
	uint8_t *in, *out; // malloc'ed, NULL when empty
	uint32_t in_used, in_cap;
	uint32_t out_at, out_used, out_cap; // unsent: out[out_at..out_used)
	uint32_t n_queries;
	uint32_t events; // watched
	uint16_t n_pending; // replies that will come later
	uint8_t state; // enum conn_state
	bool is_ended; // no more is read: the client has ended, or we do
	bool is_graceful; // we ended; the client does not know yet
	bool is_dead; // closed; freed when n_pending is 0
	struct server_address to;
	struct client from;
};

struct conn_list {
	struct conn *first;
	struct conn **last; // where the next one is linked
};

// The connections to one port, which have the same limits.
struct tcp_port {
	uint16_t number;
	struct tcp_limits limits;
	struct conn_list lists[CONN_STATES];
};

struct tcp_listener {
	struct watch watch; // first; fd borrowed
	struct tcp *tcp;
	struct tcp_port *port;
	struct server_address to; // as bound
};

struct tcp {
	struct loop *loop;
	struct server *server;
	struct tcp_limits limits; // the defaults
	_Atomic unsigned *n_conns;
	size_t kept_bytes;
	unsigned n_ports;
	struct tcp_port ports[CONN_PORTS_MAX];
	struct timer sweep; // looks for connections whose time is over
	struct timer resume; // accepts again
	bool is_paused;
	unsigned n_listeners;
	struct tcp_listener listeners[CONN_LISTENERS_MAX];
	size_t out_used; // in out, not yet sent
	uint8_t in[CONN_IN_BYTES], out[CONN_OUT_BYTES]; // work memory of the thread
};

// A new connection in state CONN_FRESH; takes fd. NULL: closed it, memory or epoll is short.
struct conn_ends {
	struct tcp_port *port;
	struct server_address to;
	struct client from;
};
struct conn *conn_new(struct tcp *t, int fd, const struct conn_ends *ends, watch_fn *fn);

// Closes it at once. It is freed now, or when the last reply that it waits for comes.
void conn_close(struct conn *c);

// A reply that it waited for has come or never will. False: the connection is gone.
bool conn_unpend(struct conn *c);

// Bytes kept for one connection: grows *bytes to hold `want`. False: over the budget or out of
// memory.
bool conn_keep(struct tcp *t, uint8_t **bytes, uint32_t *cap, size_t want);
// Frees such a buffer and gives its bytes back to the budget.
void conn_release(struct tcp *t, uint8_t **bytes, uint32_t *cap);

enum conn_progress { CONN_SAME, CONN_PROGRESSED };

// Chooses state, time limit and watched events from the fields; may close the connection.
// CONN_PROGRESSED: a whole message was read or written, its time begins anew.
void conn_settle(struct conn *c, enum conn_progress progress);

// An event of a connection (stream.c).
void stream_event(struct watch *w, uint32_t events);

// Sends a reply that came later (size_bytes 0: none will) and goes on with what was kept.
void stream_reply(struct conn *c, const uint8_t *msg, size_t size_bytes);

// Fills the origin of a query whose reply comes later (later.c).
void later_fill(struct conn *c, struct origin *o);
