// SPDX-License-Identifier: Apache-2.0
// What the supervisor owns, and its parts: resources (what outlives the children), launch (their
// command lines), peers (its socket), watch (counters), supervise (the loop).
#pragma once

#include "cli/child.h"
#include "cli/own_net.h"
#include "cli/preflight.h"
#include "cli/run_dir.h"
#include "cli/sockets.h"
#include "cli/state.h"
#include "cli/user.h"
#include "cli/vault.h"

#include "zones/link/counters.h"

#include <stdbool.h>

enum child_role { CHILD_SLOWPATH, CHILD_DATAPLANE, CHILD_CONTROL, CHILD_MONITOR, CHILD_COUNT };

enum { PEERS_MAX = 16 };

// Has each worker's loop moved since the last look?
enum { WATCH_LOOPS_MAX = 32 };

_Static_assert((int)WATCH_LOOPS_MAX >= (int)COUNTERS_WORKERS_MAX, "a place per worker");
_Static_assert((int)WATCH_LOOPS_MAX >= (int)COUNTERS_THREADS_MAX, "a place per thread");

struct watch {
	uint64_t last_ms; // of the last look
	uint64_t loops[WATCH_LOOPS_MAX];
	unsigned still[WATCH_LOOPS_MAX]; // looks without a move
};

struct supervisor {
	const struct run_options *o;
	struct preflight pre;
	struct run_dir dir;
	struct state state;
	struct child children[CHILD_COUNT]; // path empty: not used here
	struct user user; // of all children but the dataplane, which has its own
	struct vault vault;
	struct sockets sockets;
	struct own_net own_net;
	struct address gateways[2]; // given, or of the interface's routes
	size_t n_gateways;
	int counters_fd;
	int counters_ro_fd; // the same, for those who only look
	struct counters_page *counters;
	int punt_dataplane_fd, punt_slowpath_fd;
	int go_read_fd, go_write_fd; // the port opens when there is a byte; -1: it may at once
	int claims[1 + RUN_ADDRESSES_MAX]; // state directory, addresses; -1: none
	int cookie_fd; // secrets of DNS cookies; -1: none
	int signal_fd;
	int peers[PEERS_MAX]; // -1: free
	int capture_peer; // for whom frames are captured; -1: nobody
	int beat_fd; // an eventfd that the monitor adds to in each turn; -1: not made yet
	struct watch watch, slowpath_watch, monitor_watch;
	uint64_t started_ms;
	bool is_answering; // a snapshot is served; said once
	uint64_t drain_until_ms; // lame duck: everything is answered until then; 0: not draining
	bool is_stopping;
	int exit_code;
};

// resources.c: makes everything that outlives a child; 0 or -errno. After either outcome
// resources_remove puts everything back as it was.
[[nodiscard]] int resources_make(struct supervisor *s, struct err *err);
void resources_remove(struct supervisor *s);
// Nobody answers on the port any more: the kernel may.
void resources_remove_rule(struct supervisor *s);

// launch.c: the command line of a child as runtime knowledge stands now; *a must be zeroed and is
// the caller's to fini.
void launch_args(const struct supervisor *s, enum child_role role, struct child_args *a);

// peers.c: accepts, reads and answers on supervisor.sock; never blocks.
void peers_accept(struct supervisor *s);
void peers_read(struct supervisor *s, unsigned peer);
void peers_close(struct supervisor *s);

// watch.c: true when a worker of the dataplane, a thread of the slow path or the monitor hangs, to
// be called every WATCH_TICK_MS. Not only a worker has longer: a thread also reads what a new
// Corefile says, and the monitor prints whole pages.
enum { WATCH_TICK_MS = 200, WATCH_STILL_MAX = 5, WATCH_THREAD_STILL_MAX = 25 };
bool watch_is_hung(struct watch *w, const struct counters_page *page, uint64_t now_ms);
bool watch_is_slowpath_hung(struct watch *w, const struct counters_page *page, uint64_t now_ms);
bool watch_is_monitor_hung(struct watch *w, int beat_fd, uint64_t now_ms);

// supervise.c: serves until SIGTERM or a failed start; returns the exit code.
int supervise(struct supervisor *s);
