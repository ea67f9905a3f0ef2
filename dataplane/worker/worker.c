// SPDX-License-Identifier: Apache-2.0
// The loop of a worker.
#include "dataplane/worker/worker.h"

#include "dataplane/worker/burst.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include <errno.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

enum {
	SPINS_BEFORE_SLEEP = 64,
	SLEEP_MIN_NS = 5000,
	SLEEP_MAX_NS = 100000, // DESIGN 4
	ECHO_PER_S = 10000,
	ECHO_BURST = 1000,
	LATENCY_UNIT_US = 250, // CoreDNS' first bucket
	PROBES = 8,
};

static int rate_init(struct worker *w, unsigned socket)
{
	w->rate.options = w->limits->rate;
	w->rate.lines = rte_zmalloc_socket(
		"rate", sizeof(w->rate.lines[0]) * RATE_LINES, RTE_CACHE_LINE_SIZE, (int)socket);
	if (w->rate.lines == NULL)
		return -ENOMEM;
	return getrandom(w->rate.key, sizeof(w->rate.key), 0) == sizeof(w->rate.key) ? 0 : -EIO;
}

int worker_init(struct worker *w, unsigned socket)
{
	char name[32];

	w->burst = rte_zmalloc_socket("burst", sizeof(*w->burst), RTE_CACHE_LINE_SIZE, (int)socket);
	(void)snprintf(name, sizeof(name), "probes-%u", w->id);
	w->probes = rte_ring_create(name, PROBES, (int)socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	uint64_t hz = rte_get_tsc_hz();
	w->cycles_per_ms = hz / 1000;
	w->log.ticks_per_s = hz;
	w->tap.ticks_per_s = hz;
	w->capture.ticks_per_s = hz;
	w->latency_unit_cycles = hz * LATENCY_UNIT_US / 1000000;
	w->echo_cycles = hz / ECHO_PER_S;
	w->echo_full_cycles = w->echo_cycles * ECHO_BURST;
	if (w->burst == NULL || w->probes == NULL)
		return -ENOMEM;
	return w->limits->outside == OUTSIDE_LIMIT ? rate_init(w, socket) : 0;
}

// Probes that it did not come to.
static void probes_free(struct rte_ring *probes)
{
	void *frame = NULL;

	while (probes != NULL && rte_ring_sc_dequeue(probes, &frame) == 0)
		rte_pktmbuf_free(frame);
}

void worker_fini(struct worker *w)
{
	probes_free(w->probes);
	rte_free(w->burst);
	rte_free(w->rate.lines);
	rte_ring_free(w->probes);
	w->burst = NULL;
	w->rate.lines = NULL;
	w->probes = NULL;
}

static void stages(struct worker *w, struct burst *b)
{
	burst_frames(w, b);
	burst_queries(w, b);
	burst_find(w, b);
	burst_answers(w, b);
	burst_outside(w, b);
	burst_punts(w, b);
}

uint16_t worker_burst(struct worker *w, const struct root *root, struct rte_mbuf **frames,
	uint16_t n, struct rte_mbuf **tx)
{
	struct burst *b = w->burst;

	burst_begin(b, w, root, n);
	memcpy(b->mbufs, frames, n * sizeof(frames[0]));
	counter_add(&w->counters->rx_pkts, n);
	stages(w, b);
	memcpy(tx, b->tx, b->n_tx * sizeof(tx[0]));
	return (uint16_t)b->n_tx;
}

// Sends n frames; what does not fit is dropped. Returns how many went out.
static uint16_t send_frames(struct worker *w, struct rte_mbuf **frames, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(w->port->id, (uint16_t)w->id, frames, n);

	counter_add(&w->counters->tx_pkts, sent);
	if (sent < n)
		rte_pktmbuf_free_bulk(frames + sent, n - sent);
	return sent;
}

// A reply that did not leave was no reply: each frame has one verdict. Other replies than DNS come
// first in a burst, so the last n are known.
static void unsend(struct worker *w, unsigned n)
{
	struct worker_counters *c = w->counters;
	unsigned dns = RTE_MIN(w->burst->n_tx - w->burst->n_other, n);

	counter_set(&c->replies_udp, counter_get(&c->replies_udp) - dns);
	counter_set(&c->replies_other, counter_get(&c->replies_other) - (n - dns));
	counter_add(&c->drops[DROP_TX_FULL], n);
}

// A burst's replies leave together.
static void latency_count(const struct worker *w, uint64_t cycles)
{
	const struct burst *b = w->burst;
	unsigned bucket = counters_latency_bucket(cycles, w->latency_unit_cycles);

	for (unsigned i = 0; i < b->n_runs; i++) {
		struct scope_counters *c = &w->scopes[b->runs[i].scope];
		counter_add(&c->latency[bucket], b->runs[i].n);
		counter_add(&c->latency_sum, cycles * b->runs[i].n);
	}
}

static void capture_frames(
	struct worker *w, struct rte_mbuf **frames, unsigned n, enum capture_way way)
{
	for (unsigned i = 0; i < n; i++)
		capture_offer(&w->capture, rte_pktmbuf_mtod(frames[i], const uint8_t *),
			rte_pktmbuf_data_len(frames[i]), way);
}

static unsigned receive(struct worker *w)
{
	struct rte_mbuf *rx[PORT_BURST], *tx[PORT_BURST];
	uint16_t n = rte_eth_rx_burst(w->port->id, (uint16_t)w->id, rx, PORT_BURST);

	if (n == 0)
		return 0;
	uint64_t start = rte_rdtsc();
	bool is_captured = capture_begin(&w->capture, start);
	if (is_captured)
		capture_frames(w, rx, n, CAPTURE_IN);
	// After the burst: a query sent after a publish was acknowledged sees that snapshot.
	const struct root *root = atomic_load_explicit(&w->roots->current, memory_order_acquire);
	uint16_t n_tx = worker_burst(w, root, rx, n, tx);
	if (is_captured)
		capture_frames(w, tx, n_tx, CAPTURE_OUT);
	uint16_t sent = send_frames(w, tx, n_tx);
	if (sent < n_tx)
		unsend(w, n_tx - sent);
	counter_set(&w->counters->generation, root->generation);
	uint64_t cycles = rte_rdtsc() - start;
	counter_add(&w->counters->busy_cycles, cycles);
	latency_count(w, cycles);
	return n;
}

// Frames of others: replies of the slow path, announcements.
static unsigned forward(struct worker *w)
{
	struct rte_mbuf *frames[PORT_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->lane.frames, (void **)frames, PORT_BURST, NULL);

	if (n == 0)
		return 0;
	if (capture_begin(&w->capture, rte_rdtsc()))
		capture_frames(w, frames, n, CAPTURE_OUT);
	counter_add(&w->counters->punt_replies, send_frames(w, frames, (uint16_t)n));
	return n;
}

// A query put into the loop to see whether it answers; nothing of it is counted but that it did.
static void probe(struct worker *w)
{
	static _Thread_local struct worker_counters scratch;
	static _Thread_local struct scope_counters scopes[SCOPES_MAX];
	struct burst *b = w->burst;
	void *frame = NULL;

	if (rte_ring_sc_dequeue(w->probes, &frame) != 0)
		return;
	burst_begin(b, w, atomic_load_explicit(&w->roots->current, memory_order_acquire), 1);
	b->counters = &scratch;
	b->scopes = scopes;
	b->log = NULL;
	b->tap = NULL;
	b->mbufs[0] = frame;
	bool had_slowpath = w->has_slowpath;
	w->has_slowpath = false; // it would be answered to nobody
	uint64_t refused = counter_get(&scratch.drops[DROP_NO_SLOWPATH]);
	stages(w, b);
	w->has_slowpath = had_slowpath;
	if (b->n_tx == 1 || counter_get(&scratch.drops[DROP_NO_SLOWPATH]) > refused)
		counter_add(&w->counters->probes_answered, 1);
	rte_pktmbuf_free_bulk(b->tx, b->n_tx);
}

// Nothing came: how long to stay away, given how often that happened in a row.
static void idle(const struct worker *w, unsigned *empty)
{
	if (w->idle == WORKER_POLL)
		return;
	if (w->idle == WORKER_PAUSE || *empty < SPINS_BEFORE_SLEEP) {
		rte_pause();
		(*empty)++;
		return;
	}
	unsigned slept = (*empty)++ - SPINS_BEFORE_SLEEP;
	unsigned doublings = RTE_MIN(slept, 5u);
	long ns = RTE_MIN((long)SLEEP_MIN_NS << doublings, (long)SLEEP_MAX_NS);
	(void)nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

int worker_run(void *arg)
{
	struct worker *w = arg;
	unsigned empty = 0;
	uint64_t last = rte_rdtsc();

	(void)prctl(PR_SET_TIMERSLACK, 1UL); // else 50 us are added to each sleep
	rte_rcu_qsbr_thread_online(w->roots->qsbr, w->id);
	while (!atomic_load_explicit(w->is_stopping, memory_order_relaxed)) {
		unsigned n = receive(w);
		n += forward(w);
		probe(w);
		rte_rcu_qsbr_quiescent(w->roots->qsbr, w->id);
		counter_add(&w->counters->loops, 1);
		if (n > 0)
			empty = 0;
		else
			idle(w, &empty);
		uint64_t now = rte_rdtsc();
		counter_add(&w->counters->all_cycles, now - last);
		last = now;
	}
	rte_rcu_qsbr_thread_offline(w->roots->qsbr, w->id);
	return 0;
}
