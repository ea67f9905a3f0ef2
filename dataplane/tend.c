// SPDX-License-Identifier: Apache-2.0
// Only workers touch the port's queues: frames of this thread go through their rings.
#include "dataplane/tend.h"

#include "dataplane/net/frame.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <time.h>

enum {
	ANNOUNCEMENTS = 3, // RFC 5227 2.3 wants two; one may be lost in a learning switch
	ANNOUNCE_TICKS = 10, // a second apart (RFC 5227 1.1)
	PROBE_TICKS = 5,
	PROBE_SOURCE_PORT = 40053,
};

static void announce_through(const struct tend *t, const struct worker *w)
{
	for (unsigned i = 0; i < t->host->n_addresses; i++) {
		if (t->host->addresses[i].is_shared)
			continue; // the kernel does
		struct rte_mbuf *m = rte_pktmbuf_alloc(t->port->pool);
		if (m == NULL)
			return;
		size_t size = frame_announce(t->host, i, rte_pktmbuf_mtod(m, uint8_t *));
		m->data_len = (uint16_t)size;
		m->pkt_len = (uint32_t)size;
		if (rte_ring_enqueue(w->lane.frames, m) != 0)
			rte_pktmbuf_free(m);
	}
}

// Through every queue: a packet socket whose interface was down fails the next thing sent, which
// shall not be a reply.
static void announce(const struct tend *t)
{
	for (unsigned i = 0; i < t->n_workers; i++)
		announce_through(t, &t->workers[i]);
}

static void tend_link(struct tend *t)
{
	bool is_up = port_is_link_up(t->port);

	counter_set(&t->counters->link_up, is_up);
	if (is_up && !t->is_link_up) {
		t->announcements = ANNOUNCEMENTS;
		t->announce_at = t->ticks;
	}
	t->is_link_up = is_up;
	if (is_up && t->announcements > 0 && t->ticks >= t->announce_at) {
		announce(t);
		t->announcements--;
		t->announce_at = t->ticks + ANNOUNCE_TICKS;
	}
}

static void tend_losses(const struct tend *t)
{
	struct port_losses losses;

	port_losses_read(t->port, &losses);
	counter_set(&t->counters->rx_missed, losses.missed);
	counter_set(&t->counters->rx_nombuf, losses.no_buffer);
	struct port_counters *c = &t->counters->port;
	counter_set(&c->rx_pkts, losses.rx_pkts);
	counter_set(&c->tx_pkts, losses.tx_pkts);
	counter_set(&c->rx_bytes, losses.rx_bytes);
	counter_set(&c->tx_bytes, losses.tx_bytes);
	counter_set(&c->rx_errors, losses.rx_errors);
	counter_set(&c->tx_errors, losses.tx_errors);
	counter_set(&c->buffers, t->port->pool->size);
	counter_set(&c->buffers_free, rte_mempool_avail_count(t->port->pool));
}

// An address and port that the current snapshot serves. False: there is none.
static bool served_find(const struct tend *t, unsigned *address, uint16_t *port)
{
	bool found = false;

	rte_rcu_qsbr_thread_online(t->roots->qsbr, t->reader);
	const struct root *r = atomic_load_explicit(&t->roots->current, memory_order_acquire);
	for (unsigned i = 0; i < r->n_ports && !found; i++) {
		for (unsigned a = 0; a < t->host->n_addresses && !found; a++) {
			*address = a;
			*port = r->ports[i].port;
			(void)root_listener(r, a, *port, &found);
		}
	}
	rte_rcu_qsbr_thread_offline(t->roots->qsbr, t->reader);
	return found;
}

// An address of a network as bytes, with its last byte changed by k where the network has more
// than one.
static void client_of(const struct network *n, unsigned family, unsigned k, uint8_t out[16])
{
	bool is_one = (family == 4 ? n->high_mask >> 32 : n->low_mask) % 256 == 255;

	for (unsigned i = 0; i < 8; i++) {
		out[i] = (uint8_t)(n->high >> (56 - 8 * i));
		out[8 + i] = (uint8_t)(n->low >> (56 - 8 * i));
	}
	if (!is_one)
		out[family == 4 ? 3 : 15] ^= (uint8_t)k;
}

// Who asks: somebody who is answered, and nobody of ours.
static void client_choose(const struct tend *t, unsigned family, uint8_t out[16])
{
	static const uint8_t example4[16] = {192, 0, 2, 1}; // RFC 5737
	static const uint8_t example6[16] = {
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}; // RFC 3849
	const struct networks *n = &t->limits->networks;
	bool is_own = true;

	memcpy(out, family == 4 ? example4 : example6, 16);
	if ((family == 4 ? n->n4 : n->n6) == 0)
		return;
	for (unsigned k = 1; k <= HOST_ADDRESSES_MAX + 1 && is_own; k++) {
		client_of(family == 4 ? &n->v4[0] : &n->v6[0], family, k, out);
		is_own = (family == 4 ? host_find4(t->host, out) : host_find6(t->host, out)) !=
			HOST_NONE;
	}
}

// A query for the root's address, written as a reply the other way round.
static void probe_write(const struct tend *t, unsigned address, uint16_t port, struct rte_mbuf *m)
{
	static const uint8_t query[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
	const struct host_address *own = &t->host->addresses[address];
	size_t address_bytes = own->family == 4 ? 4 : 16;
	uint8_t client[16];
	struct frame f = {.bytes = rte_pktmbuf_mtod(m, uint8_t *),
		.family = own->family,
		.l3 = ETH_BYTES,
		.l4 = (uint16_t)(ETH_BYTES + (own->family == 4 ? IP4_BYTES : IP6_BYTES)),
		.client_port = port,
		.server_port = PROBE_SOURCE_PORT};
	struct eth_header *e = (struct eth_header *)f.bytes;
	uint8_t *addresses = f.bytes + f.l3 + (own->family == 4 ? 12 : 8);

	memcpy(e->dst, (const uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
	memcpy(e->src, t->host->mac, 6);
	e->type = be16_from(own->family == 4 ? ETHER_IP4 : ETHER_IP6);
	memcpy(addresses, own->bytes, address_bytes);
	client_choose(t, own->family, client);
	memcpy(addresses + address_bytes, client, address_bytes);
	memcpy(frame_dns(&f), query, sizeof(query));
	frame_reply(&f, sizeof(query));
	m->data_len = f.size_bytes;
	m->pkt_len = f.size_bytes;
}

static void probe_send(struct tend *t, unsigned worker, unsigned address, uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->port->pool);

	if (m == NULL)
		return;
	probe_write(t, address, port, m);
	t->probed[worker] = counter_get(&t->workers[worker].counters->probes_answered);
	if (rte_ring_sp_enqueue(t->workers[worker].probes, m) != 0)
		rte_pktmbuf_free(m); // it has not taken the last ones: it hangs
}

// Ready: a snapshot is served and every worker answered the last probe.
static void tend_probes(struct tend *t)
{
	bool is_ready = counter_get(&t->counters->dataplane.published) > 0;
	unsigned address = 0;
	uint16_t port = 0;

	for (unsigned i = 0; i < t->n_workers; i++) {
		uint64_t answered = counter_get(&t->workers[i].counters->probes_answered);
		is_ready = is_ready && answered > t->probed[i];
	}
	counter_set(&t->counters->dataplane_ready, is_ready);
	if (!served_find(t, &address, &port))
		return;
	for (unsigned i = 0; i < t->n_workers; i++)
		probe_send(t, i, address, port);
}

void tend_tick(struct tend *t)
{
	atomic_store_explicit(&t->limits->now_s, (uint32_t)time(NULL), memory_order_relaxed);
	tend_link(t);
	tend_losses(t);
	// Somebody waits for the first answer.
	if (t->ticks % PROBE_TICKS == 0 || counter_get(&t->counters->dataplane_ready) == 0)
		tend_probes(t);
	t->ticks++;
}
