// SPDX-License-Identifier: Apache-2.0
// A process named by its number and its start time, which together are never used again.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t pid; // 0: none
	uint64_t start_ticks;
};

// Start time of a process in clock ticks since boot; 0 when there is none.
uint64_t proc_start_ticks(pid_t pid);

bool proc_is_alive(const struct proc *p);

enum proc_state { PROC_GONE, PROC_STOPPED, PROC_RUNNING };

// A process that SIGSTOP or a debugger holds is stopped; one that nobody has waited for is gone.
enum proc_state proc_state_of(const struct proc *p);

// SIGTERM, and SIGKILL to those that are still there after wait_ms; returns when all are gone.
void proc_end_all(const struct proc *all, unsigned n, unsigned wait_ms);

// Milliseconds of CLOCK_MONOTONIC.
uint64_t proc_now_ms(void);
