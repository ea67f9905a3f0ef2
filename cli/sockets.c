// SPDX-License-Identifier: Apache-2.0
// Opens, marks and binds. SO_REUSEPORT would silently share the port with a stranger who sets it
// too (CoreDNS does), so the first bind is tried without.
#include "cli/sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TCP_BACKLOG = 4096, UDP_BUFFER_BYTES = 8 << 20 };

struct place {
	struct sockaddr_storage sa;
	socklen_t sa_bytes;
	const char *text;
	uint16_t port;
};

static int set_flag(int fd, int level, int option)
{
	const int one = 1;

	return setsockopt(fd, level, option, &one, sizeof(one)) == 0 ? 0 : -errno;
}

static int open_socket(const struct place *p, int type)
{
	int fd = socket(p->sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	// Otherwise [::] takes IPv4 too, and 0.0.0.0 cannot be bound beside it.
	int rc = p->sa.ss_family == AF_INET6 ? set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY) : 0;
	if (rc == 0 && type == SOCK_STREAM)
		rc = set_flag(fd, SOL_SOCKET, SO_REUSEADDR); // connections of the past in TIME_WAIT
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

static int bind_to(int fd, const struct place *p)
{
	return bind(fd, (const struct sockaddr *)&p->sa, p->sa_bytes) == 0 ? 0 : -errno;
}

static int fail(const struct place *p, int type, int rc, struct err *err)
{
	const char *protocol = type == SOCK_DGRAM ? "UDP" : "TCP";

	if (rc == -EADDRINUSE)
		return err_set(err, rc, "%s %s port %u: another program serves it already", p->text,
			protocol, p->port);
	if (rc == -EADDRNOTAVAIL)
		return err_set(err, rc, "%s is on no interface", p->text);
	if (rc == -EACCES)
		return err_set(err, rc, "%s %s port %u: no permission (needs CAP_NET_BIND_SERVICE)",
			p->text, protocol, p->port);
	return err_set(err, rc, "%s %s port %u: %s", p->text, protocol, p->port, strerror(-rc));
}

static int try_alone(const struct place *p, int type, struct err *err)
{
	int fd = open_socket(p, type);

	if (fd < 0)
		return fail(p, type, fd, err);
	int rc = bind_to(fd, p);
	if (rc == 0 && type == SOCK_STREAM && listen(fd, 1) != 0)
		rc = -errno;
	(void)close(fd);
	return rc == 0 ? 0 : fail(p, type, rc, err);
}

// Replies of a socket on every address must come from the address that was asked.
static int mark_udp(int fd, const struct place *p)
{
	const int size = UDP_BUFFER_BYTES;
	bool is_4 = p->sa.ss_family == AF_INET;
	int rc = set_flag(
		fd, is_4 ? IPPROTO_IP : IPPROTO_IPV6, is_4 ? IP_PKTINFO : IPV6_RECVPKTINFO);

	// Small buffers lose queries in bursts; without the right, the system's limit stays.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return rc;
}

static int open_bound(const struct place *p, int type, int *out, struct err *err)
{
	int fd = open_socket(p, type);

	if (fd < 0)
		return fail(p, type, fd, err);
	int rc = type == SOCK_DGRAM ? mark_udp(fd, p) : 0;
	if (rc == 0 && type == SOCK_DGRAM)
		rc = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
	if (rc == 0)
		rc = bind_to(fd, p);
	if (rc == 0 && type == SOCK_STREAM && listen(fd, TCP_BACKLOG) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)close(fd);
		return fail(p, type, rc, err);
	}
	*out = fd;
	return 0;
}

static int open_place(const struct place *p, unsigned threads, struct sockets *s, struct err *err)
{
	int rc = threads == 0 ? 0 : try_alone(p, SOCK_DGRAM, err);

	if (rc == 0)
		rc = try_alone(p, SOCK_STREAM, err);
	if (rc == 0 && (s->n_tcp == SOCKETS_MAX || s->n_udp + threads > SOCKETS_MAX))
		rc = err_set(err, -E2BIG, "more than %d sockets: fewer addresses, ports or workers",
			SOCKETS_MAX);
	for (unsigned i = 0; i < threads && rc == 0; i++) {
		rc = open_bound(p, SOCK_DGRAM, &s->udp[s->n_udp], err);
		s->n_udp += rc == 0;
	}
	if (rc == 0) {
		rc = open_bound(p, SOCK_STREAM, &s->tcp[s->n_tcp], err);
		s->n_tcp += rc == 0;
	}
	return rc;
}

// A machine without a family serves every address of the other one.
static bool is_absent(const struct socket_place *p)
{
	static const uint8_t every[16];

	if (memcmp(p->address.bytes, every, sizeof(every)) != 0)
		return false;
	int fd = socket(p->address.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT;
	(void)close(fd);
	return false;
}

int sockets_open(const struct sockets_plan *plan, struct sockets *s, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < plan->n_places && rc == 0; i++) {
		const struct socket_place *wanted = &plan->places[i];
		struct place p = {.text = wanted->address.text, .port = wanted->port};
		if (is_absent(wanted))
			continue;
		p.sa_bytes = address_to_sockaddr(&wanted->address, p.port, &p.sa);
		rc = open_place(&p, plan->threads, s, err);
	}
	if (rc == 0 && plan->n_places > 0 && s->n_tcp == 0)
		rc = err_set(err, -EAFNOSUPPORT, "this machine has no IP");
	return rc;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->n_udp; i++)
		(void)close(s->udp[i]);
	for (size_t i = 0; i < s->n_tcp; i++)
		(void)close(s->tcp[i]);
	s->n_udp = s->n_tcp = 0;
}
