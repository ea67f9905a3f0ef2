// SPDX-License-Identifier: Apache-2.0
// libfstrm has the protocol, the socket is ours: so that every wait has an end.
#include "control/monitor/tap_out.h"

#include <errno.h>
#include <fstrm.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	OPEN_MS = 4000, // as CoreDNS
	CLOSE_MS = 500,
	MIB_BYTES = 1 << 20,
	FRAME_ROOM_BYTES = 64, // around a message; and the last words
};

static const char content_type[] = "protobuf:dnstap.Dnstap";

struct tap_out {
	struct tap_rule rule; // a copy
	struct fstrm_writer *writer; // owned
	int fd;
	int error; // errno of what went wrong, 0: nothing
	uint64_t end_ms; // of waiting
	size_t size_bytes, at, len; // of the buffer; what waits is [at, len)
	uint8_t *buffer; // owned
};

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static fstrm_res fail(struct tap_out *o, int error)
{
	if (o->error == 0)
		o->error = error;
	return fstrm_res_failure;
}

// False: the time is over, or nothing will come any more.
static bool wait_for(struct tap_out *o, short events)
{
	struct pollfd p = {.fd = o->fd, .events = events};

	for (;;) {
		uint64_t now_ms = clock_ms();
		int left_ms = now_ms < o->end_ms ? (int)(o->end_ms - now_ms) : 0;
		int n = poll(&p, 1, left_ms);
		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			break;
	}
	(void)fail(o, ETIMEDOUT);
	return false;
}

static socklen_t fill_address(const struct tap_rule *r, struct sockaddr_storage *out)
{
	struct sockaddr_un *local = (struct sockaddr_un *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*out = (struct sockaddr_storage){0};
	switch (r->family) {
	case 4:
		v4->sin_family = AF_INET;
		v4->sin_port = htons(r->port);
		memcpy(&v4->sin_addr, r->address, sizeof(v4->sin_addr));
		return sizeof(*v4);
	case 6:
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(r->port);
		memcpy(&v6->sin6_addr, r->address, sizeof(v6->sin6_addr));
		return sizeof(*v6);
	default:
		local->sun_family = AF_UNIX;
		(void)snprintf(local->sun_path, sizeof(local->sun_path), "%s", r->path);
		return sizeof(*local);
	}
}

static fstrm_res on_open(void *arg)
{
	struct tap_out *o = arg;
	struct sockaddr_storage address;
	socklen_t size = fill_address(&o->rule, &address);
	int error = 0;
	socklen_t error_size = sizeof(error);

	o->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (o->fd < 0)
		return fail(o, errno);
	if (connect(o->fd, (const struct sockaddr *)&address, size) == 0)
		return fstrm_res_success;
	if (errno != EINPROGRESS)
		return fail(o, errno);
	if (!wait_for(o, POLLOUT))
		return fstrm_res_failure;
	if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) != 0 || error != 0)
		return fail(o, error != 0 ? error : errno);
	return fstrm_res_success;
}

static fstrm_res on_close(void *arg)
{
	struct tap_out *o = arg;

	if (o->fd >= 0)
		(void)close(o->fd);
	o->fd = -1;
	return fstrm_res_success;
}

static fstrm_res on_destroy(void *arg)
{
	(void)arg; // the owner frees it
	return fstrm_res_success;
}

// 0: all is sent; EAGAIN: some waits; else what went wrong.
static int send_some(struct tap_out *o)
{
	while (o->at < o->len) {
		ssize_t n = send(o->fd, o->buffer + o->at, o->len - o->at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return errno;
		o->at += n < 0 ? 0 : (size_t)n;
	}
	o->at = o->len = 0;
	return 0;
}

static fstrm_res send_all(struct tap_out *o)
{
	for (;;) {
		int error = o->error != 0 ? o->error : send_some(o);
		if (error == 0)
			return fstrm_res_success;
		if (error != EAGAIN)
			return fail(o, error);
		if (!wait_for(o, POLLOUT))
			return fstrm_res_failure;
	}
}

static fstrm_res on_read(void *arg, void *data, size_t size_bytes)
{
	struct tap_out *o = arg;
	uint8_t *bytes = data;
	size_t at = 0;

	if (send_all(o) != fstrm_res_success)
		return fstrm_res_failure;
	while (at < size_bytes) {
		if (!wait_for(o, POLLIN))
			return fstrm_res_failure;
		ssize_t n = recv(o->fd, bytes + at, size_bytes - at, 0);
		if (n == 0)
			return fail(o, ECONNRESET);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(o, errno);
		at += n < 0 ? 0 : (size_t)n;
	}
	return fstrm_res_success;
}

static bool has_room(struct tap_out *o, size_t size_bytes)
{
	if (o->at > 0 && o->size_bytes - o->len < size_bytes) {
		memmove(o->buffer, o->buffer + o->at, o->len - o->at);
		o->len -= o->at;
		o->at = 0;
	}
	return o->size_bytes - o->len >= size_bytes;
}

static fstrm_res on_write(void *arg, const struct iovec *parts, int n)
{
	struct tap_out *o = arg;

	for (int i = 0; i < n; i++) {
		if (!has_room(o, parts[i].iov_len))
			return fail(o, ENOBUFS);
		memcpy(o->buffer + o->len, parts[i].iov_base, parts[i].iov_len);
		o->len += parts[i].iov_len;
	}
	return fstrm_res_success;
}

static int open_writer(struct tap_out *o)
{
	struct fstrm_writer_options *options = fstrm_writer_options_init();
	struct fstrm_rdwr *ways = fstrm_rdwr_init(o);

	fstrm_rdwr_set_destroy(ways, on_destroy);
	fstrm_rdwr_set_open(ways, on_open);
	fstrm_rdwr_set_close(ways, on_close);
	fstrm_rdwr_set_read(ways, on_read);
	fstrm_rdwr_set_write(ways, on_write);
	(void)fstrm_writer_options_add_content_type(
		options, content_type, sizeof(content_type) - 1); // it is short
	o->writer = fstrm_writer_init(options, &ways);
	fstrm_writer_options_destroy(&options);
	if (o->writer == NULL) {
		(void)fstrm_rdwr_destroy(&ways); // never opened
		return -ENOMEM;
	}
	o->end_ms = clock_ms() + OPEN_MS;
	if (fstrm_writer_open(o->writer) == fstrm_res_success)
		return 0;
	return o->error != 0 ? -o->error : -EPROTO;
}

int tap_out_open(const struct tap_rule *rule, struct tap_out **out)
{
	struct tap_out *o = calloc(1, sizeof(*o));

	*out = NULL;
	if (o == NULL)
		return -ENOMEM;
	o->rule = *rule;
	o->fd = -1;
	o->size_bytes = (size_t)(rule->buffer_mib == 0 ? 1 : rule->buffer_mib) * MIB_BYTES;
	o->buffer = malloc(o->size_bytes); // pages are taken as they are written
	int rc = o->buffer == NULL ? -ENOMEM : open_writer(o);
	if (rc == 0) {
		*out = o;
		return 0;
	}
	o->error = -rc; // nothing more is said
	tap_out_close(o);
	return rc;
}

void tap_out_close(struct tap_out *o)
{
	if (o == NULL)
		return;
	o->end_ms = clock_ms() + CLOSE_MS;
	if (o->writer != NULL)
		(void)fstrm_writer_destroy(&o->writer); // what is not taken now is lost
	(void)on_close(o);
	free(o->buffer);
	free(o);
}

bool tap_out_add(struct tap_out *o, const uint8_t *bytes, size_t size_bytes)
{
	return o->error == 0 && has_room(o, size_bytes + FRAME_ROOM_BYTES) &&
		fstrm_writer_write(o->writer, bytes, size_bytes) == fstrm_res_success;
}

bool tap_out_flush(struct tap_out *o)
{
	uint8_t byte;
	int error = o->error != 0 ? o->error : send_some(o);

	// A collector says nothing now: what can be read is its end.
	if (error == 0 && recv(o->fd, &byte, 1, MSG_PEEK) == 0)
		error = ECONNRESET;
	if (error == 0 || error == EAGAIN)
		return true;
	(void)fail(o, error);
	return false;
}
