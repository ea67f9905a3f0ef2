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

// Every address of one family. A machine without that family serves the other one.
static int open_wildcard(
	const struct sockets_plan *plan, sa_family_t family, struct sockets *s, struct err *err)
{
	int probe = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (probe < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	(void)close(probe);
	for (size_t i = 0; i < plan->n_ports && rc == 0; i++) {
		struct place p = {.port = plan->ports[i]};
		struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(p.port)};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(p.port)};
		p.sa_bytes = family == AF_INET ? sizeof(in4) : sizeof(in6);
		if (family == AF_INET)
			memcpy(&p.sa, &in4, sizeof(in4));
		else
			memcpy(&p.sa, &in6, sizeof(in6));
		p.text = family == AF_INET ? "0.0.0.0" : "::";
		rc = open_place(&p, plan->threads, s, err);
	}
	return rc;
}

int sockets_open(const struct sockets_plan *plan, struct sockets *s, struct err *err)
{
	int rc = 0;

	if (plan->n_addresses == 0) {
		rc = open_wildcard(plan, AF_INET, s, err);
		return rc != 0 ? rc : open_wildcard(plan, AF_INET6, s, err);
	}
	for (size_t i = 0; i < plan->n_addresses * plan->n_ports && rc == 0; i++) {
		const struct address *a = &plan->addresses[i / plan->n_ports];
		struct place p = {.text = a->text, .port = plan->ports[i % plan->n_ports]};
		p.sa_bytes = address_to_sockaddr(a, p.port, &p.sa);
		rc = open_place(&p, plan->threads, s, err);
	}
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
