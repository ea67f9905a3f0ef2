// SPDX-License-Identifier: Apache-2.0
// burst53-dataplane: the table of contents. Everything is set up in order, then rights are given
// up, then workers and threads run until SIGTERM.
#include "dataplane/base/log.h"
#include "dataplane/exception/exception.h"
#include "dataplane/exception/punt.h"
#include "dataplane/feed/feed.h"
#include "dataplane/options.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/netif.h"
#include "dataplane/port/xdp.h"
#include "dataplane/privileges.h"
#include "dataplane/tend.h"

#include "zones/base/be.h"
#include "zones/link/publish.h"
#include "zones/sandbox/sandbox.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	STOP_WAIT_MS = 1000,
	LINK_HEADERS_BYTES = 18,
	CACHE_ENTRIES = 1 << 16, // of the workers' outside answers
	CACHE_BYTES = 64 << 20,
};

// Everything of the process, in the order it is made.
struct process {
	struct options o;
	struct port port;
	struct host host;
	struct root_addresses addresses;
	struct counters_page *counters;
	struct roots roots;
	struct worker_limits limits;
	struct layers layers;
	struct feed feed;
	struct worker workers[PUNT_WORKERS_MAX];
	struct outside_cache *cache; // NULL without slow path
	struct punt punt;
	struct exception exception;
	struct tend tend;
	_Atomic bool is_stopping;
};

static struct process process; // zeroed; too large for a stack

static void signals_block(sigset_t *stop)
{
	(void)sigemptyset(stop);
	(void)sigaddset(stop, SIGTERM);
	(void)sigaddset(stop, SIGINT);
	(void)sigprocmask(SIG_BLOCK, stop, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int counters_start(struct process *p, struct err *err)
{
	int fd = p->o.counters_fd >= 0 ? p->o.counters_fd : counters_open();

	p->counters = fd < 0 ? NULL : counters_map(fd);
	if (p->counters == NULL)
		return err_set(err, -errno, "counters: %s", strerror(errno));
	counter_set(&p->counters->dataplane_pid, (uint64_t)getpid());
	counter_set(&p->counters->dataplane_ready, 0);
	counter_set(&p->counters->dataplane.published, 0);
	p->counters->n_workers = p->o.workers;
	return 0;
}

// Groups that the port must let in for neighbour discovery (RFC 4291 2.7.1, RFC 2464 7).
static size_t groups_fill(const struct process *p, uint8_t groups[PORT_GROUPS_MAX][6])
{
	size_t n = 0;

	for (unsigned i = 0; i < p->o.n_addresses; i++) {
		const struct host_address *a = &p->host.addresses[i];
		if (a->family != 6 || a->is_shared)
			continue;
		const uint8_t mac[6] = {0x33, 0x33, 0xff, a->bytes[13], a->bytes[14], a->bytes[15]};
		memcpy(groups[n++], mac, sizeof(mac));
	}
	if (n > 0)
		memcpy(groups[n++], (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
	return n;
}

static void host_fill(struct process *p)
{
	p->host.n_addresses = (uint8_t)p->o.n_addresses;
	p->host.vlan = (uint16_t)p->o.vlan;
	p->addresses.n = p->o.n_addresses;
	for (unsigned i = 0; i < p->o.n_addresses; i++) {
		struct host_address *a = &p->host.addresses[i];
		*a = p->o.addresses[i];
		a->is_shared = port_spec_has_interface(&p->o.port) &&
			netif_has_address(p->o.port.ifname, a->family, a->bytes);
		p->addresses.list[i].family = a->family;
		memcpy(p->addresses.list[i].bytes, a->bytes, sizeof(a->bytes));
	}
}

static int xdp_prepare(const struct process *p, struct err *err)
{
	struct xdp_filter f = {.n_ports = p->o.n_served_ports};

	for (unsigned i = 0; i < f.n_ports; i++)
		f.ports[i] = be16_from(p->o.served_ports[i]).raw;
	if (f.n_ports == 0)
		f.ports[f.n_ports++] = be16_from(ROOT_DNS_PORT).raw;
	for (unsigned i = 0; i < p->host.n_addresses; i++) {
		const struct host_address *a = &p->host.addresses[i];
		f.addresses[i] =
			(struct xdp_address){.family = a->family, .is_shared = a->is_shared};
		memcpy(f.addresses[i].bytes, a->bytes, sizeof(a->bytes));
	}
	f.n_addresses = p->host.n_addresses;
	return xdp_object_make(&f, err);
}

// The supervisor asks the link whether somebody else has our addresses. It closes its end without a
// byte when somebody has, or when it ends.
static int wait_for_go(const struct process *p, struct err *err)
{
	char go;

	if (p->o.go_fd < 0)
		return 0;
	ssize_t n = read(p->o.go_fd, &go, sizeof(go));
	(void)close(p->o.go_fd); // it was for once
	return n == 1 ? 0 : err_set(err, -ECANCELED, "the port is not to be opened");
}

static int port_start(struct process *p, struct err *err)
{
	uint8_t groups[PORT_GROUPS_MAX][6];
	unsigned mtu = p->o.mtu;

	int rc = port_preflight(&p->o.port, &mtu, err);
	if (rc != 0)
		return rc;
	int xdp_fd = p->o.port.kind == PORT_AF_XDP ? xdp_prepare(p, err) : -1;
	if (err->code != 0)
		return err->code;
	const struct eal_options eal = {.port = &p->o.port,
		.xdp_fd = xdp_fd,
		.workers = p->o.workers,
		.is_pinned = p->o.idle != WORKER_SLEEP,
		.is_no_huge = p->o.is_no_huge,
		.memory_mb = p->o.memory_mb,
		.frame_bytes = mtu + LINK_HEADERS_BYTES};
	rc = eal_start(&eal, err);
	if (rc == 0)
		rc = wait_for_go(p, err);
	if (rc != 0)
		return rc;
	struct port_options o = {.spec = p->o.port,
		.queues = p->o.workers,
		.offloads = offload_use(),
		.groups = groups};
	o.n_groups = groups_fill(p, groups);
	rc = port_open(&o, mtu, &p->port, err);
	if (xdp_fd >= 0)
		(void)close(xdp_fd); // loaded
	memcpy(p->host.mac, p->port.mac, sizeof(p->host.mac));
	host_index(&p->host);
	return rc;
}

// A worker sees a part of the clients' queries, and gets that part of the limit.
static uint32_t share(uint32_t n, unsigned workers)
{
	return n == 0 ? 0 : (n + workers - 1) / workers;
}

static int limits_start(struct process *p, struct err *err)
{
	struct worker_limits *l = &p->limits;
	ssize_t n = 0;

	l->outside = p->o.outside;
	l->networks = p->o.networks;
	l->rate = (struct rate_options){.per_s = share(p->o.rate.per_s, p->o.workers),
		.burst = share(p->o.rate.burst, p->o.workers),
		.widths4 = p->o.rate.widths4,
		.widths6 = p->o.rate.widths6,
		.slip = p->o.rate.slip};
	if (p->o.cookie_fd >= 0)
		n = pread(p->o.cookie_fd, l->cookies.secret, sizeof(l->cookies.secret), 0);
	if (n != 0 && n != 16 && n != 32)
		return err_set(err, -EINVAL, "cookie secrets are one or two times 16 bytes");
	l->cookies.n = (unsigned)n / 16;
	return 0;
}

static int workers_start(struct process *p, struct err *err)
{
	int rc = roots_init(&p->roots, p->o.workers + 2); // and main and exception thread

	if (rc == 0 && p->o.punt_fd >= 0) {
		p->cache = outside_cache_new(&(struct outside_cache_options){.qsbr = p->roots.qsbr,
			.n_readers = p->o.workers,
			.max_entries = CACHE_ENTRIES,
			.max_bytes = CACHE_BYTES,
			.counters = &p->counters->outside_cache});
		rc = p->cache == NULL ? -ENOMEM : 0;
	}
	for (unsigned i = 0; i < p->o.workers && rc == 0; i++) {
		struct worker *w = &p->workers[i];
		unsigned socket = rte_lcore_to_socket_id(eal_worker_lcore(i));
		*w = (struct worker){.id = i,
			.port = &p->port,
			.host = &p->host,
			.roots = &p->roots,
			.limits = &p->limits,
			.cache = p->cache,
			.has_slowpath = p->o.punt_fd >= 0,
			.has_exception_ring = p->o.tun_fd >= 0 && p->o.port.ifname[0] == 0,
			.idle = p->o.idle,
			.counters = &p->counters->workers[i],
			.scopes = p->counters->worker_scopes[i],
			.log = {.ring = &p->counters->worker_rings[i]},
			.tap = {.ring = &p->counters->worker_taps[i]},
			.capture = {.ring = &p->counters->captures[i],
				.request = &p->counters->capture},
			.is_stopping = &p->is_stopping};
		rc = punt_lane_init(&w->lane, i, socket);
		if (rc == 0)
			rc = worker_init(w, socket);
		p->punt.lanes[i] = w->lane;
	}
	return rc == 0 ? 0 : err_set(err, rc, "workers: %s", strerror(-rc));
}

static int exception_prepare(struct process *p, struct err *err)
{
	p->exception = (struct exception){.tun_fd = p->o.tun_fd,
		.raw_fd = -1,
		.host = &p->host,
		.roots = &p->roots,
		.reader = p->o.workers + 1,
		.pool = p->port.pool,
		.counters = p->counters,
		.n_lanes = p->o.workers,
		.lanes = p->punt.lanes};
	if (p->o.tun_fd < 0)
		return 0;
	p->host.has_exception = true;
	return exception_open(&p->exception, p->o.port.ifname, err);
}

static int snapshots_start(struct process *p, struct err *err)
{
	struct err refusal = {0};
	const struct layers_counters counters = {
		.snapshots = &p->counters->dataplane, .scopes = &p->counters->worker_table};
	int rc = layers_init(&p->layers, &p->roots, &p->addresses, &counters);

	if (rc != 0)
		return err_set(err, rc, "snapshots: %s", strerror(-rc));
	feed_init(&p->feed, &p->layers, p->o.publish_fd, p->o.peer_uid);
	if (feed_load(&p->feed, p->o.base_fd, p->o.overlay_fd, &refusal) != 0)
		log_line(LOG_LEVEL_WARN, "main", "inherited snapshot refused", "reason=\"%s\"",
			refusal.text);
	return 0;
}

// Control brings what it saved in a moment, or that it has nothing: until then questions wait in
// the port, where SERVFAIL would be wrong a moment later. Without control they are told after a
// while.
static void wait_for_snapshot(const struct process *p)
{
	for (unsigned ms = 0; ms < PUBLISH_FIRST_MS; ms++) {
		if (counter_get(&p->counters->dataplane.published) > 0)
			return;
		rte_delay_us_sleep(1000);
	}
}

static int threads_start(struct process *p, struct err *err)
{
	int rc = 0;

	p->punt.fd = p->o.punt_fd;
	p->punt.host = &p->host;
	p->punt.pool = p->port.pool;
	p->punt.counters = p->counters;
	p->punt.cache = p->cache;
	p->punt.n_lanes = p->o.workers;
	if (rc == 0 && p->o.punt_fd >= 0)
		rc = punt_start(&p->punt);
	if (rc == 0 && p->o.tun_fd >= 0)
		rc = exception_start(&p->exception);
	if (rc == 0)
		rc = feed_start(&p->feed);
	if (rc == 0 && p->o.publish_fd >= 0)
		wait_for_snapshot(p);
	for (unsigned i = 0; i < p->o.workers && rc == 0; i++)
		rc = rte_eal_remote_launch(worker_run, &p->workers[i], eal_worker_lcore(i));
	return rc == 0 ? 0 : err_set(err, rc, "threads: %s", strerror(-rc));
}

static int start(struct process *p, struct err *err)
{
	int rc = counters_start(p, err);

	host_fill(p);
	p->port.id = RTE_MAX_ETHPORTS;
	p->port.group_fd = -1;
	p->port.xdp_fd = -1;
	p->port.vf.fd = -1;
	if (rc == 0)
		rc = port_start(p, err);
	if (rc == 0)
		rc = limits_start(p, err);
	if (rc == 0)
		rc = workers_start(p, err);
	if (rc == 0)
		rc = exception_prepare(p, err);
	if (rc == 0)
		rc = privileges_drop(err);
	if (rc == 0)
		rc = snapshots_start(p, err);
	if (rc == 0)
		rc = threads_start(p, err);
	return rc == 0 ? sandbox_enter(SANDBOX_DATAPLANE, sandbox_manner(), err) : rc;
}

// The exit code.
static int serve(struct process *p, const sigset_t *stop)
{
	const char *loss = NULL;
	const struct timespec tick = {.tv_nsec = TEND_TICK_MS * 1000000L};

	p->tend = (struct tend){.port = &p->port,
		.host = &p->host,
		.roots = &p->roots,
		.reader = p->o.workers,
		.limits = &p->limits,
		.workers = p->workers,
		.n_workers = p->o.workers,
		.counters = p->counters};
	counter_set(&p->counters->tsc_hz, rte_get_tsc_hz());
	log_line(LOG_LEVEL_INFO, "main", "started",
		"workers=%u mtu=%u hugepages=%s generation=%llu", p->o.workers, p->port.mtu,
		p->o.is_no_huge ? "no" : "yes",
		(unsigned long long)counter_get(&p->counters->dataplane.generation));
	while (sigtimedwait(stop, NULL, &tick) < 0 && loss == NULL) {
		tend_tick(&p->tend);
		loss = port_loss(&p->port);
	}
	if (loss != NULL)
		log_line(LOG_LEVEL_ERROR, "main", "cannot go on", "port=%s reason=\"%s\"",
			p->o.port.device, loss);
	return loss == NULL ? 0 : 1;
}

// A worker inside the driver cannot be interrupted: after a while the process ends around it.
static void workers_stop(struct process *p)
{
	atomic_store(&p->is_stopping, true);
	for (unsigned i = 0; i < p->o.workers; i++) {
		unsigned waited_ms = 0;
		while (rte_eal_get_lcore_state(eal_worker_lcore(i)) == RUNNING &&
			waited_ms++ < STOP_WAIT_MS)
			rte_delay_us_sleep(1000);
		if (waited_ms <= STOP_WAIT_MS)
			continue;
		log_line(LOG_LEVEL_WARN, "main", "a worker does not stop", "worker=%u", i);
		_exit(0);
	}
	rte_eal_mp_wait_lcore();
}

static void stop(struct process *p)
{
	workers_stop(p);
	counter_set(&p->counters->dataplane_ready, 0); // the supervisor waits for it
	punt_stop(&p->punt);
	exception_stop(&p->exception);
	feed_stop(&p->feed);
	layers_fini(&p->layers);
	port_close(&p->port);
	for (unsigned i = 0; i < p->o.workers; i++) {
		worker_fini(&p->workers[i]);
		punt_lane_fini(&p->workers[i].lane);
	}
	outside_cache_free(p->cache);
	roots_fini(&p->roots);
	// Before the memory goes back page by page: whoever has no patience for that has read this.
	log_line(LOG_LEVEL_INFO, "main", "stopped", "buffers_missing=%u",
		port_buffers_missing(&p->port));
	eal_stop();
}

int main(int argc, char **argv)
{
	struct process *p = &process;
	struct err err = {0};
	sigset_t stop_signals;

	switch (options_parse(argc, argv, &p->o)) {
	case OPTIONS_PARSED:
		break;
	case OPTIONS_HELP:
		return 0;
	case OPTIONS_WRONG:
	default:
		return 2;
	}
	signals_block(&stop_signals);
	if (start(p, &err) != 0) {
		log_line(LOG_LEVEL_ERROR, "main", "cannot start", "reason=\"%s\"", err.text);
		port_close(&p->port);
		// The supervisor tries again without hugepages, where that is good enough.
		return err.code == -ENOMEM && !p->o.is_no_huge ? EX_TEMPFAIL : 1;
	}
	int rc = serve(p, &stop_signals);
	stop(p);
	return rc;
}
