// SPDX-License-Identifier: Apache-2.0
// burst53-slowpath: TCP, kernel sockets, what the workers punt. The main thread takes snapshots and
// signals; the others serve.
#include "slowpath/base/log.h"
#include "slowpath/feed/feed.h"
#include "slowpath/forward/plan.h"
#include "slowpath/options.h"
#include "slowpath/thread.h"

#include "zones/link/publish.h"
#include "zones/sandbox/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	FDS_KEPT =
		256, // for everything that is neither a TCP connection nor a question to upstreams
	FETCHES_MAX = 8192, // questions to upstreams at once; half as many kept connections
	CONNS_MIN = 64,
	FILES_MS = 5000, // between looks at the files that the policy names
	WAIT_MS = 1000,
};

_Static_assert((int)COUNTERS_THREADS_MAX <= (int)ROOTS_READERS_MAX, "a reader per thread");

struct process {
	struct options options;
	struct counters_page *counters;
	struct tcp_limits limits;
	struct cookie_secrets cookies;
	struct loop loop;
	struct watch signals;
	struct roots roots;
	struct feed feed;
	struct timer files;
	_Atomic unsigned n_conns;
	struct thread *threads;
	struct fetcher *fetchers[ROOTS_READERS_MAX];
	unsigned n_threads;
	unsigned max_fetches;
	bool is_stopping;
};

static void on_signal(struct watch *w, uint32_t events)
{
	struct process *p = (struct process *)((char *)w - offsetof(struct process, signals));

	(void)events;
	p->is_stopping = true;
}

// Signals come as events, on the main thread only.
static int signals_start(struct process *p)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -EINVAL;
	p->signals = (struct watch){signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal};
	if (p->signals.fd < 0)
		return -errno;
	return loop_add(&p->loop, &p->signals, EPOLLIN);
}

// As many descriptors as we may have; fewer of them mean fewer connections.
static void limits_fit(struct process *p)
{
	struct rlimit r;
	unsigned wanted = tcp_limits_default.max_conns + FETCHES_MAX + FETCHES_MAX / 2 + FDS_KEPT;

	p->limits = tcp_limits_default;
	p->max_fetches = FETCHES_MAX;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r); // the limit read next tells
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= wanted)
		return;
	unsigned fds = (unsigned)r.rlim_cur;
	p->max_fetches = fds / 8;
	unsigned kept = p->max_fetches + p->max_fetches / 2 + FDS_KEPT;
	p->limits.max_conns = fds < kept + CONNS_MIN ? CONNS_MIN : fds - kept;
	log_line(LOG_WARN, "tcp", "fewer connections than planned", "max=%u", p->limits.max_conns);
}

static unsigned threads_wanted(const struct options *o)
{
	long n = o->threads != 0 ? (long)o->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > COUNTERS_THREADS_MAX ? COUNTERS_THREADS_MAX : (unsigned)n;
}

static struct holder *make_plan(
	void *ctx, const uint8_t *policy, size_t size_bytes, struct holder *old)
{
	const struct process *p = ctx;
	struct outside_counters *counters = p->counters == NULL ? NULL : &p->counters->outside;
	// The holder is a plan's first member.
	struct plan *plan = plan_make(policy, size_bytes, (struct plan *)old, counters);

	return plan == NULL ? NULL : &plan->holder;
}

static void on_files(struct timer *t)
{
	struct process *p = (struct process *)((char *)t - offsetof(struct process, files));

	feed_refresh(&p->feed);
	loop_timer(&p->loop, &p->files, FILES_MS);
}

static int feed_start(struct process *p)
{
	struct err err = {0};
	struct feed_options o = {
		.listen_fd = p->options.publish_fd,
		.peer_uid = p->options.peer_uid,
		.counters = p->counters == NULL ? NULL : &p->counters->slowpath,
		.plan = make_plan,
		.plan_ctx = p,
	};
	int rc = feed_init(&p->feed, &p->loop, &p->roots, &o);

	if (rc != 0)
		return rc;
	p->files.fn = on_files;
	loop_timer(&p->loop, &p->files, FILES_MS);
	// What control sends soon replaces an inherited image that is no good.
	if (feed_load(&p->feed, p->options.base_fd, p->options.overlay_fd, &err) != 0)
		log_line(LOG_WARN, "feed", "inherited snapshot refused", "reason=\"%s\"", err.text);
	return 0;
}

// The secrets that all replicas share, so that each accepts the others' cookies.
static int cookies_read(struct process *p)
{
	ssize_t n = pread(p->options.cookie_fd, p->cookies.secret, sizeof(p->cookies.secret), 0);

	if (n < 0)
		return -errno;
	if (n != 16 && n != 32)
		return -EINVAL;
	p->cookies.n = (unsigned)n / 16;
	return 0;
}

static int threads_start(struct process *p)
{
	struct thread_shared shared = {
		.roots = &p->roots,
		.counters = p->counters,
		.options = &p->options,
		.cookies = &p->cookies,
		.limits = &p->limits,
		.n_conns = &p->n_conns,
		.n_threads = p->n_threads,
		.fetchers = p->fetchers,
		.max_pending = p->max_fetches / p->n_threads,
	};
	int rc = 0;

	p->threads = calloc(p->n_threads, sizeof(*p->threads));
	if (p->threads == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < p->n_threads && rc == 0; i++)
		rc = thread_init(&p->threads[i], i, &shared);
	for (unsigned i = 0; i < p->n_threads && rc == 0; i++)
		rc = thread_start(&p->threads[i], &shared);
	return rc;
}

// Control brings what it saved in a moment, or that it has nothing: until then questions wait in
// the sockets, where SERVFAIL would be wrong a moment later. Without control they are told after a
// while.
static void wait_for_snapshot(struct process *p)
{
	if (p->counters == NULL || p->options.publish_fd < 0)
		return;
	const uint64_t end_ms = p->loop.now_ms + PUBLISH_FIRST_MS;
	while (counter_get(&p->counters->slowpath.generation) == 0 && !p->is_stopping &&
		p->loop.now_ms < end_ms) {
		loop_wait(&p->loop, (int)(end_ms - p->loop.now_ms));
		loop_dispatch(&p->loop);
	}
}

static int process_start(struct process *p)
{
	p->n_threads = threads_wanted(&p->options);
	if (p->options.counters_fd >= 0) {
		p->counters = counters_map(p->options.counters_fd);
		if (p->counters == NULL)
			return -errno;
	}
	limits_fit(p);
	int rc = loop_init(&p->loop);
	if (rc == 0 && p->options.cookie_fd >= 0)
		rc = cookies_read(p);
	if (rc == 0)
		rc = signals_start(p);
	if (rc == 0)
		rc = roots_init(&p->roots, p->n_threads);
	if (rc == 0 && p->counters != NULL) {
		p->roots.table = &p->counters->thread_table;
		counter_set(&p->counters->n_threads, p->n_threads);
	}
	if (rc == 0)
		rc = feed_start(p);
	if (rc == 0)
		wait_for_snapshot(p);
	return rc == 0 ? threads_start(p) : rc;
}

// To the last datagram; once the supervisor has let go of the sockets too, the kernel tells whoever
// asks that nobody is there.
static void leave_sockets(struct process *p)
{
	for (unsigned i = 0; i < p->n_threads; i++)
		thread_finish(&p->threads[i]);
	for (unsigned i = 0; i < p->options.n_udp; i++)
		(void)close(p->options.udp_fds[i]);
}

static void process_stop(struct process *p)
{
	for (unsigned i = 0; p->threads != NULL && i < p->n_threads; i++)
		thread_stop(&p->threads[i]);
	if (p->threads != NULL)
		leave_sockets(p);
	if (p->threads != NULL)
		threads_drain(p->threads, p->n_threads, p->fetchers);
	for (unsigned i = 0; p->threads != NULL && i < p->n_threads; i++)
		thread_fini(&p->threads[i]);
	free(p->threads);
	feed_fini(&p->feed);
	roots_fini(&p->roots);
	(void)close(p->signals.fd);
	loop_fini(&p->loop);
}

int main(int argc, char **argv)
{
	static struct process p;
	struct err err = {0};

	if (options_parse(&p.options, argc, argv) != 0)
		return 2;
	if (p.options.help) {
		options_usage();
		return 0;
	}
	int rc = process_start(&p);
	if (rc == 0)
		rc = sandbox_enter(SANDBOX_SLOWPATH, sandbox_manner(), &err);
	if (rc != 0) {
		log_line(LOG_ERROR, "main", "cannot start", "error=\"%s\"", strerror(-rc));
		return 1;
	}
	log_line(LOG_INFO, "main", "serving", "threads=%u udp=%u tcp=%u", p.n_threads,
		p.options.n_udp, p.options.n_tcp);
	while (!p.is_stopping) {
		loop_wait(&p.loop, WAIT_MS);
		loop_dispatch(&p.loop);
		if (p.counters != NULL)
			counter_set(&p.counters->connections, atomic_load(&p.n_conns));
	}
	process_stop(&p);
	return 0;
}
