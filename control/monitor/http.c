// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd without threads of its own: each place is a daemon that our loop drives.
#include "control/monitor/http.h"

#include <microhttpd.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 256, // per place
	CONNECTIONS_PER_CLIENT = 16,
	TIMEOUT_S = 2,
	MEMORY_BYTES = 16 << 10, // per connection; request headers must fit
	BACKLOG = 128,
};

struct daemon {
	struct http *http;
	struct MHD_Daemon *mhd;
	int epoll_fd; // the daemon's own
	unsigned serves;
};

struct http {
	http_answer_fn *answer;
	void *ctx;
	size_t n;
	struct daemon list[PLACES_MAX];
};

static enum place_serves find_path(const char *url)
{
	if (strcmp(url, "/health") == 0)
		return SERVES_HEALTH;
	if (strcmp(url, "/ready") == 0)
		return SERVES_READY;
	return strcmp(url, "/metrics") == 0 ? SERVES_METRICS : 0;
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct http_reply *r)
{
	struct MHD_Response *response;

	if (r->body.failed) {
		r->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		r->body.len = 0;
	}
	response = MHD_create_response_from_buffer(r->body.len, r->body.buf, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(r->body.buf);
		return MHD_NO;
	}
	enum MHD_Result rc =
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
	if (r->status == MHD_HTTP_METHOD_NOT_ALLOWED && rc == MHD_YES)
		rc = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (rc == MHD_YES)
		rc = MHD_queue_response(connection, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

// Bodies of requests are not read: the connection ends with the reply.
// size: libmicrohttpd's own signature
// NOLINTNEXTLINE(readability-function-size)
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_bytes,
	void **seen)
{
	static int headers_seen;
	const struct daemon *d = cls;
	struct http_reply r = {.status = MHD_HTTP_NOT_FOUND, .type = "text/plain; charset=utf-8"};

	(void)version;
	(void)upload;
	(void)upload_bytes;
	bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	if (*seen == NULL && is_get) {
		*seen = &headers_seen; // libmicrohttpd calls again when the request is whole
		return MHD_YES;
	}
	enum place_serves what = find_path(url);
	if ((d->serves & (unsigned)what) == 0)
		text_format(&r.body, "404 page not found\n");
	else if (!is_get)
		r.status = MHD_HTTP_METHOD_NOT_ALLOWED;
	else
		d->http->answer(d->http->ctx, what, &r);
	return reply(connection, &r);
}

static int listen_at(const struct addrinfo *a)
{
	const int on = 1, off = 0;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	bool is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
	if (is_set && a->ai_family == AF_INET6) // [::] takes IPv4 too
		is_set = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
	if (is_set && bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int rc = -errno;
	(void)close(fd);
	return rc;
}

// A name may stand for both families: IPv4 first, as CoreDNS' library does.
static int listen_first(const struct addrinfo *list)
{
	int fd = -EADDRNOTAVAIL;

	for (unsigned pass = 0; pass < 2 && fd < 0; pass++) {
		for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
			if ((a->ai_family == AF_INET) == (pass == 0))
				fd = listen_at(a);
		}
	}
	return fd;
}

// [::] stands for every address of both families, but on a machine without IPv6.
static int open_place(const struct place *p, struct err *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	const char *host = p->host[0] != 0 ? p->host : "::";
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(host, p->port, &hints, &list);
	int fd;

	if (rc != 0)
		return err_set(err, -EINVAL, "%.100s: %s", host, gai_strerror(rc));
	fd = listen_first(list);
	freeaddrinfo(list);
	if (p->host[0] == 0 && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {
		struct place v4 = *p;
		memcpy(v4.host, "0.0.0.0", sizeof("0.0.0.0"));
		return open_place(&v4, err);
	}
	if (fd == -EADDRINUSE)
		return err_set(err, fd,
			"%.60s port %s is taken: a second instance needs other addresses in "
			"health, ready and prometheus",
			host, p->port);
	if (fd < 0)
		return err_set(err, fd, "%.100s port %s: %s", host, p->port, strerror(-fd));
	return fd;
}

static int start(struct daemon *d, int fd, struct err *err)
{
	d->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, d,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_PER_CLIENT, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_END);
	if (d->mhd == NULL) {
		(void)close(fd);
		return err_set(err, -EIO, "the HTTP library does not start");
	}
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return err_set(err, -EIO, "the HTTP library has no epoll");
	d->epoll_fd = info->epoll_fd;
	return 0;
}

struct http *http_open(
	const struct place *places, size_t n, http_answer_fn *answer, void *ctx, struct err *err)
{
	struct http *h = calloc(1, sizeof(*h));
	int rc = 0;

	if (h == NULL) {
		(void)err_set(err, -ENOMEM, "memory is short");
		return NULL;
	}
	h->answer = answer;
	h->ctx = ctx;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		struct daemon *d = &h->list[h->n];
		rc = open_place(&places[i], err);
		if (rc < 0)
			break;
		*d = (struct daemon){.http = h, .serves = places[i].serves};
		h->n++;
		rc = start(d, rc, err);
	}
	if (rc >= 0)
		return h;
	http_close(h);
	return NULL;
}

void http_close(struct http *h)
{
	for (size_t i = 0; h != NULL && i < h->n; i++) {
		if (h->list[i].mhd != NULL)
			MHD_stop_daemon(h->list[i].mhd);
	}
	free(h);
}

size_t http_poll(const struct http *h, struct pollfd *fds, int *timeout_ms)
{
	for (size_t i = 0; i < h->n; i++) {
		MHD_UNSIGNED_LONG_LONG wait_ms;
		fds[i] = (struct pollfd){.fd = h->list[i].epoll_fd, .events = POLLIN};
		if (MHD_get_timeout(h->list[i].mhd, &wait_ms) == MHD_YES &&
			wait_ms < (MHD_UNSIGNED_LONG_LONG)*timeout_ms)
			*timeout_ms = (int)wait_ms;
	}
	return h->n;
}

void http_turn(struct http *h)
{
	for (size_t i = 0; i < h->n; i++)
		(void)MHD_run(h->list[i].mhd); // fails only for what it was not started as
}
