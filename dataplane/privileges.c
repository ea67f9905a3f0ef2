// SPDX-License-Identifier: Apache-2.0
// Capabilities belong to threads, and DPDK has started some by now: changing the user through libc
// reaches all of them, and leaving uid 0 empties their capability sets (rel:6.1).
#include "dataplane/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534, DROP_MS = 1000 };

static int user_drop(struct err *err)
{
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return err_set(err, -errno, "cannot become another user: %s", strerror(errno));
	return 0;
}

static int own_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &head, none) == 0 ? 0 : -errno;
}

static _Atomic unsigned n_dropped;

static void on_drop(int signal)
{
	int saved = errno;

	(void)signal;
	if (own_drop() == 0)
		atomic_fetch_add(&n_dropped, 1);
	errno = saved;
}

// Sends the signal to every other thread; returns how many there are, or -errno.
static int signal_others(int signal)
{
	pid_t pid = getpid(), self = gettid();
	DIR *threads = opendir("/proc/self/task");
	int n = 0;

	if (threads == NULL)
		return -errno;
	for (struct dirent *d = readdir(threads); d != NULL; d = readdir(threads)) {
		long id = strtol(d->d_name, NULL, 10);
		if (id > 0 && id != self && syscall(SYS_tgkill, pid, id, signal) == 0)
			n++;
	}
	(void)closedir(threads);
	return n;
}

// For a process that was never root. libc has no call that reaches all threads here, so each of
// DPDK's is interrupted to do it itself.
static int capabilities_drop(struct err *err)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	struct sigaction act = {.sa_handler = on_drop, .sa_flags = SA_RESTART};
	int rc = own_drop();

	if (rc == 0 && sigaction(SIGRTMAX, &act, NULL) != 0)
		rc = -errno;
	int n = rc == 0 ? signal_others(SIGRTMAX) : rc;
	if (n < 0)
		return err_set(err, n, "capabilities: %s", strerror(-n));
	for (unsigned ms = 0; atomic_load(&n_dropped) < (unsigned)n && ms < DROP_MS; ms++)
		(void)nanosleep(&nap, NULL); // a signal only shortens the nap
	if (atomic_load(&n_dropped) < (unsigned)n)
		return err_set(err, -EPERM, "capabilities: a thread keeps its own");
	return 0;
}

// In a container, root often may not: then it stays root in name only.
static bool may_change_user(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;

	return geteuid() == 0 && syscall(SYS_capget, &head, data) == 0 &&
		(data[0].effective & needed) == needed;
}

int privileges_drop(struct err *err)
{
	const struct rlimit memory = {RLIM_INFINITY, RLIM_INFINITY};

	// Buffers that a device reads must stay locked when DPDK's heap grows later on.
	(void)setrlimit(RLIMIT_MEMLOCK, &memory);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "no_new_privs: %s", strerror(errno));
	return may_change_user() ? user_drop(err) : capabilities_drop(err);
}
