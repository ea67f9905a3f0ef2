// SPDX-License-Identifier: Apache-2.0
// Sends mutated queries or mutated frames to a server on the link and counts what comes back. A
// frame that must not be answered (a response, or one that breaks a rule of IP or UDP) and is
// answered all the same is what it looks for; everything it sends is a function of the seed.
//
//   mutate --interface IF --to-mac M --mode messages|frames [--count N] [--rate N] [--seed N]
//
// Prints one JSON object; exit code 0 only when nothing was answered that must not be.
#include "tests/e2e/packet.h"
#include "tests/e2e/verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT_FIRST = 2048,
	PORTS = 60000,
	LENT_FRAMES = PORTS / 2, // more than any queue on the way holds
	FRAME_BYTES = 1600,
	BATCH = 32,
	BUFFER_BYTES = 8 << 20,
	DRAIN_NS = 300000000,
};

struct options {
	const char *interface, *mode;
	uint8_t to_mac[6];
	unsigned long count, rate, seed;
};

struct mutator {
	int sock;
	struct packet_ends ends;
	bool is_frames;
	uint64_t random;
	bool may_answer[65536]; // by source port: the last frame that had it
	uint16_t ids[65536];
	uint64_t lent[65536]; // when another frame's mutated port was this one, or 0
	bool is_fragment; // the last frame made
	uint64_t sent, refused, fragments, replies, wrong, strange;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail with this clock
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// xorshift64*
static uint32_t draw(struct mutator *m, uint32_t below)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (uint32_t)((m->random * 2685821657736338717u) >> 33) % below;
}

// One change; returns the new size.
static size_t change(struct mutator *m, uint8_t *p, size_t size, size_t cap)
{
	static const uint8_t odd[] = {0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xff};
	size_t at = size == 0 ? 0 : draw(m, (uint32_t)size), n = 1 + draw(m, 16);

	if (size == 0 || (draw(m, 8) == 0 && size + n <= cap)) { // insert
		memmove(p + at + n, p + at, size - at);
		for (size_t i = 0; i < n; i++)
			p[at + i] = (uint8_t)draw(m, 256);
		return size + n;
	}
	switch (draw(m, 6)) {
	case 0: // cut the end off
		return at;
	case 1: // take something out
		n = n > size - at ? size - at : n;
		memmove(p + at, p + at + n, size - at - n);
		return size - n;
	case 2: // repeat something
		n = n > size - at ? size - at : n;
		if (size + n > cap)
			return size;
		memmove(p + at + n, p + at, size - at);
		return size + n;
	case 3:
		p[at] = odd[draw(m, sizeof(odd))];
		return size;
	case 4:
		p[at] = (uint8_t)draw(m, 256);
		return size;
	default:
		p[at] ^= (uint8_t)(1u << draw(m, 8));
		return size;
	}
}

static size_t mutate(struct mutator *m, uint8_t *p, size_t size, size_t cap)
{
	for (uint32_t n = 1 + draw(m, 4); n > 0; n--)
		size = change(m, p, size, cap);
	return size;
}

// The reply to a frame with a mutated source port may still come to this one.
static bool is_lent(const struct mutator *m, uint16_t port)
{
	return m->lent[port] != 0 && m->sent + 1 - m->lent[port] < LENT_FRAMES;
}

// A mutated source port is another frame's: it allows a reply there and forbids none.
static void note(struct mutator *m, uint16_t port, const uint8_t *frame, size_t size)
{
	struct verdict_facts v = verdict_of(&m->ends, frame, size);

	m->may_answer[port] = is_lent(m, port);
	m->is_fragment = v.is_fragment;
	if (v.may_answer && v.source_port != port)
		m->lent[v.source_port] = m->sent + 1;
	if (v.may_answer) {
		m->may_answer[v.source_port] = true;
		m->ids[v.source_port] = v.id;
	}
}

static size_t make_frame(struct mutator *m, uint8_t *frame)
{
	uint8_t message[1200];
	uint16_t port = (uint16_t)(PORT_FIRST + m->sent % PORTS);
	const struct packet_udp udp = {
		.family = draw(m, 2) == 0 ? 4 : 6, .source_port = port, .message = message};
	struct packet_udp whole = udp;

	whole.size_bytes = packet_question(draw(m, 1u << 16), message);
	if (!m->is_frames)
		whole.size_bytes = mutate(m, message, whole.size_bytes, sizeof(message));
	size_t size = packet_udp(&m->ends, &whole, frame);
	// The Ethernet header stays: what comes back must find us.
	if (m->is_frames)
		size = 14 + mutate(m, frame + 14, size - 14, FRAME_BYTES - 14);
	note(m, port, frame, size);
	return size;
}

static void take(struct mutator *m, const uint8_t *frame, size_t size)
{
	uint16_t port, id;
	bool is_response;

	if (!packet_reply(&m->ends, frame, size, &port, &id, &is_response))
		return;
	m->replies++;
	m->wrong += !m->may_answer[port];
	m->strange +=
		!is_response || (m->may_answer[port] && !is_lent(m, port) && id != m->ids[port]);
}

static void drain(struct mutator *m)
{
	uint8_t frame[2048];
	ssize_t n;

	while ((n = recv(m->sock, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		take(m, frame, (size_t)n);
}

// False: the queue is full; another frame is made for this one.
static bool send_one(struct mutator *m)
{
	uint8_t frame[FRAME_BYTES];
	size_t size = make_frame(m, frame);

	if (send(m->sock, frame, size, 0) < 0) {
		m->refused++;
		return false;
	}
	m->sent++;
	m->fragments += m->is_fragment;
	return true;
}

static void run(struct mutator *m, const struct options *o)
{
	uint64_t start = now_ns(), pause = 1000000000u / o->rate;

	while (m->sent < o->count) {
		uint64_t due = (now_ns() - start) / pause;
		due = due < o->count ? due : o->count;
		if (due > m->sent + BATCH)
			due = m->sent + BATCH;
		while (m->sent < due && send_one(m))
			continue;
		drain(m);
	}
	for (uint64_t end = now_ns() + DRAIN_NS; now_ns() < end;)
		drain(m);
}

static int open_socket(struct mutator *m, const struct options *o)
{
	struct ifreq r = {0};
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(o->interface)};
	const int size = BUFFER_BYTES, one = 1;

	m->sock = socket(AF_PACKET, SOCK_RAW, 0);
	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", o->interface);
	if (m->sock < 0 || ioctl(m->sock, SIOCGIFHWADDR, &r) != 0)
		return -errno;
	memcpy(m->ends.from_mac, r.ifr_hwaddr.sa_data, 6);
	memcpy(m->ends.to_mac, o->to_mac, 6);
	if (setsockopt(m->sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0 ||
		setsockopt(m->sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
		bind(m->sock, (const struct sockaddr *)&where, sizeof(where)) != 0)
		return -errno;
	return 0;
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a flat list of options
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"interface", required_argument, NULL, 'i'},
		{"to-mac", required_argument, NULL, 'm'}, {"mode", required_argument, NULL, 'o'},
		{"count", required_argument, NULL, 'c'}, {"rate", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 's'}, {0}};
	int key;

	*o = (struct options){.mode = "messages", .count = 100000, .rate = 30000, .seed = 1};
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		uint8_t *a = o->to_mac;
		if (key == '?')
			return -EINVAL;
		if (key == 'm' &&
			sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", a, a + 1, a + 2, a + 3,
				a + 4, a + 5) != 6)
			return -EINVAL;
		if (key == 'i' || key == 'o')
			*(key == 'i' ? &o->interface : &o->mode) = optarg;
		else if (key != 'm')
			*(key == 'c'                 ? &o->count
					: key == 'r' ? &o->rate
						     : &o->seed) = strtoul(optarg, NULL, 10);
	}
	return o->interface == NULL || o->rate == 0 ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	static struct mutator m;
	struct options o;

	if (parse(argc, argv, &o) != 0) {
		(void)fprintf(stderr, "usage: mutate --interface IF --to-mac M [OPTION]...\n");
		return 2;
	}
	m.is_frames = strcmp(o.mode, "frames") == 0;
	m.random = o.seed * 2654435761u + 88172645463325252u;
	packet_addresses(&m.ends);
	int rc = open_socket(&m, &o);
	if (rc != 0) {
		(void)fprintf(stderr, "mutate: %s: %s\n", o.interface, strerror(-rc));
		return 2;
	}
	run(&m, &o);
	(void)printf("{\"sent\": %llu, \"refused\": %llu, \"fragments\": %llu, \"replies\": %llu, "
		     "\"wrong\": %llu, "
		     "\"strange\": %llu}\n",
		(unsigned long long)m.sent, (unsigned long long)m.refused,
		(unsigned long long)m.fragments, (unsigned long long)m.replies,
		(unsigned long long)m.wrong, (unsigned long long)m.strange);
	(void)close(m.sock);
	return m.wrong == 0 && m.strange == 0 ? 0 : 1;
}
