// SPDX-License-Identifier: Apache-2.0
// Capabilities belong to threads, and DPDK has started some by now: changing the user through libc
// reaches all of them, and leaving uid 0 empties their capability sets (rel:6.1).
#include "dataplane/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static int user_drop(struct err *err)
{
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) != 0)
		return err_set(err, -errno, "cannot become another user: %s", strerror(errno));
	return 0;
}

// For a process that was never root: at least this thread and those it will start.
static int capabilities_drop(struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return err_set(err, -errno, "capabilities: %s", strerror(errno));
	if (syscall(SYS_capset, &head, none) != 0)
		return err_set(err, -errno, "capabilities: %s", strerror(errno));
	return 0;
}

int privileges_drop(struct err *err)
{
	const struct rlimit memory = {RLIM_INFINITY, RLIM_INFINITY};

	// Buffers that a device reads must stay locked when DPDK's heap grows later on.
	(void)setrlimit(RLIMIT_MEMLOCK, &memory);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "no_new_privs: %s", strerror(errno));
	return geteuid() == 0 ? user_drop(err) : capabilities_drop(err);
}
