// SPDX-License-Identifier: Apache-2.0
// A window of questions under way on two connected sockets. Each has an ID of its own on each
// socket; a new one is sent when its time has come and the window has room.
#include "cli/exchange.h"

#include "cli/exchange_tcp.h"

#include "zones/base/wrbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	WINDOW = 64,
	QUERY_BYTES = DNS_UDP_MIN_BYTES,
	PATIENCE = 150, // questions in a row without a reply: the server is not there
	LATE_NS = 10000000,
	SOCKET_BYTES = 4 << 20,
	DEFAULT_PORT = 53,
};

struct side {
	uint16_t id;
	bool is_done;
	size_t size_bytes;
	uint8_t *reply; // DNS_MSG_MAX_BYTES
};

struct slot {
	const struct question *question; // NULL: free
	struct side sides[2];
	uint64_t deadline_ns;
	unsigned tries_left;
};

struct exchange {
	struct exchange_server servers[2];
	struct exchange_options options;
	int socks[2];
	struct exchange_stream streams[2];
	struct slot slots[WINDOW];
	uint8_t by_id[2][65536]; // slot + 1
	size_t n_busy;
	size_t silent[2]; // questions in a row
	uint64_t next_send_ns;
	uint8_t *replies; // storage of all sides
	exchange_fn *done;
	void *user;
};

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != 0 || n == 0 || n > 65535)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

// Splits address and port: brackets, one colon, or an address alone.
static int split(const char *text, char *host, size_t size_bytes, uint16_t *port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
	const char *start = text[0] == '[' ? text + 1 : text;
	bool is_bare6 = text[0] != '[' && end != NULL && strchr(text, ':') != end;

	*port = DEFAULT_PORT;
	if (text[0] == '[' && (end == NULL || (end[1] != 0 && end[1] != ':')))
		return -EINVAL;
	if (end == NULL || is_bare6)
		end = start + strlen(start);
	size_t len = (size_t)(end - start);
	if (len >= size_bytes)
		return -EINVAL;
	memcpy(host, start, len);
	host[len] = 0;
	end += *end == ']';
	return *end == ':' ? parse_port(end + 1, port) : 0;
}

int exchange_server_parse(const char *text, struct exchange_server *out, struct err *err)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in *in = (void *)&out->address;
	struct sockaddr_in6 *in6 = (void *)&out->address;
	uint16_t port;

	memset(out, 0, sizeof(*out));
	if (split(text, host, sizeof(host), &port) == 0) {
		if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
			in->sin_family = AF_INET;
			in->sin_port = htons(port);
			out->size_bytes = sizeof(*in);
			return 0;
		}
		if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
			in6->sin6_family = AF_INET6;
			in6->sin6_port = htons(port);
			out->size_bytes = sizeof(*in6);
			return 0;
		}
	}
	return err_set(err, -EINVAL, "'%.60s' is no address with an optional port", text);
}

static int open_socket(const struct exchange_server *server)
{
	const struct sockaddr *to = (const void *)&server->address;
	int size = SOCKET_BYTES;
	int sock = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	// The kernel may grant less: a reply that is lost is asked for again.
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (connect(sock, to, server->size_bytes) == 0)
		return sock;
	int rc = -errno;
	(void)close(sock);
	return rc;
}

struct exchange *exchange_new(const struct exchange_server servers[2],
	const struct exchange_options *options, struct err *err)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL || (x->replies = calloc(2 * WINDOW, DNS_MSG_MAX_BYTES)) == NULL) {
		free(x);
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	x->options = *options;
	for (unsigned i = 0; i < 2 * WINDOW; i++)
		x->slots[i / 2].sides[i % 2].reply = x->replies + (size_t)i * DNS_MSG_MAX_BYTES;
	for (unsigned i = 0; i < 2; i++) {
		x->servers[i] = servers[i];
		x->socks[i] = -1;
		x->streams[i] = (struct exchange_stream){.server = &x->servers[i], .sock = -1};
	}
	for (unsigned i = 0; i < 2; i++) {
		x->socks[i] = open_socket(&servers[i]);
		if (x->socks[i] < 0) {
			(void)err_set(err, x->socks[i], "server %c: %s", 'A' + (char)i,
				strerror(-x->socks[i]));
			exchange_free(x);
			return NULL;
		}
	}
	return x;
}

void exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (x->socks[i] >= 0)
			(void)close(x->socks[i]);
		exchange_stream_close(&x->streams[i]);
	}
	free(x->replies);
	free(x);
}

size_t exchange_silent(const struct exchange *x, unsigned which)
{
	return x->silent[which];
}

static bool is_out_of_patience(const struct exchange *x)
{
	return x->silent[0] >= PATIENCE || x->silent[1] >= PATIENCE;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail with this clock
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint16_t random_id(void)
{
	uint16_t id = 0;

	(void)!getrandom(&id, sizeof(id), 0); // without it all IDs are 0, and counted up below
	return id;
}

static size_t build(const struct exchange *x, const struct question *q, uint16_t id, uint8_t *out)
{
	struct wrbuf w = wrbuf_of(out, QUERY_BYTES);
	bool has_opt = x->options.edns_bytes >= 0;

	wrbuf_u16(&w, id);
	wrbuf_u16(&w, HEADER_RD);
	wrbuf_u16(&w, 1);
	wrbuf_u32(&w, 0);
	wrbuf_u16(&w, has_opt);
	wrbuf_bytes(&w, q->name, q->size_bytes);
	wrbuf_u16(&w, q->type);
	wrbuf_u16(&w, RR_CLASS_IN);
	if (has_opt) { // RFC 6891 6.1.2
		wrbuf_u8(&w, 0);
		wrbuf_u16(&w, RR_TYPE_OPT);
		wrbuf_u16(&w, (uint16_t)x->options.edns_bytes);
		wrbuf_u32(&w, 0);
		wrbuf_u16(&w, 0);
	}
	return w.pos;
}

static void send_side(struct exchange *x, const struct slot *slot, unsigned which)
{
	uint8_t msg[QUERY_BYTES];
	size_t size = build(x, slot->question, slot->sides[which].id, msg);

	// What could not be sent is sent again when its time is over.
	(void)!send(x->socks[which], msg, size, MSG_NOSIGNAL);
}

static void begin(struct exchange *x, const struct question *q)
{
	unsigned i = 0;

	while (x->slots[i].question != NULL)
		i++;
	struct slot *slot = &x->slots[i];
	slot->question = q;
	slot->tries_left = x->options.tries - 1;
	slot->deadline_ns = now_ns() + x->options.wait_ms * UINT64_C(1000000);
	x->n_busy++;
	for (unsigned k = 0; k < 2; k++) {
		uint16_t id = random_id();
		while (x->by_id[k][id] != 0)
			id++;
		x->by_id[k][id] = (uint8_t)(i + 1);
		slot->sides[k].id = id;
		slot->sides[k].is_done = false;
		slot->sides[k].size_bytes = 0;
		send_side(x, slot, k);
	}
}

static void finish(struct exchange *x, struct slot *slot)
{
	const struct exchange_replies replies = {
		.msg = {slot->sides[0].reply, slot->sides[1].reply},
		.size_bytes = {slot->sides[0].size_bytes, slot->sides[1].size_bytes}};
	const struct question *q = slot->question;

	for (unsigned k = 0; k < 2; k++)
		x->by_id[k][slot->sides[k].id] = 0;
	for (unsigned k = 0; k < 2; k++)
		x->silent[k] = replies.size_bytes[k] > 0 ? 0 : x->silent[k] + 1;
	x->done(x->user, q, &replies);
	slot->question = NULL;
	x->n_busy--;
}

static void receive(struct exchange *x, unsigned which)
{
	static uint8_t msg[DNS_MSG_MAX_BYTES];

	for (unsigned i = 0; i < 2 * WINDOW; i++) {
		ssize_t n = recv(x->socks[which], msg, sizeof(msg), 0);
		if (n < 0 && errno != ECONNREFUSED)
			return;
		unsigned at = n < 2 ? 0 : x->by_id[which][be16_get(msg)];
		if (at == 0)
			continue;
		struct slot *slot = &x->slots[at - 1];
		struct side *side = &slot->sides[which];
		if (side->is_done)
			continue;
		memcpy(side->reply, msg, (size_t)n);
		side->size_bytes = (size_t)n;
		side->is_done = true;
		if (slot->sides[!which].is_done)
			finish(x, slot);
	}
}

static void expire(struct exchange *x, uint64_t now)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		struct slot *slot = &x->slots[i];
		if (slot->question == NULL || slot->deadline_ns > now)
			continue;
		if (slot->tries_left == 0) {
			finish(x, slot);
			continue;
		}
		slot->tries_left--;
		slot->deadline_ns = now + x->options.wait_ms * UINT64_C(1000000);
		for (unsigned k = 0; k < 2; k++) {
			if (!slot->sides[k].is_done)
				send_side(x, slot, k);
		}
	}
}

// Whether it is time for one more question. What is late is made up for, a little.
static bool is_time(struct exchange *x, uint64_t now)
{
	if (now < x->next_send_ns)
		return false;
	if (x->next_send_ns + LATE_NS < now)
		x->next_send_ns = now - LATE_NS;
	x->next_send_ns += UINT64_C(1000000000) / x->options.qps;
	return true;
}

static int wait_ms(const struct exchange *x, uint64_t now, bool has_more)
{
	uint64_t wait = UINT64_C(20000000); // often enough for deadlines

	if (has_more && x->n_busy < WINDOW && x->next_send_ns - now < wait)
		wait = x->next_send_ns > now ? x->next_send_ns - now : 0;
	return (int)((wait + 999999) / 1000000);
}

static int run_udp(struct exchange *x, const struct question *const *questions, size_t n)
{
	size_t next = 0;

	while (next < n || x->n_busy > 0) {
		while (next < n && x->n_busy < WINDOW && is_time(x, now_ns()))
			begin(x, questions[next++]);
		struct pollfd pfds[] = {{.fd = x->socks[0], .events = POLLIN},
			{.fd = x->socks[1], .events = POLLIN}};
		(void)poll(pfds, 2, wait_ms(x, now_ns(), next < n)); // what came is read below
		receive(x, 0);
		receive(x, 1);
		expire(x, now_ns());
		if (is_out_of_patience(x))
			return -ETIMEDOUT;
	}
	return 0;
}

size_t exchange_tcp(struct exchange *x, unsigned which, const struct question *q, uint8_t *out,
	size_t size_bytes)
{
	uint8_t msg[QUERY_BYTES];
	size_t size = build(x, q, random_id(), msg);
	struct wrbuf reply = wrbuf_of(out, size_bytes);

	return exchange_stream_ask(
		&x->streams[which], msg, size, x->options.wait_ms * x->options.tries, &reply);
}

static void pace(struct exchange *x)
{
	for (uint64_t now = now_ns(); !is_time(x, now); now = now_ns()) {
		uint64_t wait = x->next_send_ns - now;
		const struct timespec t = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
		(void)nanosleep(&t, NULL); // interrupted: asked again above
	}
}

static int run_tcp(struct exchange *x, const struct question *const *questions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = &x->slots[0];
		pace(x);
		for (unsigned k = 0; k < 2; k++) {
			struct side *side = &slot->sides[k];
			side->size_bytes =
				exchange_tcp(x, k, questions[i], side->reply, DNS_MSG_MAX_BYTES);
		}
		slot->question = questions[i];
		x->n_busy++;
		finish(x, slot);
		if (is_out_of_patience(x))
			return -ETIMEDOUT;
	}
	return 0;
}

int exchange_run(struct exchange *x, const struct question *const *questions, size_t n,
	exchange_fn *done, void *user)
{
	x->done = done;
	x->user = user;
	x->next_send_ns = now_ns();
	return x->options.is_tcp ? run_tcp(x, questions, n) : run_udp(x, questions, n);
}
