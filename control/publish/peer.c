// SPDX-License-Identifier: Apache-2.0
// Non-blocking: a receiver that does not read loses its connection, never our time.
#include "control/publish/peer.h"

#include "control/base/log.h"
#include "zones/link/seqpacket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_MIN_MS = 20, RETRY_MAX_MS = 1000, MESSAGES_PER_TURN = 16 };

static void try_connect(struct peer *p);

static void on_retry(uv_timer_t *t)
{
	try_connect(t->data);
}

static void retry_later(struct peer *p)
{
	if (p->is_closing)
		return;
	(void)uv_timer_start(&p->retry, on_retry, p->wait_ms, 0); // fails only when closing
	p->wait_ms = p->wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : p->wait_ms * 2;
}

static void on_poll_closed(uv_handle_t *h)
{
	free(h);
}

static void disconnect(struct peer *p)
{
	if (p->poll == NULL)
		return;
	uv_close((uv_handle_t *)p->poll, on_poll_closed); // stops polling at once
	p->poll = NULL;
	(void)close(p->fd);
	p->fd = -1;
	p->n_unacked = 0;
}

static void lose(struct peer *p)
{
	if (p->poll == NULL)
		return;
	disconnect(p);
	log_info("publish", "receiver lost", LOG_STR("peer", p->name));
	p->events.lost(p->events.user, p);
	retry_later(p);
}

// One message. False: nothing more to read, or the connection is gone.
static bool read_message(struct peer *p)
{
	struct publish_msg msg;
	int fd = -1;
	int rc = seqpacket_recv(p->fd, &msg, sizeof(msg), &fd);

	if (fd >= 0)
		(void)close(fd); // nobody sends us descriptors
	if (rc == -EAGAIN)
		return false;
	if (rc != 0 || msg.magic != PUBLISH_MAGIC || msg.type != PUBLISH_ACK) {
		lose(p);
		return false;
	}
	msg.reason[sizeof(msg.reason) - 1] = '\0';
	p->n_unacked -= p->n_unacked > 0;
	p->events.acked(p->events.user, p, &msg);
	return p->poll != NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct peer *p = poll->data;

	(void)events;
	if (status < 0) {
		lose(p);
		return;
	}
	for (int i = 0; i < MESSAGES_PER_TURN && read_message(p); i++)
		;
}

static bool watch(struct peer *p, int fd)
{
	p->poll = malloc(sizeof(*p->poll));
	if (p->poll == NULL)
		return false;
	if (uv_poll_init(p->loop, p->poll, fd) != 0) {
		free(p->poll);
		p->poll = NULL;
		return false;
	}
	p->poll->data = p;
	p->fd = fd;
	return uv_poll_start(p->poll, UV_READABLE | UV_DISCONNECT, on_readable) == 0;
}

static void try_connect(struct peer *p)
{
	int fd = seqpacket_connect(p->path);

	if (fd < 0) {
		retry_later(p); // not there yet, or between two lives
		return;
	}
	if (!watch(p, fd)) {
		if (p->poll != NULL)
			disconnect(p);
		else
			(void)close(fd);
		retry_later(p);
		return;
	}
	p->wait_ms = RETRY_MIN_MS;
	p->n_unacked = 0;
	p->events.connected(p->events.user, p);
}

int peer_open(struct peer *p, uv_loop_t *loop, const char *run_dir, const char *name,
	const struct peer_events *events)
{
	memset(p, 0, sizeof(*p));
	p->name = name;
	p->loop = loop;
	p->events = *events;
	p->fd = -1;
	p->wait_ms = RETRY_MIN_MS;
	if (snprintf(p->path, sizeof(p->path), "%s/%s.sock", run_dir, name) >= (int)sizeof(p->path))
		return -ENAMETOOLONG;
	(void)uv_timer_init(loop, &p->retry); // cannot fail
	p->retry.data = p;
	return uv_timer_start(&p->retry, on_retry, 0, 0);
}

bool peer_is_connected(const struct peer *p)
{
	return p->poll != NULL;
}

bool peer_send(struct peer *p, const struct publish_msg *msg, int fd)
{
	if (p->poll == NULL)
		return false;
	int rc = seqpacket_send(p->fd, msg, sizeof(*msg), fd);
	if (rc == 0) {
		p->n_unacked++;
		return true;
	}
	lose(p);
	return false;
}

void peer_close(struct peer *p)
{
	p->is_closing = true;
	disconnect(p);
	uv_close((uv_handle_t *)&p->retry, NULL);
}
