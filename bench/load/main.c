// SPDX-License-Identifier: Apache-2.0
// Asks a server over UDP: so many queries a second whatever comes back, or so many at once. Checks
// every reply and prints one line of JSON: rates, response codes, wrong answers, percentiles. At a
// given rate a query's time counts from the moment it was due, so that a client that fell behind
// does not hide a slow server.
#include "bench/inproc/fail.h"
#include "bench/load/questions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 32,
	IDS = 65536,
	REPLY_BYTES = 1500,
	MOST_US = 1000000,
	CLIENTS_MAX = 64,
	RCODES = 16
};
static const uint64_t lost_ns = 1000000000; // no reply for so long: it is lost

struct client {
	int fd;
	uint16_t next_id;
	uint64_t due_ns[IDS]; // 0: not outstanding
	uint32_t question[IDS];
};

struct load {
	struct questions questions;
	const char *server;
	unsigned port, n_clients, window;
	double rate, seconds;
	struct client clients[CLIENTS_MAX];
	uint64_t start_ns, sent, answered, lost, wrong, foreign, failed_sends;
	size_t outstanding, next_question;
	uint64_t rcodes[RCODES];
	uint32_t *times_us; // how many replies took so many microseconds
	uint64_t most_us;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_clients(struct load *l)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
	const int room_bytes = 4 << 20;

	if (inet_pton(AF_INET, l->server, &to.sin_addr) != 1)
		fail("%s: not an address", l->server);
	l->times_us = calloc(MOST_US + 1, sizeof(*l->times_us));
	if (l->times_us == NULL)
		fail("no memory for times");
	for (unsigned i = 0; i < l->n_clients; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
			fail("socket: %s", strerror(errno));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room_bytes, sizeof(room_bytes));
		l->clients[i].fd = fd;
	}
}

// How many to send now, and with at_ns[i] when each was due.
static unsigned due(const struct load *l, uint64_t now, uint64_t at_ns[BATCH])
{
	uint64_t n;

	if (l->rate > 0) {
		// The first is due at once: else each would be sent when the next one is.
		uint64_t until = 1 + (uint64_t)((double)(now - l->start_ns) * l->rate / 1e9);
		n = until > l->sent ? until - l->sent : 0;
	} else {
		n = l->window > l->outstanding ? l->window - l->outstanding : 0;
	}
	if (n > BATCH)
		n = BATCH;
	for (unsigned i = 0; i < n; i++) {
		bool is_paced = l->rate > 0;
		at_ns[i] = is_paced
			? l->start_ns + (uint64_t)((double)(l->sent + i) * 1e9 / l->rate)
			: now;
	}
	return (unsigned)n;
}

static void send_some(struct load *l, struct client *c, uint64_t now)
{
	uint64_t at_ns[BATCH];
	static uint8_t wires[BATCH][QUESTION_BYTES]; // large
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	uint32_t asked[BATCH];
	unsigned n = due(l, now, at_ns);

	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		size_t number = (l->next_question + i) % l->questions.n;
		const struct question *q = &l->questions.all[number];
		uint16_t id = htons((uint16_t)(c->next_id + i));
		memcpy(wires[i], q->wire, q->size_bytes);
		memcpy(wires[i], &id, sizeof(id));
		asked[i] = (uint32_t)number;
		parts[i] = (struct iovec){wires[i], q->size_bytes};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	int done = sendmmsg(c->fd, messages, n, 0);
	if (done <= 0) {
		l->failed_sends++;
		return;
	}
	for (unsigned i = 0; i < n && i < (unsigned)done; i++) {
		uint16_t id = c->next_id++;
		l->lost += c->due_ns[id] != 0;
		l->outstanding -= c->due_ns[id] != 0;
		c->due_ns[id] = at_ns[i];
		c->question[id] = asked[i];
	}
	l->sent += (unsigned)done;
	l->outstanding += (unsigned)done;
	l->next_question = (l->next_question + (unsigned)done) % l->questions.n;
}

static void take(struct load *l, struct client *c, const uint8_t *reply, size_t size_bytes)
{
	uint16_t id = size_bytes < 12 ? 0 : (uint16_t)(reply[0] << 8 | reply[1]);

	if (size_bytes < 12 || c->due_ns[id] == 0) {
		l->foreign++; // too late, or twice
		return;
	}
	uint64_t now = now_ns();
	uint64_t us = now > c->due_ns[id] ? (now - c->due_ns[id]) / 1000 : 0;
	c->due_ns[id] = 0;
	l->outstanding--;
	l->answered++;
	l->rcodes[reply[3] & 15]++;
	l->wrong += question_check(&l->questions.all[c->question[id]], reply, size_bytes) != 0;
	l->times_us[us < MOST_US ? us : MOST_US]++;
	if (us > l->most_us)
		l->most_us = us;
}

static void receive_some(struct load *l, struct client *c)
{
	static uint8_t replies[BATCH][REPLY_BYTES];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];

	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){replies[i], REPLY_BYTES};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(c->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take(l, c, replies[i], messages[i].msg_len);
}

static void drop_lost(struct load *l, uint64_t now)
{
	for (unsigned i = 0; i < l->n_clients; i++) {
		struct client *c = &l->clients[i];
		for (size_t id = 0; id < IDS; id++) {
			if (c->due_ns[id] == 0 || now < c->due_ns[id] + lost_ns)
				continue;
			c->due_ns[id] = 0;
			l->outstanding--;
			l->lost++;
		}
	}
}

// Sends for the time given, then waits for what is under way.
static void run(struct load *l)
{
	uint64_t end_ns, checked_ns;
	unsigned turn = 0;

	l->start_ns = checked_ns = now_ns();
	end_ns = l->start_ns + (uint64_t)(l->seconds * 1e9);
	for (uint64_t now = l->start_ns;
		now < end_ns || (l->outstanding > 0 && now < end_ns + lost_ns); now = now_ns()) {
		if (now < end_ns)
			send_some(l, &l->clients[turn], now);
		turn = turn + 1 < l->n_clients ? turn + 1 : 0;
		for (unsigned i = 0; i < l->n_clients; i++)
			receive_some(l, &l->clients[i]);
		if (now - checked_ns > lost_ns / 4) {
			drop_lost(l, now);
			checked_ns = now;
		}
	}
	l->lost += l->outstanding;
}

static uint64_t percentile(const struct load *l, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)l->answered);
	uint64_t seen = 0;

	for (size_t us = 0; us <= MOST_US; us++) {
		seen += l->times_us[us];
		if (seen > wanted)
			return us;
	}
	return l->most_us;
}

static void print(const struct load *l)
{
	(void)printf("{\"sent\": %lu, \"answered\": %lu, \"qps\": %.1f, \"lost\": %lu, \"wrong\": "
		     "%lu, \"late\": %lu, ",
		l->sent, l->answered, (double)l->answered / l->seconds, l->lost, l->wrong,
		l->foreign);
	(void)printf("\"noerror\": %lu, \"servfail\": %lu, \"nxdomain\": %lu, \"refused\": %lu, ",
		l->rcodes[0], l->rcodes[2], l->rcodes[3], l->rcodes[5]);
	(void)printf("\"p50_us\": %lu, \"p99_us\": %lu, \"p999_us\": %lu, \"most_us\": %lu}\n",
		percentile(l, 0.5), percentile(l, 0.99), percentile(l, 0.999), l->most_us);
}

static noreturn void usage(void)
{
	(void)fputs("usage: burst53-load --server A --file F --seconds S (--rate Q | --window N)\n"
		    "                    [--port P] [--clients N]\n",
		stderr);
	exit(2);
}

static void arguments(struct load *l, int argc, char **argv, const char **path)
{
	static const struct option options[] = {{"server", 1, NULL, 's'}, {"file", 1, NULL, 'f'},
		{"seconds", 1, NULL, 'l'}, {"rate", 1, NULL, 'r'}, {"window", 1, NULL, 'w'},
		{"port", 1, NULL, 'p'}, {"clients", 1, NULL, 'c'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			l->server = optarg;
			break;
		case 'f':
			*path = optarg;
			break;
		case 'l':
			l->seconds = strtod(optarg, NULL);
			break;
		case 'r':
			l->rate = strtod(optarg, NULL);
			break;
		case 'w':
			l->window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'p':
			l->port = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			l->n_clients = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	if (l->server == NULL || *path == NULL || !(l->seconds > 0) ||
		(l->rate > 0) == (l->window > 0) || l->n_clients == 0 || l->n_clients > CLIENTS_MAX)
		usage();
}

int main(int argc, char **argv)
{
	static struct load l = {.port = 53, .n_clients = 8};
	const char *path = NULL;

	arguments(&l, argc, argv, &path);
	questions_read(&l.questions, path);
	open_clients(&l);
	run(&l);
	print(&l);
	for (unsigned i = 0; i < l.n_clients; i++)
		(void)close(l.clients[i].fd);
	free(l.times_us);
	free(l.questions.all);
	return 0;
}
