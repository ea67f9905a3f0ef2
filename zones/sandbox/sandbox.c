// SPDX-License-Identifier: Apache-2.0
// Makes a libseccomp filter of a role's lists and loads it for all threads.
#include "zones/sandbox/sandbox.h"

#include "zones/sandbox/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTS_MAX = 5 };

// A role's lists, NULL behind the last.
static const int *const role_lists[SANDBOX_ROLE_COUNT][LISTS_MAX] = {
	[SANDBOX_DATAPLANE] = {sandbox_calls_common, sandbox_calls_dataplane},
	[SANDBOX_SLOWPATH] = {sandbox_calls_common, sandbox_calls_network,
		sandbox_calls_read_files},
	[SANDBOX_MONITOR] = {sandbox_calls_common, sandbox_calls_network, sandbox_calls_read_files},
	[SANDBOX_CONTROL] = {sandbox_calls_common, sandbox_calls_network, sandbox_calls_read_files,
		sandbox_calls_write_files},
};

enum sandbox_manner sandbox_manner(void)
{
	const char *text = secure_getenv("BURST53_SANDBOX");

	return text != NULL && strcmp(text, "kill") == 0 ? SANDBOX_KILL : SANDBOX_REFUSE;
}

static bool starts_programs(enum sandbox_role role)
{
	return role == SANDBOX_CONTROL_LOGIN || role == SANDBOX_SUPERVISOR;
}

static bool has_lists(enum sandbox_role role)
{
	return sandbox_has_lists() && !starts_programs(role);
}

// One action for all calls of a list. A call that has its action already keeps it.
static int add_list(scmp_filter_ctx f, uint32_t action, const int *list)
{
	int rc = 0;

	for (; *list != SANDBOX_END && rc == 0; list++) {
		if (*list < 0)
			continue;
		rc = seccomp_rule_add(f, action, *list, 0);
		// EEXIST: it has an action. EACCES: this one is what all others get, too.
		rc = rc == -EEXIST || rc == -EACCES ? 0 : rc;
	}
	return rc;
}

// Memory that can be executed is code that somebody brought along.
static int add_memory(scmp_filter_ctx f)
{
	const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int rc = 0;

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]) && rc == 0; i++) {
		rc = seccomp_rule_add(
			f, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (rc == 0)
			rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), calls[i], 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
	return rc;
}

// Threads, not processes. A filter cannot look into clone3's struct: without it libc takes clone.
static int add_threads(scmp_filter_ctx f)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return rc;
}

// The driver's and netif's own: never a way out to the network.
static int add_local_sockets(scmp_filter_ctx f)
{
	return seccomp_rule_add(
		f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
}

// A descriptor for reading is all that the slow path and the monitor can have.
static int add_opening(scmp_filter_ctx f, enum sandbox_role role)
{
	if (role == SANDBOX_CONTROL) {
		int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 0);
		return rc == 0 ? seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 0) : rc;
	}
	int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (rc == 0)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	return rc;
}

static int add_allowed(scmp_filter_ctx f, enum sandbox_role role)
{
	int rc = add_memory(f);

	if (rc == 0)
		rc = add_threads(f);
	if (rc == 0 && role == SANDBOX_DATAPLANE)
		rc = add_local_sockets(f);
	else if (rc == 0)
		rc = add_opening(f, role);
	for (unsigned i = 0; i < LISTS_MAX && role_lists[role][i] != NULL && rc == 0; i++)
		rc = add_list(f, SCMP_ACT_ALLOW, role_lists[role][i]);
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ERRNO(EACCES), sandbox_calls_refused);
	if (rc == 0 && role == SANDBOX_DATAPLANE)
		rc = add_list(f, SCMP_ACT_ERRNO(EACCES), sandbox_calls_files);
	return rc;
}

static int add_intruder(scmp_filter_ctx f, enum sandbox_role role)
{
	int rc = add_list(f, SCMP_ACT_KILL_PROCESS, sandbox_calls_intruder);

	if (rc == 0 && role != SANDBOX_SUPERVISOR)
		rc = add_list(f, SCMP_ACT_KILL_PROCESS, sandbox_calls_rights);
	if (rc == 0 && !starts_programs(role))
		rc = add_list(f, SCMP_ACT_KILL_PROCESS, sandbox_calls_exec);
	if (rc == 0 && has_lists(role))
		rc = add_list(f, SCMP_ACT_KILL_PROCESS, sandbox_calls_attach);
	return rc;
}

static int load(enum sandbox_role role, enum sandbox_manner manner)
{
	uint32_t other = manner == SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx f = seccomp_init(has_lists(role) ? other : SCMP_ACT_ALLOW);
	int rc = f == NULL ? -ENOMEM : 0;

	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_intruder(f, role);
	if (rc == 0 && has_lists(role))
		rc = add_allowed(f, role);
	if (rc == 0)
		rc = seccomp_load(f);
	if (f != NULL)
		seccomp_release(f);
	return rc;
}

// Where /proc hides the processes that may not be looked into, the commands would not find the
// supervisor, nor it its children: its core files have nothing in them instead.
static void empty_core_files(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; // a kernel without core files
	(void)!write(fd, "0", 1); // the limit holds all the same
	(void)close(fd);
}

static int hide_memory(enum sandbox_role role)
{
	const struct rlimit none = {0, 0};

	// A core file would hold names of clients, secrets of cookies, tokens.
	(void)setrlimit(RLIMIT_CORE, &none);
	if (role != SANDBOX_SUPERVISOR)
		return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	empty_core_files();
	return 0;
}

int sandbox_enter(enum sandbox_role role, enum sandbox_manner manner, struct err *err)
{
	if (hide_memory(role) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "process attributes: %s", strerror(errno));
	int rc = load(role, manner);
	// ENOSYS, EINVAL: a kernel built without it.
	if (rc == 0 || rc == -ENOSYS || rc == -EINVAL)
		return 0;
	return err_set(err, rc, "system call filter: %s", strerror(-rc));
}
