// SPDX-License-Identifier: Apache-2.0
// Sets the workers up around the null driver, as the dataplane's main does.
#include "bench/inproc/drive.h"

#include "bench/inproc/fail.h"
#include "bench/inproc/loops.h"
#include "bench/inproc/outside.h"

#include "dataplane/port/eal.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

enum {
	POLL_US = 500,
	VERIFY_BURST = PORT_BURST,
	AHEAD = 16,
	CACHE_ENTRIES = 1 << 16,
	CACHE_BYTES = 64 << 20
};

// The generator: the port's buffers become queries. What it reads shall not push the image out of
// the caches, as a network card would not.
static uint16_t fill(
	uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n, uint16_t max, void *arg)
{
	struct drive *d = arg;
	struct generator *g = &d->generators[queue];

	(void)port;
	(void)max;
	for (uint16_t i = 0; i < n; i++) {
		const struct query_frame *f = &g->frames[g->next++ & (g->n_frames - 1)];
		for (size_t line = 0; line < sizeof(*f); line += RTE_CACHE_LINE_SIZE)
			rte_prefetch_non_temporal((const uint8_t *)(f + AHEAD) + line);
		memcpy(rte_pktmbuf_mtod(mbufs[i], void *), f->bytes, sizeof(f->bytes));
		mbufs[i]->data_len = f->size_bytes;
		mbufs[i]->pkt_len = f->size_bytes;
	}
	if (g->left <= n)
		atomic_store_explicit(&d->is_stopping, true, memory_order_relaxed);
	g->left -= RTE_MIN(g->left, (uint64_t)n);
	return n;
}

static void host_fill(struct drive *d)
{
	d->host.n_addresses = 1;
	d->host.addresses[0] =
		(struct host_address){.family = 4, .prefix_len = 24, .bytes = {198, 18, 0, 53}};
	memcpy(d->host.mac, d->port.mac, sizeof(d->host.mac));
	host_index(&d->host);
}

// Everything on: cookies, and a limit for clients outside the cluster's networks.
static void limits_fill(struct worker_limits *l)
{
	l->outside = OUTSIDE_LIMIT;
	l->rate = (struct rate_options){.per_s = 1000, .burst = 1000, .slip = 2};
	l->cookies.n = 1;
	memset(l->cookies.secret[0], 0x53, sizeof(l->cookies.secret[0]));
	atomic_store(&l->now_s, 1800000000);
	if (!networks_add(&l->networks, 4, (const uint8_t[]){10, 96, 0, 0}, 12) ||
		!networks_add(&l->networks, 4, (const uint8_t[]){10, 244, 0, 0}, 16))
		fail("no room for networks");
}

static void worker_make(struct drive *d, unsigned i)
{
	struct worker *w = &d->workers[i];

	*w = (struct worker){.id = i,
		.port = &d->port,
		.host = &d->host,
		.roots = &d->roots,
		.limits = &d->limits,
		.cache = d->cache,
		.has_slowpath = true,
		.idle = WORKER_POLL,
		.counters = &d->counters[i],
		.scopes = &d->scopes[(size_t)i * SCOPES_MAX],
		.is_stopping = &d->is_stopping};
	if (punt_lane_init(&w->lane, i, 0) != 0 || worker_init(w, 0) != 0)
		fail("no memory for a worker");
}

void drive_open(struct drive *d, const struct drive_options *o)
{
	char device[] = "net_null0,size=64,copy=0";
	const struct port_spec spec = {.kind = PORT_EAL, .device = device};
	struct err err = {0};

	memset(d, 0, sizeof(*d)); // too large to be copied from a stack frame
	d->o = *o;
	const struct eal_options eal = {.port = &spec,
		.workers = o->workers,
		.is_pinned = true,
		.is_no_huge = o->is_no_huge,
		.memory_mb = o->memory_mb,
		.frame_bytes = 1518,
		.xdp_fd = -1};
	const struct port_options port = {.spec = spec, .queues = o->workers};
	if (eal_start(&eal, &err) != 0 || port_open(&port, 1500, &d->port, &err) != 0)
		fail("%s", err.text);
	host_fill(d);
	limits_fill(&d->limits);
	d->counters = aligned_alloc(64, sizeof(*d->counters) * o->workers);
	d->scopes = aligned_alloc(64, sizeof(*d->scopes) * SCOPES_MAX * o->workers);
	d->table = aligned_alloc(64, sizeof(*d->table));
	if (d->counters == NULL || d->scopes == NULL || d->table == NULL ||
		roots_init(&d->roots, o->workers) != 0)
		fail("no memory for counters");
	d->cache = outside_cache_new(&(struct outside_cache_options){.qsbr = d->roots.qsbr,
		.n_readers = o->workers,
		.max_entries = CACHE_ENTRIES,
		.max_bytes = CACHE_BYTES,
		.counters = &d->cache_counters});
	if (d->cache == NULL)
		fail("no memory for a cache");
	memset(d->counters, 0, sizeof(*d->counters) * o->workers);
	memset(d->scopes, 0, sizeof(*d->scopes) * SCOPES_MAX * o->workers);
	memset(d->table, 0, sizeof(*d->table));
	for (unsigned i = 0; i < o->workers; i++)
		worker_make(d, i);
}

void drive_close(struct drive *d)
{
	port_close(&d->port);
	for (unsigned i = 0; i < d->o.workers; i++) {
		worker_fini(&d->workers[i]);
		punt_lane_fini(&d->workers[i].lane);
	}
	outside_cache_free(d->cache);
	roots_fini(&d->roots);
	free(d->counters);
	free(d->scopes);
	free(d->table);
	eal_stop();
}

void drive_serve(struct drive *d, const struct names *names)
{
	const struct snapshot snapshot = {.base = &names->image};
	struct root_addresses addresses = {.n = 1};

	addresses.list[0].family = 4;
	memcpy(addresses.list[0].bytes, d->host.addresses[0].bytes, 4);
	// The same secret in every run, so that instruction counts can be compared.
	memset(&d->secret, 0x35, sizeof(d->secret));
	for (unsigned i = 0; i < INDEX_SECRET_BYTES; i++)
		d->secret.bytes[i] = (uint8_t)(i * 167 + 13);
	if (root_init(&d->root, &snapshot, &addresses) != 0 ||
		scope_map_make(&d->root.scopes, &names->image, d->table) != 0 ||
		index_build(&names->image, &d->secret, &d->index) != 0)
		fail("no memory for an index of %u names", names->image.n_names);
	d->root.index.base = d->index;
	outside_fill(d->cache, names->image.policy_hash);
	atomic_store(&d->roots.current, &d->root);
}

void drive_unserve(struct drive *d)
{
	atomic_store(&d->roots.current, NULL); // no worker runs
	scope_map_free(&d->root.scopes);
	index_free(d->index);
}

static void reply_check(const struct query_case *c, const struct rte_mbuf *m)
{
	const uint8_t *dns = rte_pktmbuf_mtod_offset(m, const uint8_t *, 42);
	unsigned rcode = dns[3] & 15;
	unsigned n_an = be16_get(dns + 6);

	if (!(dns[2] & 0x80))
		fail("%s: no reply", c->name);
	if (c->rcode != ANY_COUNT && rcode != c->rcode)
		fail("%s: rcode %u instead of %u", c->name, rcode, c->rcode);
	if (c->n_an != ANY_COUNT && n_an != c->n_an)
		fail("%s: %u answers instead of %u", c->name, n_an, c->n_an);
}

void drive_verify(
	struct drive *d, const struct query_case *c, const struct query_frame *frames, uint32_t n)
{
	struct rte_mbuf *mbufs[VERIFY_BURST], *tx[VERIFY_BURST];

	for (uint32_t i = 0; i + VERIFY_BURST <= n; i += VERIFY_BURST) {
		if (rte_pktmbuf_alloc_bulk(d->port.pool, mbufs, VERIFY_BURST) != 0)
			fail("no buffers");
		for (uint32_t k = 0; k < VERIFY_BURST; k++) {
			const struct query_frame *f = &frames[i + k];
			memcpy(rte_pktmbuf_mtod(mbufs[k], void *), f->bytes, f->size_bytes);
			mbufs[k]->data_len = f->size_bytes;
			mbufs[k]->pkt_len = f->size_bytes;
		}
		uint16_t n_tx = worker_burst(&d->workers[0], &d->root, mbufs, VERIFY_BURST, tx);
		if (n_tx != VERIFY_BURST)
			fail("%s: %u of %u queries answered", c->name, n_tx, VERIFY_BURST);
		for (uint32_t k = 0; k < n_tx; k++)
			reply_check(c, tx[k]);
		rte_pktmbuf_free_bulk(tx, n_tx);
	}
}

// One thread of a run.
struct lane {
	struct worker *worker;
	enum drive_loop loop;
	double cpu_ns, wall_ns;
	struct stage_times stages;
};

static double clock_ns(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int lane_run(void *arg)
{
	struct lane *l = arg;
	double wall = clock_ns(CLOCK_MONOTONIC);
	double cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	CALLGRIND_START_INSTRUMENTATION;
	if (l->loop == LOOP_WORKER)
		(void)worker_run(l->worker);
	else if (l->loop == LOOP_STAGES)
		loop_stages(l->worker, &l->stages);
	else
		loop_plain(l->worker, l->loop == LOOP_SWAP);
	CALLGRIND_STOP_INSTRUMENTATION;
	l->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	l->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
	return 0;
}

// Under callgrind everything happens in this thread, so that only the loop is counted.
static void lanes_run(struct lane *lanes, unsigned n)
{
	if (RUNNING_ON_VALGRIND) {
		(void)lane_run(&lanes[0]);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (rte_eal_remote_launch(lane_run, &lanes[i], eal_worker_lcore(i)) != 0)
			fail("cannot start a worker");
	}
	for (unsigned i = 0; i < n; i++) {
		while (rte_eal_get_lcore_state(eal_worker_lcore(i)) == RUNNING)
			(void)usleep(POLL_US);
		(void)rte_eal_wait_lcore(eal_worker_lcore(i)); // it has ended
	}
}

void drive_run(struct drive *d, enum drive_loop loop, const struct query_frame *frames,
	uint32_t n_frames, uint64_t n, struct drive_result *out)
{
	struct lane lanes[DRIVE_WORKERS_MAX] = {0};
	const struct rte_eth_rxtx_callback *callbacks[DRIVE_WORKERS_MAX];
	unsigned workers = d->o.workers;

	atomic_store(&d->is_stopping, false);
	for (unsigned i = 0; i < workers; i++) {
		d->generators[i] = (struct generator){.frames = frames,
			.n_frames = n_frames,
			.next = i * n_frames / workers,
			.left = n};
		callbacks[i] = rte_eth_add_rx_callback(d->port.id, (uint16_t)i, fill, d);
		if (callbacks[i] == NULL)
			fail("no receive callback");
		lanes[i] = (struct lane){.worker = &d->workers[i], .loop = loop};
	}
	lanes_run(lanes, workers);
	*out = (struct drive_result){0};
	for (unsigned i = 0; i < workers; i++) {
		(void)rte_eth_remove_rx_callback(d->port.id, (uint16_t)i, callbacks[i]);
		out->queries += d->generators[i].next - i * n_frames / workers;
		out->cpu_ns += lanes[i].cpu_ns;
		out->wall_ns = RTE_MAX(out->wall_ns, lanes[i].wall_ns);
		out->stages.queries += lanes[i].stages.queries;
		for (unsigned s = 0; s < STAGE_COUNT; s++)
			out->stages.cycles[s] += lanes[i].stages.cycles[s];
	}
}
