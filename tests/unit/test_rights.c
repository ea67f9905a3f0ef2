// SPDX-License-Identifier: Apache-2.0
// Tests of what the supervisor keeps; each case gives up its rights in a process of its own.
#include "cli/rights.h"

#include "zones/base/array.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RIGHT(capability) (UINT64_C(1) << (capability))

struct needed_case {
	struct rights_plan plan;
	uint64_t needed;
};

static const uint64_t to_be_others = RIGHT(CAP_SETUID) | RIGHT(CAP_SETGID) | RIGHT(CAP_KILL);
static const uint64_t of_a_link = RIGHT(CAP_NET_ADMIN) | RIGHT(CAP_NET_RAW);

static void each_port_keeps_what_its_start_takes(void **state)
{
	const struct needed_case cases[] = {
		{{.port_kind = PORT_NONE}, 0},
		{{.port_kind = PORT_NONE, .is_root = true}, to_be_others},
		{{.port_kind = PORT_NONE, .has_api_netns = true}, RIGHT(CAP_SYS_ADMIN)},
		{{.port_kind = PORT_AF_PACKET}, of_a_link},
		{{.port_kind = PORT_AF_PACKET, .is_root = true}, of_a_link | to_be_others},
		{{.port_kind = PORT_AF_XDP},
			of_a_link | RIGHT(CAP_SYS_ADMIN) | RIGHT(CAP_BPF) | RIGHT(CAP_IPC_LOCK)},
		{{.port_kind = PORT_PCI},
			of_a_link | RIGHT(CAP_SYS_ADMIN) | RIGHT(CAP_IPC_LOCK) |
				RIGHT(CAP_DAC_OVERRIDE)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(rights_needed(&cases[i].plan),
			cases[i].needed | RIGHT(CAP_DAC_READ_SEARCH));
}

static uint64_t permitted(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return UINT64_MAX;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static bool has_core_files(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0;
}

// 0, or the number of the first thing that is not as it should be.
static int narrowed(uint64_t before)
{
	const struct rights_plan plan = {.port_kind = PORT_AF_PACKET};
	struct err err = {0};
	uint64_t needed = rights_needed(&plan);

	if (rights_keep(&plan, &err) != 0)
		return 1;
	if (permitted() != (before & needed))
		return 2;
	if ((before & RIGHT(CAP_SETPCAP)) != 0 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 0)
		return 3;
	if (prctl(PR_CAPBSET_READ, CAP_NET_RAW) != 1 && (before & RIGHT(CAP_NET_RAW)) != 0)
		return 4;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || has_core_files())
		return 5;
	return 0;
}

static void what_is_not_needed_is_gone_for_good(void **state)
{
	uint64_t before = permitted();
	int status = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(narrowed(before));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_port_keeps_what_its_start_takes),
		cmocka_unit_test(what_is_not_needed_is_gone_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
