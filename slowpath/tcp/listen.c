// SPDX-License-Identifier: Apache-2.0
// Accepting, and making room: when there are too many connections the one that has waited longest
// without a query goes first, then the longest idle one. Nothing here ever waits for a client.
#include "slowpath/tcp/conn.h"

#include "slowpath/base/log.h"
#include "slowpath/serve/sockaddr.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ACCEPTS = 64, // per turn
	SWEEP_MS = 500,
	SWEEP_SOON_MS = 10,
	SWEEP_CLOSES = 256, // per turn: closing many at once would delay everybody's answers
	PAUSE_MS = 100,
	EVICT_MIN_MS = 500, // nobody loses a connection that has just begun or just been used
	SEND_BUFFER_BYTES = 256 * 1024, // kernel memory that a client who does not read can hold
};

const struct tcp_limits tcp_limits_default = {
	.max_conns = 50000,
	.first_ms = 10000,
	.rest_ms = 10000,
	.idle_ms = SERVE_IDLE_S * 1000,
	.write_ms = 10000,
	.linger_ms = 2000,
	.wait_ms = 15000,
	.max_pending = 256,
	.kept_max_bytes = (size_t)16 << 20,
	.unsent_max_bytes = (size_t)512 << 10,
};

static uint32_t limit_ms(const struct tcp_limits *l, enum conn_state state)
{
	switch (state) {
	case CONN_FRESH:
		return l->first_ms;
	case CONN_PARTIAL:
		return l->rest_ms;
	case CONN_BLOCKED:
		return l->write_ms;
	case CONN_WAITING:
		return l->wait_ms;
	case CONN_LINGER:
		return l->linger_ms;
	case CONN_IDLE:
	case CONN_STATES:
	default:
		return l->idle_ms;
	}
}

// Closes what has waited too long in one state, at most n; returns how many.
static unsigned sweep_state(
	struct tcp *t, const struct tcp_port *p, enum conn_state state, unsigned n)
{
	uint32_t limit = limit_ms(&p->limits, state);
	unsigned closed = 0;

	while (closed < n && p->lists[state].first != NULL) {
		struct conn *c = p->lists[state].first;
		if (t->loop->now_ms - c->since_ms < limit)
			break;
		conn_close(c);
		closed++;
	}
	return closed;
}

static void on_sweep(struct timer *timer)
{
	struct tcp *t = (struct tcp *)((char *)timer - offsetof(struct tcp, sweep));
	unsigned left = SWEEP_CLOSES;

	for (unsigned i = 0; i < t->n_ports; i++) {
		for (int s = 0; s < CONN_STATES; s++)
			left -= sweep_state(t, &t->ports[i], (enum conn_state)s, left);
	}
	loop_timer(t->loop, &t->sweep, left == 0 ? SWEEP_SOON_MS : SWEEP_MS);
}

static bool evict_from(struct tcp *t, const struct tcp_port *p, enum conn_state state)
{
	struct conn *c = p->lists[state].first;

	if (c == NULL || t->loop->now_ms - c->since_ms < EVICT_MIN_MS)
		return false;
	conn_close(c);
	return true;
}

static bool evict(struct tcp *t)
{
	static const enum conn_state order[] = {CONN_FRESH, CONN_PARTIAL, CONN_BLOCKED, CONN_IDLE};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (unsigned p = 0; p < t->n_ports; p++) {
			if (evict_from(t, &t->ports[p], order[i]))
				return true;
		}
	}
	return false;
}

static void on_resume(struct timer *timer)
{
	struct tcp *t = (struct tcp *)((char *)timer - offsetof(struct tcp, resume));

	t->is_paused = false;
	for (unsigned i = 0; i < t->n_listeners; i++) {
		if (loop_add(t->loop, &t->listeners[i].watch, EPOLLIN | EPOLLEXCLUSIVE) != 0)
			t->is_paused = true;
	}
	if (t->is_paused)
		loop_timer(t->loop, &t->resume, PAUSE_MS);
}

// Out of descriptors or kernel memory: the listening socket would stay readable and the loop would
// spin, so it is left alone for a moment.
static void pause_accepting(struct tcp *t, int error)
{
	static struct log_limit limit;
	uint64_t held;

	if (t->is_paused)
		return;
	t->is_paused = true;
	for (unsigned i = 0; i < t->n_listeners; i++)
		loop_del(t->loop, &t->listeners[i].watch);
	loop_timer(t->loop, &t->resume, PAUSE_MS);
	if (log_limit_take(&limit, 10000, &held))
		log_line(LOG_WARN, "tcp", "no connection can be accepted", "error=\"%s\" held=%llu",
			strerror(error), (unsigned long long)held);
}

static bool is_wildcard(const struct server_address *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

static void welcome(struct tcp_listener *l, int fd, const struct sockaddr *peer)
{
	struct tcp *t = l->tcp;
	struct conn_ends ends = {.port = l->port, .to = l->to};

	if (!sockaddr_client(peer, &ends.from) || serve_is_stranger(t->server, &ends.from)) {
		(void)close(fd);
		return;
	}
	if (atomic_load_explicit(t->n_conns, memory_order_relaxed) >= t->limits.max_conns &&
		!evict(t)) {
		(void)close(fd);
		return;
	}
	if (is_wildcard(&ends.to) && sockaddr_local(fd, &ends.to) != 0) {
		(void)close(fd);
		return;
	}
	(void)conn_new(t, fd, &ends, stream_event); // it lives in its list, or could not be made
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_listening(struct watch *w, uint32_t events)
{
	struct tcp_listener *l = (struct tcp_listener *)w; // the first member

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_in6 peer = {0};
		socklen_t size_bytes = sizeof(peer);
		int fd = accept4(
			w->fd, (struct sockaddr *)&peer, &size_bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			welcome(l, fd, (const struct sockaddr *)&peer);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (is_shortage(errno)) {
			int error = errno;
			(void)evict(l->tcp); // makes room for the next one
			pause_accepting(l->tcp, error);
			return;
		}
		// accept(2): anything else is the new connection's own error.
	}
}

struct tcp *tcp_new(struct loop *loop, struct server *server, const struct tcp_limits *limits,
	_Atomic unsigned *n_conns)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->loop = loop;
	t->server = server;
	t->limits = *limits;
	t->n_conns = n_conns;
	t->sweep.fn = on_sweep;
	t->resume.fn = on_resume;
	loop_timer(loop, &t->sweep, SWEEP_MS);
	return t;
}

static void close_all(const struct tcp_port *p)
{
	for (int s = 0; s < CONN_STATES; s++) {
		while (p->lists[s].first != NULL)
			conn_close(p->lists[s].first);
	}
}

void tcp_free(struct tcp *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n_ports; i++)
		close_all(&t->ports[i]);
	loop_timer_stop(t->loop, &t->sweep);
	loop_timer_stop(t->loop, &t->resume);
	free(t);
}

static struct tcp_port *find_port(struct tcp *t, uint16_t number)
{
	for (unsigned i = 0; i < t->n_ports; i++) {
		if (t->ports[i].number == number)
			return &t->ports[i];
	}
	return NULL;
}

static struct tcp_port *port_make(struct tcp *t, uint16_t number)
{
	struct tcp_port *p = find_port(t, number);

	if (p != NULL || t->n_ports == CONN_PORTS_MAX)
		return p;
	p = &t->ports[t->n_ports++];
	p->number = number;
	p->limits = t->limits;
	for (int s = 0; s < CONN_STATES; s++)
		p->lists[s].last = &p->lists[s].first;
	return p;
}

uint16_t tcp_port(const struct tcp *t, unsigned i)
{
	return i < t->n_ports ? t->ports[i].number : 0;
}

void tcp_set_limits(struct tcp *t, uint16_t port, const struct tcp_port_limits *limits)
{
	struct tcp_port *p = find_port(t, port);

	if (p == NULL)
		return;
	p->limits = t->limits;
	if (limits == NULL)
		return;
	p->limits.first_ms = limits->read_ms;
	p->limits.rest_ms = limits->read_ms;
	p->limits.write_ms = limits->write_ms;
	p->limits.idle_ms = limits->idle_ms;
	p->limits.max_queries = limits->max_queries;
}

int tcp_listen(struct tcp *t, int fd)
{
	const int on = 1;
	const int size_bytes = SEND_BUFFER_BYTES;
	struct tcp_listener *l = &t->listeners[t->n_listeners];

	if (t->n_listeners == CONN_LISTENERS_MAX)
		return -E2BIG;
	*l = (struct tcp_listener){.watch = {fd, on_listening}, .tcp = t};
	int rc = sockaddr_local(fd, &l->to);
	if (rc != 0)
		return rc;
	l->port = port_make(t, l->to.port);
	if (l->port == NULL)
		return -E2BIG;
	// Accepted sockets inherit both. Without them it works, only slower or with more memory.
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof(size_bytes));
	rc = loop_add(t->loop, &l->watch, EPOLLIN | EPOLLEXCLUSIVE);
	if (rc == 0)
		t->n_listeners++;
	return rc;
}
