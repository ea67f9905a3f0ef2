// SPDX-License-Identifier: Apache-2.0
// Messages of a connection (RFC 7766 8: two bytes of length, then the message). All whole queries
// of one read are answered into the thread's work memory and sent by one call, length and message
// together.
#include "slowpath/tcp/conn.h"

#include "zones/base/be.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool has_unsent(const struct conn *c)
{
	return c->out_used > c->out_at;
}

// Keeps bytes that the client does not take now. False: too many, the connection is closed.
static bool keep_unsent(struct conn *c, const uint8_t *bytes, size_t n)
{
	struct tcp *t = c->tcp;

	if (c->out_used - c->out_at + n > t->limits.unsent_max_bytes ||
		!conn_keep(t, &c->out, &c->out_cap, c->out_used + n)) {
		conn_close(c);
		return false;
	}
	memcpy(c->out + c->out_used, bytes, n);
	c->out_used += (uint32_t)n;
	return true;
}

// Sends the work memory. False: the connection is closed.
static bool flush(struct conn *c)
{
	struct tcp *t = c->tcp;
	size_t n = t->out_used;
	ssize_t sent = 0;

	t->out_used = 0;
	if (n == 0)
		return true;
	if (!has_unsent(c))
		sent = send(c->watch.fd, t->out, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			conn_close(c);
			return false;
		}
		sent = 0;
	}
	return (size_t)sent == n || keep_unsent(c, t->out + sent, n - (size_t)sent);
}

// Puts one reply of n bytes, which stands behind its length field, into the work memory.
static void out_add(struct tcp *t, size_t n)
{
	be16_put(t->out + t->out_used, (uint16_t)n);
	t->out_used += 2 + n;
}

// Room for one more message of any size. False: the connection is closed.
static bool out_reserve(struct conn *c)
{
	return c->tcp->out_used + CONN_MESSAGE_MAX_BYTES <= CONN_OUT_BYTES || flush(c);
}

// RFC 7828: how long a connection may be idle, in the option's unit.
static uint16_t keepalive_of(const struct conn *c)
{
	uint32_t n = c->port->limits.idle_ms / 100;

	return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

// Answers one message. False: the connection is closed.
static bool query(struct conn *c, const uint8_t *msg, size_t size_bytes)
{
	struct tcp *t = c->tcp;
	struct origin origin;
	struct request r = {
		.transport = TRANSPORT_TCP,
		.to = c->to,
		.from = c->from,
		.msg = msg,
		.size_bytes = size_bytes,
		.keepalive_100ms = keepalive_of(c),
		.origin = &origin,
	};

	if (!out_reserve(c))
		return false;
	later_fill(c, &origin);
	struct wrbuf w = wrbuf_of(t->out + t->out_used + 2, DNS_MSG_MAX_BYTES);
	switch (serve_query(t->server, &r, &w)) {
	case SERVE_REPLY:
		out_add(t, w.pos);
		break;
	case SERVE_LATER:
		c->n_pending++;
		break;
	case SERVE_DROP:
	default:
		return true;
	}
	c->n_queries++;
	if (c->n_queries == c->port->limits.max_queries) {
		c->is_ended = true;
		c->is_graceful = true;
	}
	return true;
}

static bool may_continue(const struct conn *c)
{
	return !has_unsent(c) && c->n_pending < c->tcp->limits.max_pending && !c->is_graceful;
}

// Answers the whole messages among n bytes; *used says how far it came. False: the connection is
// closed.
static bool messages(struct conn *c, const uint8_t *bytes, size_t n, size_t *used)
{
	*used = 0;
	while (n - *used >= 2 && may_continue(c)) {
		size_t len = be16_get(bytes + *used);
		if (len < DNS_HEADER_BYTES) { // proto:P3
			// The replies before it are this client's: they go out, and never stay in
			// the work memory for the next one.
			if (flush(c))
				conn_close(c);
			return false;
		}
		if (n - *used - 2 < len)
			break;
		if (!query(c, bytes + *used + 2, len))
			return false;
		*used += 2 + len;
	}
	return true;
}

// Keeps what was not used for later. False: the connection is closed.
static bool keep_rest(struct conn *c, const uint8_t *bytes, size_t n)
{
	struct tcp *t = c->tcp;

	c->in_used = 0;
	// What no message can come of is not kept.
	if (n == 0 || c->is_graceful || (c->is_ended && may_continue(c))) {
		conn_release(t, &c->in, &c->in_cap);
		return true;
	}
	if (!conn_keep(t, &c->in, &c->in_cap, n)) {
		conn_close(c);
		return false;
	}
	memcpy(c->in, bytes, n);
	c->in_used = (uint32_t)n;
	return true;
}

// Goes on with n bytes in the work memory. False: the connection is closed.
static bool input(struct conn *c, size_t n, enum conn_progress progress)
{
	struct tcp *t = c->tcp;
	uint32_t before = c->n_queries;
	size_t used;

	if (!messages(c, t->in, n, &used) || !flush(c) || !keep_rest(c, t->in + used, n - used))
		return false;
	conn_settle(c, c->n_queries != before ? CONN_PROGRESSED : progress);
	return true;
}

// Goes on with what was kept, after something that it waited for has happened.
static bool resume(struct conn *c, enum conn_progress progress)
{
	if (c->in_used > 0)
		memcpy(c->tcp->in, c->in, c->in_used);
	return input(c, c->in_used, progress);
}

void stream_reply(struct conn *c, const uint8_t *msg, size_t size_bytes)
{
	struct tcp *t = c->tcp;

	if (size_bytes > 0 && size_bytes <= DNS_MSG_MAX_BYTES) {
		memcpy(t->out + 2, msg, size_bytes);
		out_add(t, size_bytes);
	}
	if (flush(c))
		(void)resume(c, CONN_PROGRESSED); // the connection may be gone: fine
}

// The client reads again. False: the connection is closed.
static bool write_more(struct conn *c)
{
	ssize_t n = send(c->watch.fd, c->out + c->out_at, c->out_used - c->out_at,
		MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	if (n < 0) {
		conn_close(c);
		return false;
	}
	c->out_at += (uint32_t)n;
	if (has_unsent(c))
		return true;
	c->out_at = 0;
	c->out_used = 0;
	conn_release(c->tcp, &c->out, &c->out_cap);
	return resume(c, CONN_PROGRESSED);
}

// The end of a connection that we have ended: what still comes is thrown away, so that closing
// does not reset the connection and with it replies that are under way.
static void discard(struct conn *c)
{
	ssize_t n = recv(c->watch.fd, c->tcp->in, CONN_IN_BYTES, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		conn_close(c);
}

static void read_more(struct conn *c)
{
	struct tcp *t = c->tcp;
	ssize_t n = recv(c->watch.fd, t->in + c->in_used, CONN_IN_BYTES - c->in_used, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			conn_close(c);
		return;
	}
	if (c->in_used > 0)
		memcpy(t->in, c->in, c->in_used);
	if (n == 0)
		c->is_ended = true;
	(void)input(c, c->in_used + (size_t)n, CONN_SAME); // the connection may be gone: fine
}

void stream_event(struct watch *w, uint32_t events)
{
	struct conn *c = (struct conn *)w; // the first member

	if (events & EPOLLOUT) {
		if (!write_more(c))
			return;
	} else if (events & EPOLLIN) {
		if (c->state == CONN_LINGER)
			discard(c);
		else
			read_more(c);
	} else if (events & (EPOLLERR | EPOLLHUP)) {
		conn_close(c); // reset while we were not reading
	}
}
