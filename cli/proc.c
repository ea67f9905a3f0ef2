// SPDX-License-Identifier: Apache-2.0
// Reads /proc; ends processes that a dead supervisor left.
#include "cli/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 10, KILL_WAIT_MS = 1000, START_FIELD = 22 };

uint64_t proc_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail with this clock
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

// What stands in /proc behind a process' name.
struct facts {
	char state;
	uint64_t start_ticks; // 0: there is no such process
};

// proc(5): the command's name may hold spaces and brackets; fields are counted behind the last one.
static struct facts parse_stat(const char *stat)
{
	const char *p = strrchr(stat, ')');

	if (p == NULL || p[1] == 0 || p[2] == 'Z' || p[2] == 'X')
		return (struct facts){0};
	char state = p[2];
	for (int field = 2; field < START_FIELD && p != NULL; field++)
		p = strchr(p + 1, ' ');
	return (struct facts){
		.state = state, .start_ticks = p == NULL ? 0 : strtoull(p + 1, NULL, 10)};
}

static struct facts read_facts(pid_t pid)
{
	char path[32], stat[1024];

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (struct facts){0};
	ssize_t n = read(fd, stat, sizeof(stat) - 1);
	(void)close(fd);
	if (n <= 0)
		return (struct facts){0};
	stat[n] = 0;
	return parse_stat(stat);
}

uint64_t proc_start_ticks(pid_t pid)
{
	return read_facts(pid).start_ticks;
}

enum proc_state proc_state_of(const struct proc *p)
{
	struct facts facts = p->pid > 0 ? read_facts(p->pid) : (struct facts){0};

	if (facts.start_ticks == 0 || facts.start_ticks != p->start_ticks)
		return PROC_GONE;
	return facts.state == 'T' || facts.state == 't' ? PROC_STOPPED : PROC_RUNNING;
}

bool proc_is_alive(const struct proc *p)
{
	return proc_state_of(p) != PROC_GONE;
}

static unsigned signal_all(const struct proc *all, unsigned n, int signal)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!proc_is_alive(&all[i]))
			continue;
		alive++;
		if (signal != 0)
			(void)kill(all[i].pid, signal);
	}
	return alive;
}

static unsigned wait_all(const struct proc *all, unsigned n, unsigned wait_ms)
{
	const struct timespec nap = {.tv_nsec = POLL_MS * 1000000L};
	unsigned alive = signal_all(all, n, 0);

	for (unsigned ms = 0; alive > 0 && ms < wait_ms; ms += POLL_MS) {
		(void)nanosleep(&nap, NULL); // a signal only shortens the nap
		alive = signal_all(all, n, 0);
	}
	return alive;
}

void proc_end_all(const struct proc *all, unsigned n, unsigned wait_ms)
{
	if (signal_all(all, n, SIGTERM) == 0 || wait_all(all, n, wait_ms) == 0)
		return;
	(void)signal_all(all, n, SIGKILL);
	(void)wait_all(all, n, KILL_WAIT_MS);
}
