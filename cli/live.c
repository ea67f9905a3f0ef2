// SPDX-License-Identifier: Apache-2.0
// A port's own address cannot be asked from its node: no frame of ours comes back to the port.
// There the dataplane's own queries tell, which go through each worker's loop twice a second.
#include "cli/live.h"

#include "cli/address.h"
#include "cli/proc.h"

#include "zones/base/be.h"
#include "zones/wire/dname.h"
#include "zones/wire/rr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LIVE_MS = 1500, LOOK_MS = 20, TRIES = 3, HEADER_BYTES = 12, QUERY_BYTES = 300 };

// The first worker that has answered nothing since then; n_workers when all have.
static uint32_t silent_worker(const struct counters_page *page, const uint64_t *before, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (counter_get(&page->workers[i].probes_answered) == before[i])
			return i;
	}
	return n;
}

// For the time of the lame duck everything is still answered, but nobody new should be sent here.
static int report_drain(struct err *err)
{
	return err_set(err, -ESHUTDOWN, "it is being taken out of service");
}

static int live_workers(const struct counters_page *page, struct err *err)
{
	const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000L};
	uint32_t n =
		page->n_workers < COUNTERS_WORKERS_MAX ? page->n_workers : COUNTERS_WORKERS_MAX;
	uint64_t before[COUNTERS_WORKERS_MAX], end = proc_now_ms() + LIVE_MS;
	uint32_t silent = 0;

	for (uint32_t i = 0; i < n; i++)
		before[i] = counter_get(&page->workers[i].probes_answered);
	while (n > 0 && proc_now_ms() < end && counter_get(&page->is_stopping) == 0) {
		silent = silent_worker(page, before, n);
		if (silent == n)
			break;
		(void)nanosleep(&nap, NULL); // a signal only shortens the nap
	}
	if (counter_get(&page->is_stopping) != 0)
		return report_drain(err);
	if (n == 0)
		return err_set(err, -ETIMEDOUT, "no worker runs");
	if (silent < n)
		return err_set(err, -ETIMEDOUT, "worker %u does not answer", silent);
	if (counter_get(&page->link_up) == 0)
		return err_set(err, -ETIMEDOUT, "the port has no link");
	return 0;
}

static size_t build_query(const struct ask *a, uint8_t *msg)
{
	size_t name_size = dname_size(a->name, DNS_NAME_MAX_BYTES);
	uint16_t id = 0;

	(void)!getrandom(&id, sizeof(id), 0); // any number will do
	memset(msg, 0, HEADER_BYTES);
	be16_put(msg, id);
	msg[5] = 1;
	memcpy(msg + HEADER_BYTES, a->name, name_size);
	be16_put(msg + HEADER_BYTES + name_size, a->type);
	be16_put(msg + HEADER_BYTES + name_size + 2, RR_CLASS_IN);
	return HEADER_BYTES + name_size + 4;
}

static bool is_at(const struct server_address *place, const struct server_address *to)
{
	return place->port == to->port && place->family == to->family &&
		(address_is_every(place->family, place->bytes) ||
			memcmp(place->bytes, to->bytes, sizeof(to->bytes)) == 0);
}

// An address of this host, for the place of every address.
static struct server_address loopback(const struct server_address *place)
{
	struct server_address to = {.family = place->family, .port = place->port};

	if (to.family == 4)
		memcpy(to.bytes, (const uint8_t[]){127, 0, 0, 1}, 4);
	else
		to.bytes[15] = 1;
	return to;
}

// Where the question's address is served, or, when nobody asked for that very one, another one on
// its port: a block may listen on IPv6 only, or where an interface is. False: nowhere.
static bool find_place(
	const struct state *s, const struct live_question *q, struct server_address *out)
{
	const struct server_address *to = &q->ask->to;

	*out = *to;
	for (size_t i = 0; i < s->n_listens; i++) {
		if (is_at(&s->listens[i], to))
			return true;
	}
	for (size_t i = 0; i < s->n_listens && !q->is_address_given; i++) {
		if (s->listens[i].port != to->port)
			continue;
		*out = address_is_every(s->listens[i].family, s->listens[i].bytes)
			? loopback(&s->listens[i])
			: s->listens[i];
		return true;
	}
	return false;
}

static int connect_to(const struct server_address *to)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
	bool is4 = to->family == 4;

	memcpy(&to4.sin_addr, to->bytes, sizeof(to4.sin_addr));
	memcpy(&to6.sin6_addr, to->bytes, sizeof(to6.sin6_addr));
	int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = is4 ? connect(fd, (const struct sockaddr *)&to4, sizeof(to4))
		     : connect(fd, (const struct sockaddr *)&to6, sizeof(to6));
	if (rc == 0)
		return fd;
	rc = -errno;
	(void)close(fd);
	return rc;
}

// One try: the size of the reply to exactly this question, 0 for none.
static size_t ask_once(int fd, const uint8_t *query, size_t query_bytes, struct ask_reply *reply)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (send(fd, query, query_bytes, 0) < 0 || poll(&pfd, 1, LIVE_MS / TRIES) <= 0)
		return 0;
	ssize_t n = recv(fd, reply->msg, sizeof(reply->msg), 0);
	bool is_ours = n >= (ssize_t)query_bytes && memcmp(reply->msg, query, 2) == 0 &&
		(reply->msg[2] & 0x80) != 0 &&
		memcmp(reply->msg + HEADER_BYTES, query + HEADER_BYTES,
			query_bytes - HEADER_BYTES) == 0;
	return is_ours ? (size_t)n : 0;
}

static int live_ask(const struct state *s, const struct live_question *q, struct ask_reply *reply,
	struct err *err)
{
	uint8_t query[QUERY_BYTES];
	size_t query_bytes = build_query(q->ask, query);
	struct server_address to;
	char text[INET6_ADDRSTRLEN];

	if (!find_place(s, q, &to))
		return err_set(err, -EADDRNOTAVAIL,
			"that address is not served on port %u: `burst53 status` says which are",
			to.port);
	(void)inet_ntop(to.family == 4 ? AF_INET : AF_INET6, to.bytes, text, sizeof(text));
	int fd = connect_to(&to);
	if (fd < 0)
		return err_set(err, fd, "%s: %s", text, strerror(-fd));
	reply->size_bytes = 0;
	for (unsigned i = 0; i < TRIES && reply->size_bytes == 0; i++)
		reply->size_bytes = ask_once(fd, query, query_bytes, reply);
	(void)close(fd);
	if (reply->size_bytes == 0)
		return err_set(err, -ETIMEDOUT, "%s port %u does not answer", text, to.port);
	reply->result.rcode = reply->msg[3] & 15;
	return 0;
}

int live_answer(const struct running *r, const struct live_question *q, struct ask_reply *reply,
	struct err *err)
{
	if (!state_has_child(&r->state, "dataplane")) {
		if (r->counters != NULL && counter_get(&r->counters->is_stopping) != 0)
			return report_drain(err);
		return live_ask(&r->state, q, reply, err);
	}
	if (r->counters == NULL)
		return err_set(err, -ETIMEDOUT, "nobody has the counters");
	return live_workers(r->counters, err);
}
