// SPDX-License-Identifier: Apache-2.0
// The link keeps no state: all that a reply needs comes with the query and goes back with it.
#include "slowpath/udp/punt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 32, ROUNDS = 4 };

struct punt_slot {
	struct iovec iov;
	struct punt_msg msg;
	uint8_t dns[PUNT_DNS_MAX_BYTES]; // directly behind msg
};

_Static_assert(offsetof(struct punt_slot, dns) ==
		offsetof(struct punt_slot, msg) + sizeof(struct punt_msg),
	"a datagram is received into msg and dns at once");

struct punt_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct punt_slot slots[BATCH];
};

struct punt_batch *punt_batch_new(void)
{
	return calloc(1, sizeof(struct punt_batch));
}

void punt_batch_free(struct punt_batch *b)
{
	free(b);
}

static void origin_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	struct punt_msg *head = &o->punt.msg;
	struct iovec iov[2] = {{head, sizeof(*head)}, {.iov_len = size_bytes}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};

	if (size_bytes > PUNT_DNS_MAX_BYTES || serve_is_error_loop(head->client_port, msg))
		return;
	tally_message(&o->tally, msg, size_bytes);
	head->dns_size = (uint16_t)size_bytes;
	memcpy(&iov[1].iov_base, &msg, sizeof(msg)); // sendmsg only reads
	// A worker that does not take it has its own trouble: the reply is lost like a datagram.
	(void)sendmsg(o->punt.fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The workers answer the next ones themselves.
static void origin_share(const struct origin *o, struct punt_cache_msg *head, const void *entry)
{
	struct iovec iov[2] = {{head, sizeof(*head)}, {.iov_len = head->entry_size}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};

	head->magic = PUNT_CACHE_MAGIC;
	memcpy(&iov[1].iov_base, &entry, sizeof(entry)); // sendmsg only reads
	(void)sendmsg(
		o->punt.fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT); // lost: the next answer tries again
}

static void origin_drop(struct origin *o)
{
	(void)o; // nothing is held
}

// Answers one datagram in its buffer; true when there is something to send.
static bool answer(struct punt_link *p, struct punt_slot *s, size_t size_bytes)
{
	const struct punt_msg *m = &s->msg;
	struct origin origin = {.reply = origin_reply,
		.drop = origin_drop,
		.share = origin_share,
		.punt = {.fd = p->watch.fd}};

	if (size_bytes < sizeof(*m) || m->magic != PUNT_MAGIC ||
		size_bytes != sizeof(*m) + m->dns_size || (m->family != 4 && m->family != 6))
		return false;
	origin.punt.msg = *m;
	struct request r = {
		.transport = TRANSPORT_UDP,
		.to = {.family = m->family, .port = m->server_port},
		.from = {.family = m->family, .port = m->client_port},
		.msg = s->dns,
		.size_bytes = m->dns_size,
		.udp_max_bytes = m->udp_max_bytes,
		.generation = m->generation,
		.is_punted = true,
		.origin = &origin,
	};
	memcpy(r.to.bytes, m->server, sizeof(r.to.bytes));
	memcpy(r.from.bytes, m->client, sizeof(r.from.bytes));
	if (r.udp_max_bytes > DNS_UDP_MAX_BYTES)
		r.udp_max_bytes = DNS_UDP_MAX_BYTES;
	struct wrbuf w = wrbuf_of(s->dns, sizeof(s->dns));
	if (serve_query(p->server, &r, &w) != SERVE_REPLY ||
		serve_is_error_loop(r.from.port, s->dns))
		return false;
	s->msg.dns_size = (uint16_t)w.pos;
	s->iov.iov_len = sizeof(*m) + w.pos;
	return true;
}

static bool run_batch(struct punt_link *p)
{
	struct punt_batch *b = p->batch;
	int n_out = 0;

	for (int i = 0; i < BATCH; i++) {
		struct punt_slot *s = &b->slots[i];
		s->iov = (struct iovec){&s->msg, sizeof(s->msg) + sizeof(s->dns)};
		b->in[i].msg_hdr = (struct msghdr){.msg_iov = &s->iov, .msg_iovlen = 1};
	}
	int n = recvmmsg(p->watch.fd, b->in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		if (!(b->in[i].msg_hdr.msg_flags & MSG_TRUNC) &&
			answer(p, &b->slots[i], b->in[i].msg_len))
			b->out[n_out++] = b->in[i];
	}
	// What the dataplane does not take now is lost, as a datagram would be.
	if (n_out > 0)
		(void)sendmmsg(p->watch.fd, b->out, (unsigned)n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n == BATCH;
}

static void on_readable(struct watch *w, uint32_t events)
{
	struct punt_link *p = (struct punt_link *)w; // the first member

	(void)events;
	for (int i = 0; i < ROUNDS && run_batch(p); i++)
		continue;
}

int punt_start(
	struct punt_link *p, int fd, struct loop *loop, struct server *server, struct punt_batch *b)
{
	*p = (struct punt_link){.watch = {fd, on_readable}, .server = server, .batch = b};
	return loop_add(loop, &p->watch, EPOLLIN | EPOLLEXCLUSIVE);
}
