// SPDX-License-Identifier: Apache-2.0
// One process that the supervisor starts and restarts.
#pragma once

#include "zones/base/arena.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILD_ARGS_MAX = 352, CHILD_FDS_MAX = 160 };

// A command line in the making; strings live in the arena.
struct child_args {
	struct arena arena;
	char *argv[CHILD_ARGS_MAX + 1];
	size_t n;
	int fds[CHILD_FDS_MAX]; // descriptors the child inherits
	size_t n_fds;
	bool is_bad; // memory was short or something did not fit
};

void child_args_add(struct child_args *a, const char *word);
void child_args_option(struct child_args *a, const char *option, const char *value);
void child_args_number(struct child_args *a, const char *option, unsigned long value);
// An option whose value is a descriptor the child inherits.
void child_args_fd(struct child_args *a, const char *option, int fd);
void child_args_fini(struct child_args *a);

enum child_rights {
	RIGHTS_ALL, // the dataplane drops itself what it does not need
	RIGHTS_READ_FILES, // only CAP_DAC_READ_SEARCH: control reads credentials of other users
	RIGHTS_NONE,
};

struct child {
	const char *name;
	char path[PATH_MAX]; // its program
	enum child_rights rights;
	uid_t uid; // to become; 0: as the supervisor
	gid_t gid;
	const char *runtime_dir; // RUNTIME_DIRECTORY, where libraries put their files; NULL: as is
	int netns_fd; // network namespace to enter, -1 for ours
	pid_t pid; // 0 while it does not run
	int pidfd; // -1 while it does not run
	uint64_t start_ticks; // proc.h
	uint64_t started_ms;
	uint64_t restart_ms; // when to start it again, while it does not run
	unsigned backoff_ms; // before the next restart
	unsigned starts;
};

// Finds the program of a process ("dataplane" -> burst53-dataplane) beside this one, in its
// neighbour folder (a build tree) or in libexecdir. 0 or -ENOENT.
[[nodiscard]] int child_find(struct child *c);

// 0 or -errno; that the program cannot be executed shows as exit code 126.
[[nodiscard]] int child_start(struct child *c, const struct child_args *a);

// What waitid says, after its pidfd became readable: closes the pidfd, pid becomes 0.
// Returns the wait status.
int child_reap(struct child *c);

// Sends a signal, if it runs.
void child_signal(const struct child *c, int signal);

// Sets restart_ms: at once after a long life, later and later after short ones.
void child_schedule(struct child *c, uint64_t now_ms);
