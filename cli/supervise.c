// SPDX-License-Identifier: Apache-2.0
// The supervisor's loop: signals, deaths, its socket, and five looks a second at the counters.
#include "cli/supervisor.h"

#include "cli/notify.h"
#include "cli/proc.h"
#include "cli/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	START_TICK_MS = 20,
	START_MS = 60000, // a child that fails sooner, the first time, fails the start
	STOP_MS = 10000, // then SIGKILL; a card's memory is given back page by page
	WORKERS_STOP_MS = 2000, // they take less by themselves, even when one hangs
	EXIT_NO_EXEC = 126,
};

static bool is_used(const struct child *c)
{
	return c->path[0] != 0;
}

// For metrics.
static void note_processes(struct supervisor *s)
{
	static const enum counters_process processes[CHILD_COUNT] = {
		[CHILD_SLOWPATH] = PROCESS_SLOWPATH,
		[CHILD_DATAPLANE] = PROCESS_DATAPLANE,
		[CHILD_CONTROL] = PROCESS_CONTROL,
		[CHILD_MONITOR] = PROCESS_MONITOR};
	struct process_counters *list = s->counters->processes;

	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		counter_set(&list[processes[i]].pid, (uint64_t)s->children[i].pid);
		counter_set(&list[processes[i]].starts, s->children[i].starts);
	}
	counter_set(&list[PROCESS_SUPERVISOR].pid, (uint64_t)getpid());
	counter_set(&list[PROCESS_SUPERVISOR].starts, 1);
}

static void save_state(struct supervisor *s)
{
	char path[PATH_MAX];

	note_processes(s);
	s->state.n_children = 0;
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		const struct child *c = &s->children[i];
		struct state_child *sc = &s->state.children[s->state.n_children];
		if (!is_used(c))
			continue;
		*sc = (struct state_child){.proc = {.pid = c->pid, .start_ticks = c->start_ticks},
			.starts = c->starts};
		(void)snprintf(sc->name, sizeof(sc->name), "%s", c->name);
		s->state.n_children++;
	}
	int rc =
		run_dir_file(&s->dir, "state", path) ? state_write(path, &s->state) : -ENAMETOOLONG;
	if (rc != 0)
		say_warn("state cannot be written reason=\"%s\"", strerror(-rc));
}

static void start_child(struct supervisor *s, enum child_role role)
{
	struct child *c = &s->children[role];
	struct child_args args = {0};

	launch_args(s, role, &args);
	int rc = child_start(c, &args);
	child_args_fini(&args);
	if (rc == 0) {
		say_info("process started name=%s pid=%d starts=%u", c->name, (int)c->pid,
			c->starts);
		return;
	}
	say_error("process cannot be started name=%s reason=\"%s\"", c->name, strerror(-rc));
	c->started_ms = proc_now_ms();
	child_schedule(c, c->started_ms);
}

static void say_end(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		say_warn("process was killed name=%s signal=%d", c->name, WTERMSIG(status));
	else
		say_warn("process ended name=%s code=%d", c->name, WEXITSTATUS(status));
}

// What cannot start at all must not be tried for ever while somebody waits for the prompt. What has
// answered did start.
static bool is_failed_start(const struct supervisor *s, const struct child *c, int status)
{
	return c->starts == 1 && !s->is_answering && WIFEXITED(status) &&
		WEXITSTATUS(status) != 0 && proc_now_ms() - s->started_ms < START_MS;
}

static void forget_workers(struct supervisor *s)
{
	counter_set(&s->counters->dataplane_ready, 0);
	counter_set(&s->counters->link_up, 0);
	s->counters->n_workers = 0;
	// A loop that has not begun is not one that hangs.
	for (unsigned i = 0; i < COUNTERS_WORKERS_MAX; i++)
		counter_set(&s->counters->workers[i].loops, 0);
}

static void forget_threads(struct supervisor *s)
{
	counter_set(&s->counters->n_threads, 0);
	for (unsigned i = 0; i < COUNTERS_THREADS_MAX; i++)
		counter_set(&s->counters->threads[i].loops, 0);
}

// The hugepages that were free when we looked are gone. True: tried again without them.
static bool do_without_hugepages(struct supervisor *s, struct child *c, int status)
{
	bool is_short = WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL;

	if (!is_short || s->pre.is_no_huge || s->o->port_kind == PORT_PCI)
		return false;
	say_warn("not enough free hugepages any more, going on without (slower)");
	s->pre.is_no_huge = true;
	c->starts--; // if this was the first start, so is the next
	c->restart_ms = proc_now_ms();
	return true;
}

static void child_ended(struct supervisor *s, enum child_role role)
{
	struct child *c = &s->children[role];
	int status = child_reap(c);

	say_end(c, status);
	note_processes(s);
	if (role == CHILD_SLOWPATH)
		forget_threads(s);
	if (role == CHILD_MONITOR)
		s->monitor_watch.loops[0] = 0;
	if (role == CHILD_DATAPLANE) {
		forget_workers(s);
		run_dir_clean_dpdk(&s->dir);
		if (do_without_hugepages(s, c, status))
			return;
	}
	if (is_failed_start(s, c, status)) {
		say_error("the start failed name=%s", c->name);
		s->is_stopping = true;
		s->exit_code = 1;
		return;
	}
	child_schedule(c, proc_now_ms());
}

static void start_due(struct supervisor *s)
{
	uint64_t now = proc_now_ms();
	bool is_changed = false;

	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		struct child *c = &s->children[i];
		if (!is_used(c) || c->pid != 0 || c->restart_ms > now)
			continue;
		start_child(s, (enum child_role)i);
		is_changed = true;
	}
	if (is_changed)
		save_state(s);
}

// Says once that questions are answered: to people and to systemd.
static void note_answering(struct supervisor *s)
{
	const struct counters_page *page = s->counters;
	uint64_t ready = s->o->port_kind == PORT_NONE ? counter_get(&page->slowpath.generation)
						      : counter_get(&page->dataplane_ready);

	if (s->is_answering || ready == 0)
		return;
	s->is_answering = true;
	say_info("answering after_ms=%llu", (unsigned long long)(proc_now_ms() - s->started_ms));
	notify_send("READY=1");
}

// Whether a look at the child is due.
static bool is_watched(const struct child *c, const struct watch *w, uint64_t now_ms)
{
	return is_used(c) && c->pid != 0 && now_ms - w->last_ms >= WATCH_TICK_MS;
}

static void replace_hung(const struct child *c, struct watch *w, const char *why)
{
	say_error("%s pid=%d", why, (int)c->pid);
	memset(w->still, 0, sizeof(w->still));
	child_signal(c, SIGKILL);
}

static void look_at_children(struct supervisor *s)
{
	const struct child *dataplane = &s->children[CHILD_DATAPLANE];
	const struct child *slowpath = &s->children[CHILD_SLOWPATH];
	const struct child *monitor = &s->children[CHILD_MONITOR];
	uint64_t now = proc_now_ms();

	if (is_watched(dataplane, &s->watch, now) && watch_is_hung(&s->watch, s->counters, now))
		replace_hung(dataplane, &s->watch, "a worker hangs, the dataplane is replaced");
	if (is_watched(slowpath, &s->slowpath_watch, now) &&
		watch_is_slowpath_hung(&s->slowpath_watch, s->counters, now))
		replace_hung(
			slowpath, &s->slowpath_watch, "a thread hangs, the slow path is replaced");
	if (is_watched(monitor, &s->monitor_watch, now) &&
		watch_is_monitor_hung(&s->monitor_watch, s->beat_fd, now))
		replace_hung(monitor, &s->monitor_watch, "the monitor hangs and is replaced");
}

// k8s:2.13 health: while lame, everything is answered, but /ready says no. A second signal ends
// that.
static void stop_or_drain(struct supervisor *s, unsigned signal)
{
	uint64_t lameduck_ms = s->pre.places.lameduck_ms;

	counter_set(&s->counters->is_stopping, 1);
	notify_send("STOPPING=1");
	if (lameduck_ms == 0 || s->drain_until_ms != 0) {
		say_info("stopping signal=%u", signal);
		s->is_stopping = true;
		return;
	}
	say_info("draining signal=%u lameduck_ms=%llu", signal, (unsigned long long)lameduck_ms);
	s->drain_until_ms = proc_now_ms() + lameduck_ms;
}

static void look_at_clock(struct supervisor *s)
{
	if (s->drain_until_ms != 0 && proc_now_ms() >= s->drain_until_ms)
		s->is_stopping = true;
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGHUP) {
			child_signal(&s->children[CHILD_CONTROL], SIGUSR1);
			continue;
		}
		if (info.ssi_signo == SIGUSR2) {
			say_info("SIGUSR2 does nothing: burst53 reload, or SIGUSR1");
			continue;
		}
		stop_or_drain(s, info.ssi_signo);
	}
}

static void close_gate(struct supervisor *s)
{
	if (s->go_write_fd >= 0) {
		(void)close(s->go_write_fd);
		(void)close(s->go_read_fd);
	}
	s->go_write_fd = s->go_read_fd = -1;
}

// Somebody else may answer for our addresses: until that is known the port stays closed.
static void look_at_probe(struct supervisor *s)
{
	struct err err = {0};

	if (s->pre.probe.sock < 0)
		return;
	if (probe_turn(&s->pre.probe, &err) != 0) {
		say_error("cannot start: %s", err.text);
		s->is_stopping = true;
		s->exit_code = 1;
	} else if (s->pre.probe.sock < 0) {
		(void)!write(s->go_write_fd, "", 1); // a pipe of ours has room for a byte
		close_gate(s);
	}
}

// One descriptor of the loop and what it belongs to.
enum {
	SLOT_SIGNAL,
	SLOT_PROBE,
	SLOT_LISTEN,
	SLOT_PEERS,
	SLOT_CHILDREN = SLOT_PEERS + PEERS_MAX,
	SLOTS = SLOT_CHILDREN + CHILD_COUNT
};

static void fill_slots(const struct supervisor *s, struct pollfd slots[SLOTS])
{
	for (unsigned i = 0; i < SLOTS; i++)
		slots[i] = (struct pollfd){.fd = -1, .events = POLLIN}; // poll skips -1
	slots[SLOT_SIGNAL].fd = s->signal_fd;
	slots[SLOT_PROBE].fd = s->pre.probe.sock;
	slots[SLOT_LISTEN].fd = s->dir.supervisor_fd;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		slots[SLOT_PEERS + i].fd = s->peers[i];
	for (unsigned i = 0; i < CHILD_COUNT; i++)
		slots[SLOT_CHILDREN + i].fd = s->children[i].pidfd;
}

// Until the next look at the counters, the next restart or the next question to the link.
static int wait_ms(const struct supervisor *s)
{
	// Somebody waits for the first answer.
	uint64_t now = proc_now_ms(), wait = s->is_answering ? WATCH_TICK_MS : START_TICK_MS;

	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		const struct child *c = &s->children[i];
		if (!is_used(c) || c->pid != 0)
			continue;
		uint64_t left = c->restart_ms > now ? c->restart_ms - now : 0;
		wait = left < wait ? left : wait;
	}
	return probe_wait_ms(&s->pre.probe, (int)wait);
}

static void turn(struct supervisor *s)
{
	struct pollfd slots[SLOTS];

	fill_slots(s, slots);
	if (poll(slots, SLOTS, wait_ms(s)) < 0 && errno != EINTR)
		say_warn("poll failed reason=\"%s\"", strerror(errno));
	if (slots[SLOT_SIGNAL].revents != 0)
		take_signal(s);
	for (unsigned i = 0; i < CHILD_COUNT; i++) {
		if (slots[SLOT_CHILDREN + i].revents != 0)
			child_ended(s, (enum child_role)i);
	}
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (slots[SLOT_PEERS + i].revents != 0)
			peers_read(s, i);
	}
	if (slots[SLOT_LISTEN].revents != 0)
		peers_accept(s);
	look_at_probe(s);
	note_answering(s);
	look_at_children(s);
	look_at_clock(s);
	notify_watchdog(proc_now_ms());
}

static void end_child(struct child *c)
{
	child_signal(c, SIGTERM);
	child_signal(c, SIGCONT); // a stopped process does not hear it
}

static void stop_child(struct child *c)
{
	struct pollfd pfd = {.fd = c->pidfd, .events = POLLIN};

	if (c->pid == 0)
		return;
	end_child(c);
	if (poll(&pfd, 1, STOP_MS) == 0) {
		say_warn("process does not stop name=%s", c->name);
		child_signal(c, SIGKILL);
	}
	(void)child_reap(c);
}

// Its workers are done long before it has given its memory back.
static void stop_workers(struct supervisor *s)
{
	struct child *c = &s->children[CHILD_DATAPLANE];
	struct pollfd pfd = {.fd = c->pidfd, .events = POLLIN};

	if (c->pid == 0)
		return;
	end_child(c);
	for (unsigned ms = 0;
		ms < WORKERS_STOP_MS && counter_get(&s->counters->dataplane_ready) != 0; ms++) {
		if (poll(&pfd, 1, 1) != 0)
			return;
	}
}

// Whoever changes answers first, then who gives them, then who is asked by them, then who tells of
// them. Each step of the middle leaves nobody waiting: what workers answered the kernel may, and
// once only the slow path has its sockets they end with its last answer.
static void stop_all(struct supervisor *s)
{
	stop_child(&s->children[CHILD_CONTROL]);
	stop_workers(s);
	resources_remove_rule(s);
	stop_child(&s->children[CHILD_DATAPLANE]);
	sockets_close(&s->sockets);
	stop_child(&s->children[CHILD_SLOWPATH]);
	stop_child(&s->children[CHILD_MONITOR]);
}

int supervise(struct supervisor *s)
{
	s->started_ms = proc_now_ms();
	while (!s->is_stopping) {
		start_due(s);
		turn(s);
	}
	close_gate(s); // who waits there would not hear a signal
	stop_all(s);
	return s->exit_code;
}
