// SPDX-License-Identifier: Apache-2.0
// The run directory: a lock that one supervisor holds, the sockets of the processes, the state
// file. Nothing of it is left after a stop in order.
#pragma once

#include "zones/base/err.h"

#include <limits.h>
#include <stdbool.h>

struct run_dir {
	char path[PATH_MAX]; // absolute
	int lock_fd;
	int supervisor_fd, dataplane_fd, slowpath_fd; // listening sockets
	bool is_made; // the directory itself is ours to remove
};

// Makes the directory (mode 0700) when it is missing and takes the lock. -EBUSY when another
// supervisor holds it.
[[nodiscard]] int run_dir_open(const char *path, struct run_dir *d, struct err *err);

enum run_dir_dataplane { RUN_DIR_DATAPLANE, RUN_DIR_NO_DATAPLANE };

// Makes the sockets. One that nobody accepts from would be a receiver that control waits for, so
// there is none for a dataplane that does not run. 0 or -errno.
[[nodiscard]] int run_dir_listen(
	struct run_dir *d, enum run_dir_dataplane dataplane, struct err *err);

// Path of a file in it; false when it is too long.
bool run_dir_file(const struct run_dir *d, const char *name, char out[PATH_MAX]);

// Removes what DPDK of a dataplane that is gone left in it (EAL makes a directory per process).
void run_dir_clean_dpdk(const struct run_dir *d);

// Closes and removes everything; accepts the zeroed struct.
void run_dir_close(struct run_dir *d);
