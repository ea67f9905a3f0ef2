// SPDX-License-Identifier: Apache-2.0
// UDP: a connected socket per question, so that the kernel drops what comes from elsewhere; the
// rest of the match is ask_judge. After a reply that does not match the wait goes on (proto:F1),
// but not as long as for one that is silent. Streams are in stream.c.
#include "slowpath/forward/exchange.h"

#include "slowpath/base/random.h"
#include "slowpath/forward/stream.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT_MIN = 1024, // 64,512 ports (proto:F3)
	PORT_TRIES = 8,
	READS = 32, // datagrams per turn
	REPLY_MAX_BYTES = 4096, // we announce 1232
	PATIENCE_MS = 500, // with an upstream whose replies cannot be used
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail on Linux
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void count_start(struct exchange *x)
{
	x->start_ns = clock_ns();
	if (x->upstream->counters != NULL && !x->is_check)
		counter_share(&x->upstream->counters->asked, 1);
}

static void tell_of(const struct exchange *x, enum tap_kind kind, const uint8_t *msg, size_t size)
{
	const struct tell_message m = {.upstream = x->upstream,
		.bytes = msg,
		.size_bytes = size,
		.start_ns = x->start_ns,
		.now_ns = kind == TAP_FORWARDER_QUERY ? x->start_ns : clock_ns(),
		.kind = kind,
		.is_stream = x->is_stream};

	tell(x->tap, &x->about, &m);
}

// The exchange is over; x may be gone afterwards.
static void end(struct exchange *x, enum exchange_result result, const uint8_t *msg, size_t size)
{
	if (result == EXCHANGE_ANSWER && x->upstream->counters != NULL && !x->is_check)
		upstream_count_reply(
			x->upstream->counters, msg[3] & HEADER_RCODE, clock_ns() - x->start_ns);
	if (result == EXCHANGE_ANSWER)
		tell_of(x, TAP_FORWARDER_RESPONSE, msg, size);
	x->done(x, result, msg, size);
}

// Binds to a random port; the last resort is one that the kernel chooses.
static int bind_random(int fd, const struct group *g, sa_family_t family)
{
	struct sockaddr_in6 from = {.sin6_family = family};
	socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(from);

	if (g->source.sin6_family == family)
		from = g->source;
	for (int i = 0; i < PORT_TRIES; i++) {
		uint32_t port = PORT_MIN + random_below(65536 - PORT_MIN);
		from.sin6_port = htons((uint16_t)port); // at the same place as sin_port
		if (bind(fd, (const struct sockaddr *)&from, size) == 0)
			return 0;
		if (errno != EADDRINUSE && errno != EACCES)
			return -errno;
	}
	from.sin6_port = 0;
	return bind(fd, (const struct sockaddr *)&from, size) == 0 ? 0 : -errno;
}

static int open_udp(const struct exchange *x)
{
	const struct sockaddr *to = (const struct sockaddr *)&x->upstream->to;
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	int rc = bind_random(fd, x->group, to->sa_family);
	if (rc == 0 && connect(fd, to, x->upstream->to_size) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

static void close_udp(struct exchange *x)
{
	if (x->watch.fn == NULL)
		return;
	loop_timer_stop(x->loop, &x->patience);
	loop_del(x->loop, &x->watch);
	(void)close(x->watch.fd);
	x->watch.fn = NULL;
}

// proto:F6: for each letter one more bit that a forger has to guess.
static const struct ask *mix_case(struct exchange *x)
{
	uint8_t bits[DNS_NAME_MAX_BYTES];
	struct dname *name = &x->sent.name;

	x->sent = *x->ask;
	random_bytes(bits, name->size_bytes);
	for (size_t i = 0; i < name->size_bytes; i++) { // lengths of labels are below 'A'
		if (name->wire[i] >= 'a' && name->wire[i] <= 'z' && (bits[i] & 1))
			name->wire[i] = (uint8_t)(name->wire[i] - 'a' + 'A');
	}
	return &x->sent;
}

// Whether the reply answers the question as it was sent. The letters go back to lower case, in
// which everything else expects them.
static enum exchange_result judge(
	struct exchange *x, uint8_t *msg, size_t size_bytes, bool *is_other)
{
	enum ask_match match = ask_judge(x->mixes_case ? &x->sent : x->ask, x->id, msg, size_bytes);
	bool has_name = size_bytes >= DNS_HEADER_BYTES + (size_t)x->ask->name.size_bytes;

	if (x->mixes_case && match != ASK_WRONG_ID && has_name) {
		for (size_t i = 0; i < x->ask->name.size_bytes; i++)
			msg[DNS_HEADER_BYTES + i] = dname_lower_byte(msg[DNS_HEADER_BYTES + i]);
		if (match == ASK_OTHER && ask_judge(x->ask, x->id, msg, size_bytes) == ASK_ANSWER)
			return EXCHANGE_WRONG_CASE;
	}
	*is_other = match == ASK_OTHER;
	return match == ASK_ANSWER ? EXCHANGE_ANSWER : EXCHANGE_WRONG_ID;
}

static bool is_usable(struct exchange *x, const uint8_t *msg, size_t size_bytes)
{
	return x->accept == NULL || x->accept(x, msg, size_bytes);
}

static void on_patience(struct timer *t)
{
	struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, patience));

	close_udp(x);
	end(x, EXCHANGE_MALFORMED, NULL, 0);
}

// A reply has come that cannot be used.
static void note_garbage(struct exchange *x)
{
	x->got_garbage = true;
	if (x->patience.fn != NULL)
		return;
	x->patience.fn = on_patience;
	loop_timer(x->loop, &x->patience, PATIENCE_MS);
}

// Reads one datagram. False: nothing more to read, or the exchange is over.
static bool read_one(struct exchange *x)
{
	static _Thread_local uint8_t bytes[REPLY_MAX_BYTES];
	ssize_t n = recv(x->watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	enum exchange_result result = EXCHANGE_FAILED;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (n >= 0) {
		bool is_other = false;
		result = judge(x, bytes, (size_t)n, &is_other);
		if (is_other || (result == EXCHANGE_ANSWER && !is_usable(x, bytes, (size_t)n))) {
			note_garbage(x);
			return true;
		}
	}
	close_udp(x);
	end(x, result, bytes, n < 0 ? 0 : (size_t)n);
	return false;
}

static void on_readable(struct watch *w, uint32_t events)
{
	struct exchange *x = (struct exchange *)w; // the first member

	(void)events;
	for (int i = 0; i < READS && read_one(x); i++)
		continue;
}

static size_t write_query(
	const struct exchange *x, const struct ask *ask, uint8_t out[ASK_MAX_BYTES])
{
	size_t size = ask_write(ask, x->id, x->edns, out);

	if (x->options == NULL || x->edns != ASK_WITH_EDNS)
		return size;
	return ask_write_options(x->options, size, out);
}

int exchange_udp(struct exchange *x)
{
	uint8_t query[ASK_MAX_BYTES];
	int fd = open_udp(x);

	if (fd < 0)
		return fd;
	count_start(x);
	if (x->upstream->counters != NULL) // each question has a socket of its own
		counter_share(&x->upstream->counters->opened[UPSTREAM_UDP], 1);
	x->is_stream = false;
	x->id = random_u16();
	x->watch = (struct watch){fd, on_readable};
	x->patience = (struct timer){0};
	size_t size = write_query(x, x->mixes_case ? mix_case(x) : x->ask, query);
	int rc = loop_add(x->loop, &x->watch, EPOLLIN);
	if (rc == 0 && send(fd, query, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		rc = -errno;
	if (rc != 0)
		close_udp(x);
	else
		tell_of(x, TAP_FORWARDER_QUERY, query, size);
	return rc;
}

static void on_stream(void *ctx, enum stream_outcome outcome, const uint8_t *msg, size_t size_bytes)
{
	struct exchange *x = ctx;
	enum exchange_result result = EXCHANGE_FAILED;

	x->stream = NULL;
	// Each round uses up a kept connection, so this ends.
	if (outcome == STREAM_STALE && exchange_stream(x) == 0)
		return;
	if (outcome == STREAM_REFUSED)
		result = EXCHANGE_REFUSED;
	if (outcome == STREAM_ANSWER) {
		if (ask_judge(x->ask, x->id, msg, size_bytes) == ASK_ANSWER &&
			is_usable(x, msg, size_bytes))
			result = EXCHANGE_ANSWER;
		else
			x->got_garbage = true;
	}
	end(x, result, msg, size_bytes);
}

int exchange_stream(struct exchange *x)
{
	uint8_t query[ASK_MAX_BYTES];

	count_start(x);
	x->is_stream = true;
	x->id = random_u16();
	const struct stream_query q = {
		.group = x->group,
		.upstream = x->upstream,
		.bytes = query,
		.size_bytes = write_query(x, x->ask, query),
		.done = on_stream,
		.ctx = x,
	};
	int rc = stream_ask(x->pool, &q, &x->stream);
	if (rc == 0)
		tell_of(x, TAP_FORWARDER_QUERY, query, q.size_bytes);
	return rc;
}

void exchange_cancel(struct exchange *x)
{
	close_udp(x);
	if (x->stream != NULL)
		stream_cancel(x->stream);
	x->stream = NULL;
}
