// SPDX-License-Identifier: Apache-2.0
// Loops beside worker_run: one without any work, one with the least, one with a clock.
#include "bench/inproc/loops.h"

#include "dataplane/net/wire.h"
#include "dataplane/worker/burst.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include <string.h>

// A burst that took longer had lost its CPU: it takes a tenth of this.
enum { DISTURBED_CYCLES = 200000 };

static void swap(struct rte_mbuf *m)
{
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t mac[6];
	uint32_t src, dst, ports;

	memcpy(mac, b, 6);
	memcpy(b, b + 6, 6);
	memcpy(b + 6, mac, 6);
	memcpy(&src, b + ETH_BYTES + 12, 4);
	memcpy(&dst, b + ETH_BYTES + 16, 4);
	memcpy(b + ETH_BYTES + 12, &dst, 4);
	memcpy(b + ETH_BYTES + 16, &src, 4);
	memcpy(&ports, b + ETH_BYTES + IP4_BYTES, 4);
	ports = ports << 16 | ports >> 16;
	memcpy(b + ETH_BYTES + IP4_BYTES, &ports, 4);
}

void loop_plain(struct worker *w, bool is_swapping)
{
	struct rte_mbuf *mbufs[PORT_BURST];

	while (!atomic_load_explicit(w->is_stopping, memory_order_relaxed)) {
		uint16_t n = rte_eth_rx_burst(w->port->id, (uint16_t)w->id, mbufs, PORT_BURST);
		for (uint16_t i = 0; is_swapping && i < n; i++)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], const void *));
		for (uint16_t i = 0; is_swapping && i < n; i++)
			swap(mbufs[i]);
		uint16_t sent = rte_eth_tx_burst(w->port->id, (uint16_t)w->id, mbufs, n);
		rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	}
}

// The time since *last.
static uint64_t lap(uint64_t *last)
{
	uint64_t now = rte_rdtsc(), took = now - *last;

	*last = now;
	return took;
}

static void burst_time(struct worker *w, struct burst *b, uint16_t n, uint64_t *laps)
{
	uint64_t last = rte_rdtsc();

	burst_begin(b, w, atomic_load(&w->roots->current), n);
	burst_frames(w, b);
	laps[STAGE_FRAMES] = lap(&last);
	burst_queries(w, b);
	laps[STAGE_QUERIES] = lap(&last);
	burst_find(w, b);
	laps[STAGE_FIND] = lap(&last);
	burst_answers(w, b);
	burst_outside(w, b);
	laps[STAGE_ANSWERS] = lap(&last);
	uint16_t sent = rte_eth_tx_burst(w->port->id, (uint16_t)w->id, b->tx, (uint16_t)b->n_tx);
	rte_pktmbuf_free_bulk(b->tx + sent, b->n_tx - sent);
	laps[STAGE_SEND] = lap(&last);
}

void loop_stages(struct worker *w, struct stage_times *out)
{
	struct burst *b = w->burst;
	uint64_t laps[STAGE_COUNT];

	while (!atomic_load_explicit(w->is_stopping, memory_order_relaxed)) {
		uint16_t n = rte_eth_rx_burst(w->port->id, (uint16_t)w->id, b->mbufs, PORT_BURST);
		uint64_t all = 0;
		burst_time(w, b, n, laps);
		for (unsigned s = 0; s < STAGE_COUNT; s++)
			all += laps[s];
		if (all > DISTURBED_CYCLES)
			continue;
		for (unsigned s = 0; s < STAGE_COUNT; s++)
			out->cycles[s] += laps[s];
		out->queries += n;
	}
}
