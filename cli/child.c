// SPDX-License-Identifier: Apache-2.0
// fork and exec with exactly the descriptors and rights a process needs; back-off of restarts.
#include "cli/child.h"

#include "cli/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 5000,
	LONG_LIFE_MS = 10000, // after that a death is no sign of a loop
	EXIT_NO_EXEC = 126,
};

void child_args_add(struct child_args *a, const char *word)
{
	char *copy = a->n < CHILD_ARGS_MAX ? arena_copy(&a->arena, word, strlen(word) + 1) : NULL;

	if (copy == NULL) {
		a->is_bad = true;
		return;
	}
	a->argv[a->n++] = copy;
}

void child_args_option(struct child_args *a, const char *option, const char *value)
{
	child_args_add(a, option);
	child_args_add(a, value);
}

void child_args_number(struct child_args *a, const char *option, unsigned long value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lu", value);
	child_args_option(a, option, text);
}

void child_args_fd(struct child_args *a, const char *option, int fd)
{
	if (a->n_fds == CHILD_FDS_MAX) {
		a->is_bad = true;
		return;
	}
	a->fds[a->n_fds++] = fd;
	child_args_number(a, option, (unsigned long)fd);
}

void child_args_fini(struct child_args *a)
{
	arena_fini(&a->arena);
	a->n = a->n_fds = 0;
}

// Tries DIR/MIDDLE/burst53-NAME.
static bool try_path(struct child *c, const char *dir, const char *middle)
{
	int n = snprintf(c->path, sizeof(c->path), "%s%s/burst53-%s", dir, middle, c->name);

	return n < (int)sizeof(c->path) && access(c->path, X_OK) == 0;
}

int child_find(struct child *c)
{
	char self[PATH_MAX - 64], neighbour[32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = 0;
		char *slash = strrchr(self, '/');
		if (slash != NULL)
			*slash = 0;
		(void)snprintf(neighbour, sizeof(neighbour), "/../%s", c->name);
		if (try_path(c, self, "") || try_path(c, self, neighbour) ||
			try_path(c, self, "/../control/monitor"))
			return 0;
	}
	if (try_path(c, B53_LIBEXECDIR, ""))
		return 0;
	c->path[0] = 0;
	return -ENOENT;
}

// Without the bounding set no exec gives a capability back, not even to root; without the ambient
// one, none to anybody else.
static int drop_rights(enum child_rights rights)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	if (rights == RIGHTS_ALL)
		return 0;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (rights == RIGHTS_READ_FILES && cap == CAP_DAC_READ_SEARCH)
			continue;
		// EINVAL: not known to this kernel. EPERM: our own are no better.
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM)
			return -errno;
		// What a service manager gave to a user that is not root.
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, cap, 0, 0) != 0 && errno != EINVAL)
			return -errno;
	}
	return 0;
}

// What is kept survives the change of user and exec.
static int keep_right(int capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint32_t bit = 1u << capability; // all that we keep are below 32

	data[0] = (struct __user_cap_data_struct){bit, bit, bit};
	if (syscall(SYS_capset, &head, data) != 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
		return -errno;
	return 0;
}

// Root that may not narrow its bounding set, as in many containers, would get all of it again by
// exec; with no_new_privs it only gets what it has at that moment.
static int give_up(enum child_rights rights)
{
	const uint32_t kept = rights == RIGHTS_READ_FILES ? 1u << CAP_DAC_READ_SEARCH : 0;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return -errno;
	data[0].permitted &= kept;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	return syscall(SYS_capset, &head, data) == 0 ? 0 : -errno;
}

static int change_user(const struct child *c)
{
	// Without the ambient set an exec leaves nothing to a user that is not root; a service's
	// filter may refuse capset().
	if (c->uid == 0)
		return c->rights == RIGHTS_ALL || geteuid() != 0 ? 0 : give_up(c->rights);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
		setresgid(c->gid, c->gid, c->gid) != 0 || setresuid(c->uid, c->uid, c->uid) != 0)
		return -errno;
	return c->rights == RIGHTS_READ_FILES ? keep_right(CAP_DAC_READ_SEARCH) : 0;
}

static int prepare(const struct child *c, const struct child_args *a)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	// A terminal's interrupt goes to the supervisor, which stops us in order.
	if (setpgid(0, 0) != 0)
		return -errno;
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return -errno;
	if (c->runtime_dir != NULL && setenv("RUNTIME_DIRECTORY", c->runtime_dir, 1) != 0)
		return -errno;
	if (c->netns_fd >= 0 && setns(c->netns_fd, CLONE_NEWNET) != 0)
		return -errno;
	// Ours are close-on-exec anyway; what we were started with may not be.
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return -errno;
	for (size_t i = 0; i < a->n_fds; i++) {
		if (fcntl(a->fds[i], F_SETFD, 0) != 0)
			return -errno;
	}
	int rc = drop_rights(c->rights);
	return rc == 0 ? change_user(c) : rc;
}

static _Noreturn void become(const struct child *c, const struct child_args *a)
{
	int rc = prepare(c, a);

	if (rc == 0) {
		(void)execv(c->path, a->argv);
		rc = -errno;
	}
	(void)dprintf(STDERR_FILENO,
		"error supervisor process cannot be started name=%s path=%s: %s\n", c->name,
		c->path, strerror(-rc));
	_exit(EXIT_NO_EXEC);
}

int child_start(struct child *c, const struct child_args *a)
{
	if (a->is_bad)
		return -E2BIG;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(c, a);
	c->pid = pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0) {
		int rc = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		c->pid = 0;
		return rc;
	}
	(void)fcntl(c->pidfd, F_SETFD, FD_CLOEXEC); // it is already; older kernels do not say so
	c->start_ticks = proc_start_ticks(pid);
	c->started_ms = proc_now_ms();
	c->starts++;
	return 0;
}

int child_reap(struct child *c)
{
	int status = 0;

	(void)waitpid(c->pid, &status, 0);
	(void)close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	return status;
}

void child_signal(const struct child *c, int signal)
{
	if (c->pid > 0)
		(void)kill(c->pid, signal);
}

void child_schedule(struct child *c, uint64_t now_ms)
{
	if (now_ms - c->started_ms >= LONG_LIFE_MS)
		c->backoff_ms = 0;
	c->restart_ms = now_ms + c->backoff_ms;
	c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_FIRST_MS : c->backoff_ms * 2;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
}
