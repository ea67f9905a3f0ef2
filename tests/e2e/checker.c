// SPDX-License-Identifier: Apache-2.0
// A DNS client that knows the right answers: sends questions at a steady rate from several source
// ports and counts what is lost or wrong. Prints one JSON object; exit code 0 only when nothing
// was.
//
//   checker [--server A] [--port N] [--rate N] [--seconds N] [--timeout-ms N] FILE
//   checker ... --storm NAME
//
// FILE has lines `NAME TYPE RCODE [RDATA]...`; the answer must be exactly that set, in any order.
// With --storm the data tell the generation they belong to (judge.h): every reply must be of one
// generation, and none older than the newest seen before its question was sent.
#include "tests/e2e/judge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 8, IDS = 65536, REPLY_BYTES = 4096, DRAIN_MS = 200 };

struct pending {
	uint64_t sent_ns; // 0: none
	uint32_t floor; // newest generation seen when it was sent
	uint32_t question;
};

struct checker {
	struct judge judge;
	int socks[SOCKETS];
	struct pending pending[SOCKETS][IDS];
	uint16_t next_id[SOCKETS];
	uint64_t sent, right, wrong, lost, stray;
	uint64_t timeout_ns, last_good_ns, longest_gap_ns, longest_rtt_ns;
	char first_wrong[512];
};

struct options {
	const char *server, *file, *storm;
	unsigned long port, rate, seconds, timeout_ms;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail with this clock
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int connect_all(struct checker *c, const struct options *o)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)o->port)};
	bool is_4 = inet_pton(AF_INET, o->server, &in4.sin_addr) == 1;

	if (!is_4 && inet_pton(AF_INET6, o->server, &in6.sin6_addr) != 1)
		return -EINVAL;
	for (unsigned i = 0; i < SOCKETS; i++) {
		c->socks[i] = socket(is_4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		const void *sa = is_4 ? (const void *)&in4 : (const void *)&in6;
		socklen_t size = is_4 ? sizeof(in4) : sizeof(in6);
		if (c->socks[i] < 0 || connect(c->socks[i], sa, size) != 0)
			return -errno;
	}
	return 0;
}

static void settle(struct checker *c, struct pending *p, bool is_lost)
{
	c->lost += is_lost;
	p->sent_ns = 0;
}

static void send_one(struct checker *c, uint64_t now)
{
	unsigned s = (unsigned)(c->sent % SOCKETS);
	uint16_t id = c->next_id[s]++;
	struct pending *p = &c->pending[s][id];
	uint8_t msg[512];

	if (p->sent_ns != 0)
		settle(c, p, true); // 65,536 questions ago
	uint32_t question = (uint32_t)(c->sent / SOCKETS % c->judge.n);
	size_t size = judge_question(&c->judge, question, id, msg);
	*p = (struct pending){.sent_ns = now, .floor = c->judge.newest, .question = question};
	c->sent++;
	// What cannot be sent (the server's host refuses it) is lost, and shows as such.
	(void)!send(c->socks[s], msg, size, 0);
}

static void note_right(struct checker *c, uint64_t sent_ns, uint64_t now)
{
	c->right++;
	if (c->last_good_ns != 0 && now - c->last_good_ns > c->longest_gap_ns)
		c->longest_gap_ns = now - c->last_good_ns;
	c->last_good_ns = now;
	if (now - sent_ns > c->longest_rtt_ns)
		c->longest_rtt_ns = now - sent_ns;
}

static void take_reply(struct checker *c, unsigned s, const uint8_t *msg, size_t size, uint64_t now)
{
	struct judge_reply r = {.msg = msg, .size_bytes = size};

	if (size < 12) {
		c->wrong++;
		return;
	}
	struct pending *p = &c->pending[s][(unsigned)msg[0] << 8 | msg[1]];
	if (p->sent_ns == 0) {
		c->stray++; // answered twice
		return;
	}
	uint64_t sent_ns = p->sent_ns;
	bool is_late = now - sent_ns > c->timeout_ns;
	settle(c, p, is_late);
	if (is_late)
		return;
	r.question = p->question;
	r.floor = p->floor;
	if (judge_is_right(&c->judge, &r)) {
		note_right(c, sent_ns, now);
		return;
	}
	if (c->wrong++ == 0)
		(void)snprintf(c->first_wrong, sizeof(c->first_wrong), "%s", r.why);
}

static void receive(struct checker *c, int wait_ms)
{
	struct pollfd pfds[SOCKETS];
	uint8_t msg[REPLY_BYTES];

	for (unsigned i = 0; i < SOCKETS; i++)
		pfds[i] = (struct pollfd){.fd = c->socks[i], .events = POLLIN};
	if (poll(pfds, SOCKETS, wait_ms) <= 0)
		return;
	for (unsigned i = 0; i < SOCKETS; i++) {
		ssize_t n = pfds[i].revents == 0 ? 0 : recv(c->socks[i], msg, sizeof(msg), 0);
		while (n > 0) {
			take_reply(c, i, msg, (size_t)n, now_ns());
			n = recv(c->socks[i], msg, sizeof(msg), 0);
		}
	}
}

static void run(struct checker *c, const struct options *o)
{
	uint64_t start = now_ns(), interval = 1000000000u / o->rate;
	uint64_t end = start + o->seconds * 1000000000u, next = start;

	c->last_good_ns = start;
	while (now_ns() < end) {
		for (uint64_t now = now_ns(); next <= now && next < end; next += interval)
			send_one(c, now);
		receive(c, 1);
	}
	uint64_t stop = now_ns() + c->timeout_ns + DRAIN_MS * 1000000u;
	while (now_ns() < stop && c->right + c->wrong + c->lost < c->sent)
		receive(c, 10);
	for (unsigned s = 0; s < SOCKETS; s++) {
		for (unsigned i = 0; i < IDS; i++) {
			if (c->pending[s][i].sent_ns != 0)
				settle(c, &c->pending[s][i], true);
		}
	}
}

static void print_result(const struct checker *c)
{
	(void)printf("{\"sent\": %llu, \"right\": %llu, \"wrong\": %llu, \"lost\": %llu, "
		     "\"stray\": %llu,"
		     " \"longest_gap_ms\": %.1f, \"longest_rtt_ms\": %.1f, \"generations\": %u,"
		     " \"first_wrong\": \"",
		(unsigned long long)c->sent, (unsigned long long)c->right,
		(unsigned long long)c->wrong, (unsigned long long)c->lost,
		(unsigned long long)c->stray, (double)c->longest_gap_ns / 1e6,
		(double)c->longest_rtt_ns / 1e6, c->judge.generations);
	for (const char *p = c->first_wrong; *p != 0; p++)
		(void)putchar(*p == '"' || *p == '\\' || *p < ' ' ? '?' : *p);
	(void)puts("\"}");
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"server", required_argument, NULL, 'a'},
		{"port", required_argument, NULL, 'p'}, {"rate", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"timeout-ms", required_argument, NULL, 't'},
		{"storm", required_argument, NULL, 'g'}, {0}};
	int key;

	*o = (struct options){.server = "198.18.0.53",
		.port = 53,
		.rate = 2000,
		.seconds = 10,
		.timeout_ms = 1000};
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		unsigned long *number = key == 'p' ? &o->port
			: key == 'r'               ? &o->rate
			: key == 's'               ? &o->seconds
						   : &o->timeout_ms;
		if (key == '?')
			return -EINVAL;
		if (key == 'a')
			o->server = optarg;
		else if (key == 'g')
			o->storm = optarg;
		else
			*number = strtoul(optarg, NULL, 10);
	}
	o->file = argv[optind];
	return (o->file == NULL) == (o->storm == NULL) || o->rate == 0 ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	static struct checker c;
	struct options o;

	if (parse(argc, argv, &o) != 0) {
		(void)fprintf(stderr, "usage: checker [OPTION]... FILE | --storm NAME\n");
		return 2;
	}
	int rc = o.storm != NULL ? judge_storm(&c.judge, o.storm) : judge_load(&c.judge, o.file);
	if (rc == 0)
		rc = connect_all(&c, &o);
	if (rc != 0) {
		(void)fprintf(stderr, "checker: %s\n", strerror(-rc));
		return 2;
	}
	c.timeout_ns = o.timeout_ms * 1000000u;
	run(&c, &o);
	print_result(&c);
	judge_fini(&c.judge);
	return c.wrong == 0 && c.lost == 0 && c.right > 0 ? 0 : 1;
}
