// SPDX-License-Identifier: Apache-2.0
// DNS over TCP (RFC 7766), one question at a time on a connection that stays open.
#include "cli/exchange_tcp.h"

#include "zones/base/be.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail with this clock
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void exchange_stream_close(struct exchange_stream *s)
{
	if (s->sock >= 0)
		(void)close(s->sock);
	s->sock = -1;
}

// Waits for an event until `end`. False when it does not come.
static bool wait_for(int sock, short events, uint64_t end)
{
	struct pollfd pfd = {.fd = sock, .events = events};
	uint64_t now = now_ms();

	return now < end && poll(&pfd, 1, (int)(end - now)) > 0;
}

static bool open_stream(struct exchange_stream *s, uint64_t end)
{
	const struct sockaddr *to = (const void *)&s->server->address;
	int error = 0;
	socklen_t size = sizeof(error);

	s->sock = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->sock < 0)
		return false;
	if (connect(s->sock, to, s->server->size_bytes) == 0)
		return true;
	return errno == EINPROGRESS && wait_for(s->sock, POLLOUT, end) &&
		getsockopt(s->sock, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static bool send_all(int sock, const uint8_t *bytes, size_t size_bytes, uint64_t end)
{
	while (size_bytes > 0) {
		ssize_t n = send(sock, bytes, size_bytes, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && !wait_for(sock, POLLOUT, end))
			return false;
		bytes += n < 0 ? 0 : n;
		size_bytes -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

static bool receive_all(int sock, uint8_t *bytes, size_t size_bytes, uint64_t end)
{
	while (size_bytes > 0) {
		ssize_t n = recv(sock, bytes, size_bytes, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n < 0 && !wait_for(sock, POLLIN, end))
			return false;
		bytes += n < 0 ? 0 : n;
		size_bytes -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

static size_t ask(struct exchange_stream *s, const uint8_t *msg, size_t size_bytes, uint64_t end,
	struct wrbuf *reply)
{
	uint8_t frame[2 + DNS_UDP_MIN_BYTES], size[2];

	if (size_bytes > DNS_UDP_MIN_BYTES || (s->sock < 0 && !open_stream(s, end)))
		return 0;
	be16_put(frame, (uint16_t)size_bytes);
	memcpy(frame + 2, msg, size_bytes);
	if (!send_all(s->sock, frame, size_bytes + 2, end) ||
		!receive_all(s->sock, size, sizeof(size), end))
		return 0;
	size_t n = be16_get(size);
	if (n > reply->size_bytes || !receive_all(s->sock, reply->base, n, end))
		return 0;
	return n >= 2 && memcmp(reply->base, msg, 2) == 0 ? n : 0;
}

size_t exchange_stream_ask(struct exchange_stream *s, const uint8_t *msg, size_t size_bytes,
	unsigned wait_ms, struct wrbuf *reply)
{
	uint64_t end = now_ms() + wait_ms;

	// A connection that was open before may be closed by now: once more on a new one.
	for (unsigned tries = s->sock >= 0 ? 2 : 1; tries > 0; tries--) {
		size_t n = ask(s, msg, size_bytes, end, reply);
		if (n > 0)
			return n;
		exchange_stream_close(s);
	}
	return 0;
}
