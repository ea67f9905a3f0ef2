// SPDX-License-Identifier: Apache-2.0
// The headers of the frame travel as context, so that nothing is remembered here about a query that
// may never come back.
#include "dataplane/exception/punt.h"

#include "dataplane/net/frame.h"

#include "zones/link/punt.h"

#include <rte_cycles.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum {
	BATCH = 32,
	DNS_HEADER_MIN_BYTES = 12,
	IDLE_MIN_US = 20,
	IDLE_MAX_US = 500,
};

// What comes back as it went.
struct context {
	uint16_t lane;
	uint8_t l3, l4;
	uint8_t headers[ETH_BYTES + VLAN_BYTES + IP6_BYTES + UDP_BYTES];
};

_Static_assert(sizeof(struct context) <= PUNT_CONTEXT_MAX_BYTES, "context fits the message");

struct slot {
	struct punt_msg msg;
	uint8_t dns[PUNT_DNS_MAX_BYTES]; // directly behind msg
};

struct batch {
	struct rte_mbuf *mbufs[BATCH];
	struct mmsghdr heads[BATCH];
	struct iovec iov[BATCH][2];
	struct slot slots[BATCH];
};

int punt_lane_init(struct punt_lane *lane, unsigned i, unsigned socket)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "punts-%u", i);
	lane->queries =
		rte_ring_create(name, PUNT_RING_FRAMES, (int)socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	(void)snprintf(name, sizeof(name), "frames-%u", i);
	lane->frames = rte_ring_create(name, PUNT_RING_FRAMES, (int)socket, RING_F_SC_DEQ);
	(void)snprintf(name, sizeof(name), "exceptions-%u", i);
	lane->exceptions =
		rte_ring_create(name, PUNT_RING_FRAMES, (int)socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return lane->queries == NULL || lane->frames == NULL || lane->exceptions == NULL ? -ENOMEM
											 : 0;
}

// A ring and the frames that nobody came to.
static void ring_free(struct rte_ring *ring)
{
	void *frame = NULL;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &frame) == 0)
		rte_pktmbuf_free(frame);
	rte_ring_free(ring);
}

void punt_lane_fini(struct punt_lane *lane)
{
	ring_free(lane->queries);
	ring_free(lane->frames);
	ring_free(lane->exceptions);
	*lane = (struct punt_lane){0};
}

void punt_query_write(unsigned lane, struct rte_mbuf *m, struct punt_msg *msg)
{
	const struct punt_note *note = punt_note_of(m);
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *addresses = bytes + note->l3 + (note->family == 4 ? 12 : 8);
	size_t address_bytes = note->family == 4 ? 4 : 16;
	struct context c = {.lane = (uint16_t)lane, .l3 = note->l3, .l4 = (uint8_t)note->l4};

	memcpy(c.headers, bytes, (size_t)note->l4 + UDP_BYTES);
	*msg = (struct punt_msg){.magic = PUNT_MAGIC,
		.dns_size = note->dns_bytes,
		.context_size = sizeof(c),
		.family = note->family,
		.client_port = note->client_port,
		.server_port = note->server_port,
		.udp_max_bytes = note->udp_max_bytes,
		.rule = note->rule,
		.generation = note->generation};
	memcpy(msg->client, addresses, address_bytes);
	memcpy(msg->server, addresses + address_bytes, address_bytes);
	memcpy(msg->context, &c, sizeof(c));
}

static bool is_context_right(const struct punt_msg *msg, const struct context *c, unsigned n_lanes)
{
	unsigned ip_bytes = msg->family == 4 ? IP4_BYTES : IP6_BYTES;

	return (msg->family == 4 || msg->family == 6) && msg->context_size == sizeof(*c) &&
		c->lane < n_lanes && (c->l3 == ETH_BYTES || c->l3 == ETH_BYTES + VLAN_BYTES) &&
		c->l4 == c->l3 + ip_bytes;
}

// The slow path is another process: a frame leaves only from an address of ours.
static bool is_from_us(const struct host *h, const struct frame *f)
{
	const uint8_t *own = frame_client(f) + (f->family == 4 ? 4 : 16);

	return (f->family == 4 ? host_find4(h, own) : host_find6(h, own)) != HOST_NONE &&
		memcmp(f->bytes, h->mac, 6) == 0;
}

int punt_reply_write(const struct host *h, unsigned n_lanes, const struct punt_msg *msg,
	size_t size_bytes, struct rte_mbuf *m)
{
	struct context c;

	if (size_bytes < sizeof(*msg) || msg->magic != PUNT_MAGIC ||
		size_bytes != sizeof(*msg) + msg->dns_size || msg->dns_size < DNS_HEADER_MIN_BYTES)
		return -1;
	memcpy(&c, msg->context, sizeof(c));
	if (!is_context_right(msg, &c, n_lanes))
		return -1;
	size_t headers = (size_t)c.l4 + UDP_BYTES;
	if (msg->dns_size > msg->udp_max_bytes || headers + msg->dns_size > rte_pktmbuf_tailroom(m))
		return -1;
	struct frame f = {.bytes = rte_pktmbuf_mtod(m, uint8_t *),
		.family = msg->family,
		.l3 = c.l3,
		.l4 = c.l4,
		.client_port = msg->client_port,
		.server_port = msg->server_port};
	memcpy(f.bytes, c.headers, headers);
	if (!is_from_us(h, &f))
		return -1;
	memcpy(f.bytes + headers, msg + 1, msg->dns_size);
	frame_reply(&f, msg->dns_size);
	m->data_len = f.size_bytes;
	m->pkt_len = f.size_bytes;
	return (int)c.lane;
}

// Sends what one worker queued; returns how many frames there were.
static unsigned send_queries(struct punt *p, unsigned lane, struct batch *b)
{
	unsigned n =
		rte_ring_sc_dequeue_burst(p->lanes[lane].queries, (void **)b->mbufs, BATCH, NULL);

	for (unsigned i = 0; i < n; i++) {
		const struct punt_note *note = punt_note_of(b->mbufs[i]);
		uint8_t *bytes = rte_pktmbuf_mtod(b->mbufs[i], uint8_t *);
		punt_query_write(lane, b->mbufs[i], &b->slots[i].msg);
		b->iov[i][0] = (struct iovec){&b->slots[i].msg, sizeof(b->slots[i].msg)};
		b->iov[i][1] = (struct iovec){bytes + note->l4 + UDP_BYTES, note->dns_bytes};
		b->heads[i].msg_hdr = (struct msghdr){.msg_iov = b->iov[i], .msg_iovlen = 2};
	}
	int sent = n == 0 ? 0 : sendmmsg(p->fd, b->heads, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		sent = 0;
	if ((unsigned)sent < n)
		counter_add(&p->counters->punts_lost, n - (unsigned)sent);
	rte_pktmbuf_free_bulk(b->mbufs, n);
	return n;
}

static void take_reply(struct punt *p, const struct slot *s, size_t size_bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);

	if (m == NULL) {
		counter_add(&p->counters->punt_replies_lost, 1);
		return;
	}
	int lane = punt_reply_write(p->host, p->n_lanes, &s->msg, size_bytes, m);
	if (lane >= 0 && rte_ring_enqueue(p->lanes[lane].frames, m) == 0)
		return;
	counter_add(lane < 0 ? &p->counters->punt_replies_bad : &p->counters->punt_replies_lost, 1);
	rte_pktmbuf_free(m);
}

static bool is_cache_message(const struct slot *s, size_t size_bytes)
{
	return size_bytes >= sizeof(s->msg.magic) && s->msg.magic == PUNT_CACHE_MAGIC;
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void take_message(struct punt *p, const struct slot *s, size_t size_bytes)
{
	if (!is_cache_message(s, size_bytes))
		take_reply(p, s, size_bytes);
	else if (p->cache != NULL)
		outside_cache_put(p->cache, s, size_bytes, monotonic_ms());
}

static unsigned receive_replies(struct punt *p, struct batch *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->iov[i][0] = (struct iovec){&b->slots[i], sizeof(b->slots[i])};
		b->heads[i].msg_hdr = (struct msghdr){.msg_iov = b->iov[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(p->fd, b->heads, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		bool is_cut = (b->heads[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
		take_message(p, &b->slots[i], is_cut ? 0 : b->heads[i].msg_len);
	}
	return n < 0 ? 0 : (unsigned)n;
}

// Workers make no system calls, so nobody wakes this thread for a query: it looks, ever more
// rarely while there is nothing. Replies wake it.
static void rest(struct punt *p, unsigned *idle_us)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};
	struct timespec t = {.tv_nsec = *idle_us * 1000L};

	if (ppoll(&fd, 1, &t, NULL) > 0 && (fd.revents & POLLIN))
		return;
	if (fd.revents != 0) // the other end is gone for now: do not spin on that
		rte_delay_us_sleep(IDLE_MAX_US);
	*idle_us = *idle_us * 2 > IDLE_MAX_US ? IDLE_MAX_US : *idle_us * 2;
}

static void *run(void *arg)
{
	static struct batch batch; // one thread only
	struct punt *p = arg;
	unsigned idle_us = IDLE_MIN_US;

	(void)prctl(PR_SET_TIMERSLACK, 1UL); // else 50 us are added to each rest
	while (!atomic_load_explicit(&p->is_stopping, memory_order_relaxed)) {
		unsigned n = receive_replies(p, &batch);
		for (unsigned i = 0; i < p->n_lanes; i++)
			n += send_queries(p, i, &batch);
		if (n > 0)
			idle_us = IDLE_MIN_US;
		else
			rest(p, &idle_us);
	}
	return NULL;
}

int punt_start(struct punt *p)
{
	int rc = -pthread_create(&p->thread, NULL, run, p);

	p->is_running = rc == 0;
	if (rc == 0)
		(void)pthread_setname_np(p->thread, "punt");
	return rc;
}

void punt_stop(struct punt *p)
{
	if (!p->is_running)
		return;
	atomic_store(&p->is_stopping, true);
	(void)pthread_join(p->thread, NULL);
	p->is_running = false;
}
