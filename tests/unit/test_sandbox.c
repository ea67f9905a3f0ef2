// SPDX-License-Identifier: Apache-2.0
// What a process may still do in its sandbox. Each case runs in a process of its own, which tells
// how it went by how it ends.
#include "zones/sandbox/sandbox.h"

#include "zones/base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// 0, or what errno said.
typedef int attempt_fn(void);

static int result(long rc)
{
	return rc >= 0 ? 0 : errno;
}

static int try_exec(void)
{
	char *argv[] = {NULL};

	return result(execve("/bin/true", argv, argv));
}

static int try_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_setuid(void)
{
	return result(syscall(SYS_setresuid, -1, -1, -1));
}

static int try_namespace(void)
{
	return result(unshare(CLONE_NEWNET));
}

static int try_internet(void)
{
	return result(socket(AF_INET, SOCK_DGRAM, 0));
}

static int try_local(void)
{
	return result(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int try_read(void)
{
	return result(open("/proc/self/stat", O_RDONLY));
}

static int try_write(void)
{
	return result(open("/dev/null", O_WRONLY));
}

static int try_memfd(void)
{
	return result(memfd_create("test", MFD_CLOEXEC));
}

static int try_code(void)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int try_process(void)
{
	return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int try_priority(void)
{
	return result(syscall(SYS_setpriority, 0, 0, 0));
}

static void *return_same(void *p)
{
	return p;
}

static int try_thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, return_same, NULL);

	return rc != 0 ? rc : pthread_join(t, NULL);
}

// Waits for the process; 0 when it could, the errno, or minus the signal that ended it.
static int outcome(enum sandbox_role role, enum sandbox_manner manner, attempt_fn *attempt)
{
	struct err err = {0};
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandbox_enter(role, manner, &err) == 0 ? attempt() : 255);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void an_intruder_s_call_ends_the_process(void **state)
{
	static attempt_fn *const attempts[] = {try_exec, try_setuid, try_namespace};

	(void)state;
	for (int role = 0; role < SANDBOX_CONTROL_LOGIN; role++) {
		for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
			assert_int_equal(
				outcome((enum sandbox_role)role, SANDBOX_REFUSE, attempts[i]),
				-SIGSYS);
		}
	}
}

static int try_mount(void)
{
	return result(mount("none", "/", "none", 0, NULL));
}

static void the_supervisor_may_do_what_a_start_takes_and_no_more(void **state)
{
	static attempt_fn *const allowed[] = {try_exec, try_setuid, try_process, try_write};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		assert_int_equal(outcome(SANDBOX_SUPERVISOR, SANDBOX_KILL, allowed[i]), 0);
	assert_int_equal(outcome(SANDBOX_SUPERVISOR, SANDBOX_REFUSE, try_mount), -SIGSYS);
}

static void who_fetches_credentials_may_start_a_program_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(outcome(SANDBOX_CONTROL_LOGIN, SANDBOX_KILL, try_exec), 0);
	assert_int_equal(outcome(SANDBOX_CONTROL_LOGIN, SANDBOX_KILL, try_namespace), -SIGSYS);
}

struct allowance {
	attempt_fn *attempt;
	enum sandbox_role role;
	int refused; // outcome as it is served, and under test
	int killed;
};

static void each_process_may_do_its_work_and_nothing_else(void **state)
{
	static const struct allowance cases[] = {
		{try_internet, SANDBOX_DATAPLANE, EPERM, -SIGSYS},
		{try_internet, SANDBOX_SLOWPATH, 0, 0},
		{try_internet, SANDBOX_CONTROL, 0, 0},
		{try_local, SANDBOX_DATAPLANE, 0, 0},
		{try_read, SANDBOX_DATAPLANE, EACCES, EACCES},
		{try_read, SANDBOX_SLOWPATH, 0, 0},
		{try_read, SANDBOX_MONITOR, 0, 0},
		{try_write, SANDBOX_SLOWPATH, EPERM, -SIGSYS},
		{try_write, SANDBOX_MONITOR, EPERM, -SIGSYS},
		{try_write, SANDBOX_CONTROL, 0, 0},
		{try_memfd, SANDBOX_MONITOR, EPERM, -SIGSYS},
		{try_memfd, SANDBOX_CONTROL, 0, 0},
		{try_ptrace, SANDBOX_CONTROL, -SIGSYS, -SIGSYS},
		{try_code, SANDBOX_DATAPLANE, EACCES, EACCES},
		{try_code, SANDBOX_SLOWPATH, EACCES, EACCES},
		{try_process, SANDBOX_SLOWPATH, EPERM, -SIGSYS},
		{try_priority, SANDBOX_SLOWPATH, EACCES, EACCES},
		{try_thread, SANDBOX_DATAPLANE, 0, 0},
		{try_thread, SANDBOX_CONTROL, 0, 0},
	};

	(void)state;
	if (!sandbox_has_lists())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct allowance *c = &cases[i];
		assert_int_equal(outcome(c->role, SANDBOX_REFUSE, c->attempt), c->refused);
		assert_int_equal(outcome(c->role, SANDBOX_KILL, c->attempt), c->killed);
	}
}

static int try_dump(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static int try_fill(void)
{
	unsigned long kinds = 1;
	struct rlimit core;
	FILE *f = fopen("/proc/self/coredump_filter", "re");

	if (f == NULL)
		return 0; // no core files
	bool is_read = fscanf(f, "%lx", &kinds) == 1;
	(void)fclose(f);
	return is_read && kinds == 0 && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0
		? 0
		: EPERM;
}

static void its_memory_is_in_no_core_file(void **state)
{
	(void)state;
	for (int role = 0; role < SANDBOX_SUPERVISOR; role++)
		assert_int_equal(outcome((enum sandbox_role)role, SANDBOX_KILL, try_dump), 0);
	assert_int_equal(outcome(SANDBOX_SUPERVISOR, SANDBOX_KILL, try_fill), 0);
}

// The commands look for it in /proc, which may show nothing but what may be looked into.
static void the_supervisor_stays_visible(void **state)
{
	(void)state;
	assert_int_equal(outcome(SANDBOX_SUPERVISOR, SANDBOX_KILL, try_dump), 1);
}

static void only_the_test_s_environment_makes_it_strict(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("BURST53_SANDBOX"), 0);
	assert_int_equal(sandbox_manner(), SANDBOX_REFUSE);
	assert_int_equal(setenv("BURST53_SANDBOX", "kill", 1), 0);
	assert_int_equal(sandbox_manner(), SANDBOX_KILL);
	assert_int_equal(setenv("BURST53_SANDBOX", "", 1), 0);
	assert_int_equal(sandbox_manner(), SANDBOX_REFUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intruder_s_call_ends_the_process),
		cmocka_unit_test(the_supervisor_may_do_what_a_start_takes_and_no_more),
		cmocka_unit_test(who_fetches_credentials_may_start_a_program_and_no_more),
		cmocka_unit_test(each_process_may_do_its_work_and_nothing_else),
		cmocka_unit_test(its_memory_is_in_no_core_file),
		cmocka_unit_test(the_supervisor_stays_visible),
		cmocka_unit_test(only_the_test_s_environment_makes_it_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
