// SPDX-License-Identifier: Apache-2.0
// Life and states of connections. Which state one is in follows from its fields alone; each state
// has its time limit.
#include "slowpath/tcp/conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void link_last(struct conn_list *l, struct conn *c)
{
	c->next = NULL;
	c->pprev = l->last;
	*l->last = c;
	l->last = &c->next;
}

static void unlink_from(struct conn_list *l, struct conn *c)
{
	*c->pprev = c->next;
	if (c->next != NULL)
		c->next->pprev = c->pprev;
	else
		l->last = c->pprev;
	c->pprev = NULL;
}

bool conn_keep(struct tcp *t, uint8_t **bytes, uint32_t *cap, size_t want)
{
	size_t size = *cap == 0 ? CONN_KEEP_FREE_BYTES / 4 : *cap;

	if (want <= *cap)
		return true;
	while (size < want)
		size *= 2;
	// Small ones are always allowed: an ordinary query fits, and all connections together stay
	// within bounds. The large ones share a budget (rel:T1).
	if (size > CONN_KEEP_FREE_BYTES && t->kept_bytes + size - *cap > t->limits.kept_max_bytes)
		return false;
	uint8_t *grown = realloc(*bytes, size);
	if (grown == NULL)
		return false;
	t->kept_bytes += size - *cap;
	*bytes = grown;
	*cap = (uint32_t)size;
	return true;
}

void conn_release(struct tcp *t, uint8_t **bytes, uint32_t *cap)
{
	free(*bytes);
	t->kept_bytes -= *cap;
	*bytes = NULL;
	*cap = 0;
}

struct conn *conn_new(struct tcp *t, int fd, const struct conn_ends *ends, watch_fn *fn)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		goto out;
	c->watch = (struct watch){fd, fn};
	c->tcp = t;
	c->port = ends->port;
	c->to = ends->to;
	c->from = ends->from;
	c->events = EPOLLIN;
	c->since_ms = t->loop->now_ms;
	if (loop_add(t->loop, &c->watch, c->events) != 0)
		goto out;
	link_last(&c->port->lists[CONN_FRESH], c);
	atomic_fetch_add_explicit(t->n_conns, 1, memory_order_relaxed);
	return c;
out:
	free(c);
	(void)close(fd);
	return NULL;
}

void conn_close(struct conn *c)
{
	struct tcp *t = c->tcp;

	if (c->is_dead)
		return;
	loop_del(t->loop, &c->watch);
	(void)close(c->watch.fd);
	unlink_from(&c->port->lists[c->state], c);
	conn_release(t, &c->in, &c->in_cap);
	conn_release(t, &c->out, &c->out_cap);
	atomic_fetch_sub_explicit(t->n_conns, 1, memory_order_relaxed);
	c->is_dead = true;
	if (c->n_pending == 0)
		free(c);
}

bool conn_unpend(struct conn *c)
{
	c->n_pending--;
	if (!c->is_dead)
		return true;
	if (c->n_pending == 0)
		free(c);
	return false;
}

static enum conn_state state_of(const struct conn *c)
{
	if (c->out_used > c->out_at)
		return CONN_BLOCKED;
	if (c->n_pending > 0)
		return CONN_WAITING;
	if (c->is_ended)
		return CONN_LINGER;
	if (c->n_queries == 0)
		return CONN_FRESH;
	return c->in_used > 0 ? CONN_PARTIAL : CONN_IDLE;
}

static void watch_only(struct conn *c, uint32_t events)
{
	if (c->events == events)
		return;
	c->events = events;
	if (loop_modify(c->tcp->loop, &c->watch, events) != 0)
		conn_close(c); // memory of the kernel is short
}

void conn_settle(struct conn *c, enum conn_progress progress)
{
	struct tcp *t = c->tcp;
	enum conn_state state = state_of(c);
	uint32_t events = 0;

	if (state == CONN_LINGER && !c->is_graceful) {
		conn_close(c); // RFC 7766 6.2.4: the client has closed its end and has all replies
		return;
	}
	if (state != c->state || progress == CONN_PROGRESSED) {
		if (state == CONN_LINGER)
			(void)shutdown(c->watch.fd, SHUT_WR); // fails when the client is gone
		unlink_from(&c->port->lists[c->state], c);
		c->state = (uint8_t)state;
		c->since_ms = t->loop->now_ms;
		link_last(&c->port->lists[state], c);
	}
	if (state == CONN_BLOCKED)
		events = EPOLLOUT; // nothing is read while the client does not read
	else if (state == CONN_LINGER ||
		(!c->is_ended && c->n_pending < c->port->limits.max_pending))
		events = EPOLLIN;
	watch_only(c, events);
}
