// SPDX-License-Identifier: Apache-2.0
// recvmmsg, answer each message in its own buffer, sendmmsg. The control message that names the
// asked address is turned into the one that sets the source address.
#include "slowpath/udp/udp.h"

#include "slowpath/serve/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 32,
	ROUNDS = 4, // batches per turn, so that other descriptors get theirs
	FINISH_ROUNDS = 1024, // whoever asks faster than we answer does not keep us
	CONTROL_BYTES = 64,
	QUEUE_BYTES = 4 << 20, // about 5,000 queries of a burst
};

struct udp_slot {
	struct sockaddr_in6 from;
	struct iovec iov;
	_Alignas(8) uint8_t control[CONTROL_BYTES];
	uint8_t bytes[SERVE_UDP_QUERY_MAX_BYTES];
};

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct udp_slot slots[BATCH];
};

struct udp_batch *udp_batch_new(void)
{
	return calloc(1, sizeof(struct udp_batch));
}

void udp_batch_free(struct udp_batch *b)
{
	free(b);
}

static void slot_prepare(struct udp_slot *s, struct mmsghdr *m)
{
	s->iov = (struct iovec){s->bytes, sizeof(s->bytes)};
	m->msg_hdr = (struct msghdr){
		.msg_name = &s->from,
		.msg_namelen = sizeof(s->from),
		.msg_iov = &s->iov,
		.msg_iovlen = 1,
		.msg_control = s->control,
		.msg_controllen = sizeof(s->control),
	};
}

// Reads the asked address and prepares the source of the reply. False: it was no address of ours
// (broadcast, multicast) or is not known.
static bool pktinfo4(struct cmsghdr *c, struct server_address *to)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	// For a broadcast the two differ (ip(7)).
	if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr ||
		IN_MULTICAST(ntohl(info.ipi_addr.s_addr)))
		return false;
	to->family = 4;
	memcpy(to->bytes, &info.ipi_addr, 4);
	info.ipi_ifindex = 0; // the route back is chosen by the routing table
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return true;
}

static bool pktinfo6(struct cmsghdr *c, struct server_address *to)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
		return false;
	sockaddr_address6(&info.ipi6_addr, &to->family, to->bytes);
	if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		info.ipi6_ifindex = 0;
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return true;
}

static bool asked_address(struct msghdr *h, struct server_address *to)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (c == NULL)
		return false;
	h->msg_controllen = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0)); // only this one goes back
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		return pktinfo4(c, to);
	return c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO && pktinfo6(c, to);
}

static void send_one(int fd, struct msghdr *h)
{
	// A datagram that cannot be sent is lost, as it could be on the way.
	(void)sendmsg(fd, h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void origin_reply(struct origin *o, const uint8_t *msg, size_t size_bytes)
{
	struct origin_udp *u = &o->udp;
	struct iovec iov = {.iov_len = size_bytes};
	struct msghdr h = {
		.msg_name = &u->to,
		.msg_namelen = u->to_size,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u->control,
		.msg_controllen = u->control_size,
	};

	memcpy(&iov.iov_base, &msg, sizeof(msg)); // sendmsg only reads, but iov_base is not const
	tally_message(&o->tally, msg, size_bytes);
	if (!serve_is_error_loop(ntohs(u->to.sin6_port), msg))
		send_one(u->fd, &h);
}

static void origin_drop(struct origin *o)
{
	(void)o; // nothing is held
}

static void origin_fill(struct origin *o, int fd, const struct msghdr *h)
{
	o->reply = origin_reply;
	o->drop = origin_drop;
	o->share = NULL;
	o->udp.fd = fd;
	memcpy(&o->udp.to, h->msg_name, sizeof(o->udp.to));
	o->udp.to_size = (uint16_t)h->msg_namelen;
	o->udp.control_size = (uint16_t)h->msg_controllen;
	memcpy(o->udp.control, h->msg_control, sizeof(o->udp.control));
}

_Static_assert(sizeof(((struct origin_udp *)0)->control) == CONTROL_BYTES, "control sizes");

// Answers one datagram in its buffer; true when there is something to send.
static bool answer(struct udp_socket *u, struct mmsghdr *m)
{
	struct udp_slot *s = (struct udp_slot *)m->msg_hdr.msg_name; // from is the first member
	struct origin origin;
	struct request r = {
		.transport = TRANSPORT_UDP,
		.to.port = u->port,
		.msg = s->bytes,
		.size_bytes = m->msg_len,
		.udp_max_bytes = DNS_UDP_MAX_BYTES,
		.origin = &origin,
	};

	if ((m->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		!asked_address(&m->msg_hdr, &r.to) ||
		!sockaddr_client((const struct sockaddr *)&s->from, &r.from) ||
		serve_is_bad_port(r.from.port) || serve_is_stranger(u->server, &r.from))
		return false;
	origin_fill(&origin, u->watch.fd, &m->msg_hdr);
	struct wrbuf w = wrbuf_of(s->bytes, sizeof(s->bytes));
	if (serve_query(u->server, &r, &w) != SERVE_REPLY ||
		serve_is_error_loop(r.from.port, s->bytes))
		return false;
	s->iov.iov_len = w.pos;
	return true;
}

static void send_batch(int fd, struct mmsghdr *out, int n)
{
	int sent = 0;

	while (sent < n) {
		int k = sendmmsg(fd, out + sent, (unsigned)(n - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return; // the socket's buffer is full: the rest is lost
		sent += k > 0 ? k : 1; // one that cannot be sent does not stop the others
	}
}

// One batch; false when there is nothing more to read.
static bool run_batch(struct udp_socket *u)
{
	struct udp_batch *b = u->batch;
	int n_out = 0;

	for (int i = 0; i < BATCH; i++)
		slot_prepare(&b->slots[i], &b->in[i]);
	int n = recvmmsg(u->watch.fd, b->in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		if (answer(u, &b->in[i]))
			b->out[n_out++] = b->in[i];
	}
	send_batch(u->watch.fd, b->out, n_out);
	return n == BATCH;
}

static void on_readable(struct watch *w, uint32_t events)
{
	struct udp_socket *u = (struct udp_socket *)w; // the first member

	(void)events;
	for (int i = 0; i < ROUNDS && run_batch(u); i++)
		continue;
}

// Without privilege a queue is as long as net.core.rmem_max allows, and the one that the supervisor
// made is longer.
static void lengthen_queue(int fd)
{
	const int wanted = QUEUE_BYTES;
	int have = 0; // the kernel counts twice: its own structures, too
	socklen_t size = sizeof(have);

	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &size) == 0 && have >= 2 * wanted)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
}

// What the kernel has to tell us with each datagram. Path MTU discovery is off: a reply of 1232
// bytes fits, and forged ICMP must not change how we send (proto:I11).
static void socket_options(int fd, int family)
{
	const int on = 1;
	const int omit = IP_PMTUDISC_OMIT;

	lengthen_queue(fd);
	// A kernel without one of these still serves sockets bound to one address.
	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof(omit));
	if (family == AF_INET) {
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	} else {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof(omit));
	}
}

int udp_start(
	struct udp_socket *u, int fd, struct loop *loop, struct server *server, struct udp_batch *b)
{
	struct server_address local;
	int rc = sockaddr_local(fd, &local);

	if (rc != 0)
		return rc;
	*u = (struct udp_socket){.watch = {fd, on_readable},
		.loop = loop,
		.server = server,
		.batch = b,
		.port = local.port};
	socket_options(fd, local.family == 4 ? AF_INET : AF_INET6);
	return loop_add(loop, &u->watch, EPOLLIN | EPOLLEXCLUSIVE);
}

void udp_finish(struct udp_socket *u)
{
	for (int i = 0; i < FINISH_ROUNDS && run_batch(u); i++)
		continue;
}
