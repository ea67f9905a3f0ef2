// SPDX-License-Identifier: Apache-2.0
// What /proc tells of a process.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_usage {
	double cpu_s;
	uint64_t private_bytes; // resident, of files and of its own
	uint64_t shared_bytes; // resident, of shared memory: several processes may have the same
	uint64_t virtual_bytes;
	uint64_t threads;
	uint64_t open_fds, max_fds; // 0 when it is not for us to see
	double start_s; // Unix time
};

// False: there is no such process.
bool proc_usage_read(pid_t pid, struct proc_usage *out);
