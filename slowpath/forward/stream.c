// SPDX-License-Identifier: Apache-2.0
// A connection is connecting, shaking hands, writing, reading or idle. A kept connection that turns
// out to be closed by the upstream is replaced by a new one without counting as a failure.
#include "slowpath/forward/stream.h"

#include "slowpath/base/log.h"
#include "slowpath/forward/tls.h"
#include "slowpath/message/ask.h"
#include "zones/base/be.h"
#include "zones/wire/rr.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REFUSALS_LOG_MS = 30000,
	RETIRED_MS = 5000, // between looks whether a kept connection's plan is in use
};

enum state { CONNECTING, SHAKING_HANDS, WRITING, READING, IDLE };

struct stream {
	struct watch watch; // first
	struct timer expire;
	struct stream_pool *pool;
	struct stream *next; // in the pool's list
	struct stream **pprev;
	struct group *group; // its holder is held
	struct upstream *upstream;
	struct tls_session *tls; // NULL: plain
	enum state state;
	bool is_reused; // it has answered before
	bool is_refused; // for its certificate
	uint32_t events;
	uint64_t born_ms, expires_ms;
	stream_done_fn *done;
	void *ctx;
	size_t out_at, out_size;
	uint8_t out[2 + ASK_MAX_BYTES];
	size_t in_used;
	uint8_t head[2];
	uint8_t *in; // malloc'ed, of the size that head says
};

struct stream_pool {
	struct loop *loop;
	struct stream *busy;
	struct stream *idle; // newest first
	unsigned n_idle, max_idle;
};

struct stream_pool *stream_pool_new(struct loop *loop, unsigned max_idle)
{
	struct stream_pool *p = calloc(1, sizeof(*p));

	if (p != NULL)
		*p = (struct stream_pool){.loop = loop, .max_idle = max_idle};
	return p;
}

static void link_in(struct stream **list, struct stream *s)
{
	s->next = *list;
	s->pprev = list;
	if (s->next != NULL)
		s->next->pprev = &s->next;
	*list = s;
}

static void unlink_from(struct stream *s)
{
	*s->pprev = s->next;
	if (s->next != NULL)
		s->next->pprev = s->pprev;
}

static void close_stream(struct stream *s)
{
	struct stream_pool *p = s->pool;

	loop_del(p->loop, &s->watch);
	loop_timer_stop(p->loop, &s->expire);
	tls_session_free(s->tls);
	(void)close(s->watch.fd);
	p->n_idle -= s->state == IDLE;
	unlink_from(s);
	holder_drop(s->group->holder);
	free(s->in);
	free(s);
}

void stream_pool_free(struct stream_pool *p)
{
	if (p == NULL)
		return;
	while (p->busy != NULL)
		close_stream(p->busy);
	while (p->idle != NULL)
		close_stream(p->idle);
	free(p);
}

void stream_cancel(struct stream *s)
{
	close_stream(s);
}

// A connection keeps its plan alive, with all caches: not longer than that is in use.
static bool is_over(const struct stream *s)
{
	return group_is_retired(s->group) || s->pool->loop->now_ms >= s->expires_ms;
}

// Until it expires, or looks again whether its plan is still in use.
static void wait_idle(struct stream *s)
{
	uint64_t left_ms = s->expires_ms - s->pool->loop->now_ms;

	loop_timer(s->pool->loop, &s->expire, left_ms < RETIRED_MS ? left_ms : RETIRED_MS);
}

static void on_expire(struct timer *t)
{
	struct stream *s = (struct stream *)((char *)t - offsetof(struct stream, expire));

	if (is_over(s))
		close_stream(s);
	else
		wait_idle(s);
}

// Back into the pool, or closed when it is too old or there are enough.
static void retire(struct stream *s)
{
	const struct policy_forward *policy = s->group->policy;
	struct stream_pool *p = s->pool;
	uint64_t age_ms = p->loop->now_ms - s->born_ms;

	s->expires_ms = p->loop->now_ms + policy->expire_ms;
	if (loop_modify(p->loop, &s->watch, EPOLLIN) != 0 || is_over(s) ||
		p->n_idle >= p->max_idle ||
		(policy->max_age_ms != 0 && age_ms >= policy->max_age_ms) ||
		(policy->max_idle_conns != 0 && p->n_idle >= policy->max_idle_conns)) {
		close_stream(s);
		return;
	}
	unlink_from(s);
	link_in(&p->idle, s);
	p->n_idle++;
	s->state = IDLE;
	s->is_reused = true;
	s->done = NULL;
	s->in_used = 0;
	wait_idle(s);
}

// The connection is over before an answer came.
static void fail(struct stream *s)
{
	stream_done_fn *done = s->done;
	void *ctx = s->ctx;
	enum stream_outcome outcome = s->is_refused ? STREAM_REFUSED : STREAM_FAILED;

	if (s->is_reused && s->in_used == 0)
		outcome = STREAM_STALE;
	close_stream(s);
	if (done != NULL)
		done(ctx, outcome, NULL, 0);
}

static enum tls_want want_of(ssize_t n, enum tls_want retry)
{
	if (n >= 0)
		return TLS_DONE;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? retry : TLS_FAILED;
}

static enum tls_want write_some(struct stream *s, size_t *n)
{
	const uint8_t *bytes = s->out + s->out_at;
	size_t size = s->out_size - s->out_at;

	if (s->tls != NULL)
		return tls_write(s->tls, bytes, size, n);
	ssize_t sent = send(s->watch.fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	*n = sent < 0 ? 0 : (size_t)sent;
	return want_of(sent, TLS_WANT_WRITE);
}

// The end of the stream counts as a failure.
static enum tls_want read_some(struct stream *s, uint8_t *bytes, size_t size, size_t *n)
{
	enum tls_want want;

	if (s->tls != NULL) {
		want = tls_read(s->tls, bytes, size, n);
	} else {
		ssize_t got = recv(s->watch.fd, bytes, size, MSG_DONTWAIT);
		*n = got < 0 ? 0 : (size_t)got;
		want = want_of(got, TLS_WANT_READ);
	}
	return want == TLS_DONE && *n == 0 ? TLS_FAILED : want;
}

static enum tls_want step_connect(struct stream *s)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return TLS_FAILED;
	if (s->upstream->is_tls) {
		s->tls = tls_session_new(
			s->group->tls, s->watch.fd, s->upstream->server_name, s->upstream->host);
		if (s->tls == NULL)
			return TLS_FAILED;
	}
	s->state = s->tls == NULL ? WRITING : SHAKING_HANDS;
	return TLS_DONE;
}

static void note_refusal(struct stream *s, const char *why)
{
	struct upstream *u = s->upstream;
	uint64_t held;

	s->is_refused = true;
	if (log_limit_take(&u->refusals, REFUSALS_LOG_MS, &held))
		log_line(LOG_ERROR, "forward", "certificate of the upstream refused",
			"upstream=%s wanted=%s reason=\"%s\" held=%llu", u->text,
			u->server_name[0] == 0 ? u->host : u->server_name, why,
			(unsigned long long)held);
}

static enum tls_want step_handshake(struct stream *s)
{
	enum tls_want want = tls_handshake(s->tls);
	const char *why = want == TLS_FAILED ? tls_refusal(s->tls) : NULL;

	if (why != NULL)
		note_refusal(s, why);

	if (want == TLS_DONE)
		s->state = WRITING;
	return want;
}

static enum tls_want step_write(struct stream *s)
{
	size_t n;
	enum tls_want want = write_some(s, &n);

	s->out_at += n;
	if (s->out_at == s->out_size)
		s->state = READING;
	return want;
}

// Reads the length, then the message.
static enum tls_want step_read(struct stream *s)
{
	size_t n;
	enum tls_want want;

	if (s->in_used < 2) {
		want = read_some(s, s->head + s->in_used, 2 - s->in_used, &n);
		s->in_used += n;
		if (s->in_used < 2)
			return want;
		s->in = malloc(be16_get(s->head) + 1u);
		return s->in == NULL || be16_get(s->head) < DNS_HEADER_BYTES ? TLS_FAILED
									     : TLS_DONE;
	}
	size_t size = be16_get(s->head);
	want = read_some(s, s->in + s->in_used - 2, size + 2 - s->in_used, &n);
	s->in_used += n;
	return want;
}

static bool is_complete(const struct stream *s)
{
	return s->in_used >= 2 && s->in_used == 2u + be16_get(s->head);
}

static void finish(struct stream *s)
{
	stream_done_fn *done = s->done;
	void *ctx = s->ctx;
	size_t size = be16_get(s->head);
	uint8_t *msg = s->in;

	s->in = NULL;
	retire(s);
	done(ctx, STREAM_ANSWER, msg, size);
	free(msg);
}

// Goes as far as the socket lets it.
static void advance(struct stream *s)
{
	enum tls_want want = TLS_DONE;

	while (want == TLS_DONE && !is_complete(s)) {
		switch (s->state) {
		case CONNECTING:
			want = step_connect(s);
			break;
		case SHAKING_HANDS:
			want = step_handshake(s);
			break;
		case WRITING:
			want = step_write(s);
			break;
		case READING:
			want = step_read(s);
			break;
		case IDLE:
		default:
			want = TLS_FAILED; // nothing was asked
			break;
		}
	}
	if (is_complete(s)) {
		finish(s);
		return;
	}
	uint32_t events = want == TLS_WANT_WRITE ? EPOLLOUT : EPOLLIN;
	if (want == TLS_FAILED ||
		(events != s->events && loop_modify(s->pool->loop, &s->watch, events) != 0)) {
		fail(s);
		return;
	}
	s->events = events;
}

static void on_event(struct watch *w, uint32_t events)
{
	(void)events; // errors show in the next call
	advance((struct stream *)w); // the first member
}

static void take_query(struct stream *s, const struct stream_query *q)
{
	be16_put(s->out, (uint16_t)q->size_bytes);
	memcpy(s->out + 2, q->bytes, q->size_bytes);
	s->out_size = q->size_bytes + 2;
	s->out_at = 0;
	s->in_used = 0;
	s->done = q->done;
	s->ctx = q->ctx;
}

// A kept connection to the upstream, ready to write, or NULL.
static struct stream *reuse(struct stream_pool *p, const struct stream_query *q)
{
	struct stream *s = p->idle;

	while (s != NULL && s->upstream != q->upstream)
		s = s->next;
	if (s == NULL)
		return NULL;
	loop_timer_stop(p->loop, &s->expire);
	unlink_from(s);
	p->n_idle--;
	link_in(&p->busy, s);
	s->state = WRITING;
	return s;
}

static int open_tcp(const struct stream_query *q)
{
	const struct sockaddr *to = (const struct sockaddr *)&q->upstream->to;
	const struct sockaddr_in6 *from = &q->group->source;
	const int on = 1;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // only faster
	if (from->sin6_family == to->sa_family &&
		bind(fd, (const struct sockaddr *)from, q->upstream->to_size) != 0)
		rc = -errno;
	if (rc == 0 && connect(fd, to, q->upstream->to_size) != 0 && errno != EINPROGRESS)
		rc = -errno;
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	return fd;
}

static int connect_new(struct stream_pool *p, const struct stream_query *q, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	int fd = s == NULL ? -ENOMEM : open_tcp(q);

	if (fd < 0) {
		free(s);
		return fd;
	}
	s->watch = (struct watch){fd, on_event};
	s->events = EPOLLOUT;
	int rc = loop_add(p->loop, &s->watch, s->events);
	if (rc != 0) {
		(void)close(fd);
		free(s);
		return rc;
	}
	s->pool = p;
	s->expire.fn = on_expire;
	s->group = q->group;
	s->upstream = q->upstream;
	s->born_ms = p->loop->now_ms;
	s->state = CONNECTING;
	holder_hold(s->group->holder);
	link_in(&p->busy, s);
	*out = s;
	return 0;
}

static void count_connection(const struct stream_query *q, bool is_kept)
{
	struct upstream_counters *c = q->upstream->counters;
	enum upstream_proto proto = q->upstream->is_tls ? UPSTREAM_TLS : UPSTREAM_TCP;

	if (c != NULL)
		counter_share(is_kept ? &c->kept[proto] : &c->opened[proto], 1);
}

int stream_ask(struct stream_pool *p, const struct stream_query *q, struct stream **out)
{
	struct stream *s = reuse(p, q);
	int rc = 0;

	count_connection(q, s != NULL);
	if (s != NULL)
		rc = loop_modify(p->loop, &s->watch, EPOLLOUT); // written on the next turn
	else
		rc = connect_new(p, q, &s);
	if (rc != 0) {
		if (s != NULL)
			close_stream(s);
		return rc;
	}
	s->events = EPOLLOUT;
	take_query(s, q);
	*out = s;
	return 0;
}
