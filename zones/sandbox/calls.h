// SPDX-License-Identifier: Apache-2.0
// Lists of system calls; each ends with SANDBOX_END. A call that this architecture does not have
// is a negative number, which the filter leaves out.
#pragma once

#include "zones/sandbox/sandbox.h"

#include <limits.h>

#define SANDBOX_END INT_MIN

// Any of the processes: memory, threads, clocks, signals, descriptors it has.
extern const int sandbox_calls_common[];
// Sockets of the Internet families, too.
extern const int sandbox_calls_network[];
extern const int sandbox_calls_read_files[];
extern const int sandbox_calls_write_files[];
extern const int sandbox_calls_dataplane[];
// Libraries try these and do without.
extern const int sandbox_calls_refused[];
// The same, for the process that has no files.
extern const int sandbox_calls_files[];
// Nothing of ours ever makes these.
extern const int sandbox_calls_intruder[];
// Rights and namespaces: of whoever starts a process, and of processes that start.
extern const int sandbox_calls_rights[];
// Starting programs: an intruder's for everybody but two roles.
extern const int sandbox_calls_exec[];
// Attaching to other processes: what a sanitizer does at the end.
extern const int sandbox_calls_attach[];
