// SPDX-License-Identifier: Apache-2.0
// Loops beside worker_run: one without any work, one with the least, one with a clock.
#include "bench/inproc/loops.h"

#include "bench/inproc/drive.h"

#include "dataplane/net/wire.h"
#include "dataplane/worker/burst.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include <string.h>

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

// Adds the time since *last to a stage.
static void lap(uint64_t *cycles, enum drive_stage stage, uint64_t *last)
{
	uint64_t now = rte_rdtsc();

	cycles[stage] += now - *last;
	*last = now;
}

void loop_stages(struct worker *w, uint64_t *cycles)
{
	struct burst *b = w->burst;

	while (!atomic_load_explicit(w->is_stopping, memory_order_relaxed)) {
		uint16_t n = rte_eth_rx_burst(w->port->id, (uint16_t)w->id, b->mbufs, PORT_BURST);
		uint64_t last = rte_rdtsc();
		burst_begin(b, w, atomic_load(&w->roots->current), n);
		burst_frames(w, b);
		lap(cycles, STAGE_FRAMES, &last);
		burst_queries(w, b);
		lap(cycles, STAGE_QUERIES, &last);
		burst_find(b);
		lap(cycles, STAGE_FIND, &last);
		burst_answers(w, b);
		burst_outside(w, b);
		lap(cycles, STAGE_ANSWERS, &last);
		uint16_t sent =
			rte_eth_tx_burst(w->port->id, (uint16_t)w->id, b->tx, (uint16_t)b->n_tx);
		rte_pktmbuf_free_bulk(b->tx + sent, b->n_tx - sent);
		lap(cycles, STAGE_SEND, &last);
	}
}
